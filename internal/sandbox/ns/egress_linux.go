package ns

import (
	"context"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/proxy"
)

// openEgress has this process listen in the box, and serve the box's proxy. It is Dial the
// other way round: the first process makes the socket, which belongs to the box's network
// for good, and hands it over. From then on it has no part in it: no descriptor, no byte.
// The workload can't take the port, which is bound before there is one.
func (b *box) openEgress(ctx context.Context, e sandbox.Egress) error {
	f, err := b.socket(ctx, unix.AF_INET)
	if err != nil {
		return b.failed(ctx, op, err)
	}
	defer f.Close()
	l, err := listen(f)
	if err != nil {
		return core.E(core.Unavailable, op, "can't listen in the box").Because(err)
	}
	b.proxy = proxy.Serve(l, e, b.d.outlet)
	return nil
}

// backlog is how many connections of a box the kernel keeps waiting.
const backlog = 64

// listen makes a new socket one that listens where boxes look for the proxy.
func listen(f *os.File) (net.Listener, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	_, at := sockaddr(netip.MustParseAddrPort(sandbox.ProxyAddress))
	var lerr error
	err = raw.Control(func(fd uintptr) {
		if lerr = unix.Bind(int(fd), at); lerr == nil {
			lerr = unix.Listen(int(fd), backlog)
		}
	})
	if err == nil {
		err = lerr
	}
	if err != nil {
		return nil, err
	}
	return net.FileListener(f)
}
