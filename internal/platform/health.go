package platform

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// minFree is how much room a data directory should have.
const minFree = 256 << 20

// health says how each dependency of a running node is.
func (n *node) health(ctx context.Context) client.Health {
	ctx, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	h := client.Health{Status: "ok", Version: BuildVersion}
	h.Model, h.Notice = n.usual(ctx, core.DefaultOrg)
	_, err := n.driver.Orgs(ctx)
	h.Checks = append(h.Checks, check("store", n.cfg.driver(), err), check("keys", "the master key opens them", n.keysOpen.check(ctx, n.vault.Check)), diskCheck(n.dir.Path), n.memoryCheck(ctx))
	pending, err := n.driver.Pending(ctx, 1)
	h.Checks = append(h.Checks, outboxCheck(pending, err, time.Now()))
	h.Checks = append(h.Checks, check("sandbox", "Linux namespaces", n.sandbox.Probe(ctx).Err()))
	h.Checks = append(h.Checks, n.nodesCheck(ctx)...)
	_, err = appRuntime()
	h.Checks = append(h.Checks, check("runtime", "for generated apps", err))
	for _, c := range h.Checks {
		if !c.OK {
			h.Status = "degraded"
		}
	}
	return h
}

// lately remembers what a check found that others pay for: a key server, say. Safe for
// concurrent use.
type lately struct {
	asking singleflight.Group
	kept   time.Duration // how long an answer is; 0: fresh
	mu     sync.Mutex
	at     time.Time
	err    error
}

const (
	fresh     = 30 * time.Second
	checkTime = 10 * time.Second // for f to answer
)

// check asks f, unless it was asked lately. Who doesn't wait for the answer keeps it from
// nobody.
func (l *lately) check(ctx context.Context, f func(context.Context) error) error {
	l.mu.Lock()
	at, err := l.at, l.err
	l.mu.Unlock()
	if time.Since(at) <= cmp.Or(l.kept, fresh) {
		return err
	}
	answer := l.asking.DoChan("", func() (any, error) {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
		defer done()
		err := f(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at, l.err = time.Now(), err
		return nil, err
	})
	select {
	case a := <-answer:
		return a.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// check is the health of something that has an error or not.
func check(name, detail string, err error) client.HealthCheck {
	if err != nil {
		return client.HealthCheck{Name: name, Detail: err.Error(), Hint: core.HintOf(err)}
	}
	return client.HealthCheck{Name: name, OK: true, Detail: detail}
}

// waitsLong is how long an event may wait for the bus before somebody should look.
const waitsLong = time.Minute

// outboxCheck says how long the oldest event has waited: lists and consumers are as far
// behind.
func outboxCheck(oldest []store.Message, err error, now time.Time) client.HealthCheck {
	if err != nil || len(oldest) == 0 {
		return check("outbox", "nothing waits for long", err)
	}
	if waits := now.Sub(oldest[0].Event.At).Round(time.Second); waits > waitsLong {
		return client.HealthCheck{Name: "outbox", Detail: "an event has waited for " + waits.String() + ": lists are as far behind",
			Hint: "see that the bus takes events; the log of the node whose relay leads says why it doesn't"}
	}
	return check("outbox", "nothing waits for long", nil)
}

func diskCheck(path string) client.HealthCheck {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return check("disk", "", diskError("disk", path, err))
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < minFree {
		return client.HealthCheck{Name: "disk", Detail: "less than 256 MiB are free", Hint: "free some space, or move the data directory"}
	}
	return client.HealthCheck{Name: "disk", OK: true, Detail: "enough room"}
}
