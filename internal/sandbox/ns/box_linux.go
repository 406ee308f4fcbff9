package ns

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
	"github.com/isekai-run/isekai/internal/sandbox/proxy"
)

// box implements sandbox.Box.
type box struct {
	*seed
	limits sandbox.Limits
	image  *image
	proxy  *proxy.Proxy  // nil without Egress
	execs  atomic.Uint64 // the last id of an Exec

	mu     sync.RWMutex // held for reading while mounts' descriptors are used
	mounts []mounted
	dead   bool

	kill   sync.Once
	killed chan struct{} // closed when Kill begins
}

// mounted is a mount and its folder on the host.
type mounted struct {
	sandbox.Mount
	dir int
}

func gone(op string) error {
	return core.E(core.Unavailable, op, "the box was killed")
}

// Kill ends the box. See sandbox.Box.
func (b *box) Kill(context.Context) error {
	b.kill.Do(func() {
		close(b.killed)
		b.seed.end()
		if b.proxy != nil {
			b.proxy.Close()
		}
		b.d.sow(b.image)
		b.mu.Lock()
		b.dead = true
		for _, m := range b.mounts {
			if m.Writable && !b.d.root {
				restorePermissions(m.dir)
			}
			unix.Close(m.dir)
		}
		b.mu.Unlock()
	})
	return nil
}

// Stats says what the box uses: by its cgroups where it has them.
func (b *box) Stats(ctx context.Context) (sandbox.Stats, error) {
	const op = "sandbox.stats"
	if b.isKilled() {
		return sandbox.Stats{}, gone(op)
	}
	d, _, err := b.control.ask(ctx, boot.OpStats, nil)
	if err != nil {
		return sandbox.Stats{}, b.failed(ctx, op, err)
	}
	var s boot.Stats
	s.Decode(d)
	stats := sandbox.Stats{Memory: int64(s.Memory), Pids: int(s.Pids), CPU: time.Duration(s.CPU) * time.Microsecond, Disk: int64(s.Disk)}
	g := b.d.groups.usage(b.name)
	if g.memory >= 0 {
		stats.Memory = g.memory
	}
	if g.pids >= 0 {
		stats.Pids = int(g.pids)
	}
	return stats, nil
}

func (b *box) isKilled() bool {
	select {
	case <-b.killed:
		return true
	default:
		return false
	}
}

// failed says why a request was not answered.
func (b *box) failed(ctx context.Context, op string, err error) error {
	switch {
	case b.isKilled():
		return gone(op)
	case ctx.Err() != nil:
		return core.E(core.CodeOf(ctx.Err()), op, "gave up").Because(ctx.Err())
	}
	return core.E(core.Unavailable, op, "the box did not do it").Because(err)
}
