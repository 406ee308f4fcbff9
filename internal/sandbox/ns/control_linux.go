package ns

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

// control talks to a box's first process. Methods are safe for concurrent use.
type control struct {
	conn *net.UnixConn

	mu  sync.Mutex // one request is out at a time
	seq uint64
	buf []byte
	oob []byte
}

// newControl makes a control socket and returns the box's end with it.
func newControl() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	box := os.NewFile(uintptr(fds[1]), "box")
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		box.Close()
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	host := os.NewFile(uintptr(fds[0]), "control")
	defer host.Close()
	conn, err := net.FileConn(host)
	if err != nil {
		box.Close()
		return nil, nil, err
	}
	return &control{conn: conn.(*net.UnixConn), buf: make([]byte, 4096), oob: make([]byte, 128)}, box, nil
}

func (c *control) close() { c.conn.Close() }

// request starts a message.
func request(op boot.Op, seq uint64) *boot.Encoder {
	e := &boot.Encoder{B: make([]byte, 0, 512)}
	e.Uint(uint64(op))
	e.Uint(seq)
	return e
}

// send says something that isn't answered. Writes of datagrams don't mix.
func (c *control) send(e *boot.Encoder, fds ...int) error {
	if len(e.B) > boot.MaxMessage {
		return errTooLong
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_, _, err := c.conn.WriteMsgUnix(e.B, oob, nil)
	return err
}

var errTooLong = errors.New("too long for one message")

// ask sends a request and returns the body of the answer and the descriptor with it,
// or -1. An answer that nobody waited for any more is dropped.
func (c *control) ask(ctx context.Context, op boot.Op, body func(*boot.Encoder), fds ...int) (*boot.Decoder, int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil { // before anything is done in the box
		return nil, -1, err
	}
	c.seq++
	e := request(op, c.seq)
	if body != nil {
		body(e)
	}
	if err := c.send(e, fds...); err != nil {
		return nil, -1, err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { c.conn.SetReadDeadline(time.Unix(1, 0)); close(woken) })
	defer func() {
		if !stop() {
			<-woken
			c.conn.SetReadDeadline(time.Time{})
		}
	}()
	for {
		n, on, _, _, err := c.conn.ReadMsgUnix(c.buf, c.oob)
		if err != nil || n == 0 {
			if ctx.Err() != nil {
				return nil, -1, ctx.Err()
			}
			return nil, -1, errGone
		}
		fd := firstRight(c.oob[:on])
		d := &boot.Decoder{B: append([]byte(nil), c.buf[:n]...)}
		if d.Uint() != c.seq {
			if fd >= 0 {
				unix.Close(fd)
			}
			continue
		}
		if msg := d.String(); msg != "" {
			return nil, fd, errors.New(msg)
		}
		return d, fd, nil
	}
}

var errGone = errors.New("the box's first process has ended")

func firstRight(oob []byte) int {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}
