package ns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

const opDial = "sandbox.dial"

// Dial connects to an address inside the box, "tcp" only. The first process makes the
// socket, which belongs to the box's network for good, and hands it over; this process
// connects it. unavailable: nobody listens there.
func (b *box) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	addr, err := loopback(network, address)
	if err != nil {
		return nil, err
	}
	if b.isKilled() {
		return nil, gone(opDial)
	}
	domain, sa := sockaddr(addr)
	f, err := b.socket(ctx, domain)
	if err != nil {
		return nil, b.failed(ctx, opDial, err)
	}
	defer f.Close()
	if err := connect(ctx, f, sa); err != nil {
		if ctx.Err() != nil {
			return nil, core.E(core.CodeOf(ctx.Err()), opDial, "gave up").Because(ctx.Err())
		}
		return nil, core.E(core.Unavailable, opDial, "can't connect to "+address+" in the box").Because(err)
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, core.E(core.Unavailable, opDial, "can't use the connection").Because(err)
	}
	return conn, nil
}

// socket returns a new TCP socket of the box's network.
func (b *box) socket(ctx context.Context, domain int) (*os.File, error) {
	_, fd, err := b.control.ask(ctx, boot.OpSocket, func(e *boot.Encoder) {
		e.Uint(uint64(domain))
		e.Uint(unix.SOCK_STREAM)
	})
	if err == nil && fd < 0 {
		err = errors.New("no socket came")
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}

// loopback reads an address, which must be the box's own.
func loopback(network, address string) (netip.AddrPort, error) {
	bad := func() (netip.AddrPort, error) {
		return netip.AddrPort{}, core.E(core.Invalid, opDial, network+" "+address+" isn't a TCP address of the box itself")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || (network != "tcp" && network != "tcp4" && network != "tcp6") {
		return bad()
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil || !addr.Addr().IsLoopback() || addr.Port() == 0 {
		return bad()
	}
	return addr, nil
}

func sockaddr(a netip.AddrPort) (int, unix.Sockaddr) {
	if a.Addr().Unmap().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().Unmap().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// connect connects a non-blocking socket.
func connect(ctx context.Context, f *os.File, sa unix.Sockaddr) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	began := false
	var cerr error
	err = raw.Write(func(fd uintptr) bool {
		if !began {
			began = true
			cerr = unix.Connect(int(fd), sa)
			return cerr != unix.EINPROGRESS
		}
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			cerr = err
		case code != 0:
			cerr = unix.Errno(code)
		default:
			if _, err := unix.Getpeername(int(fd)); err != nil {
				return false // woken too early
			}
			cerr = nil
		}
		return true
	})
	if cerr != nil && cerr != unix.EINPROGRESS {
		return cerr
	}
	return err
}
