package meter_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// run runs a meter until stop is called, which waits for its end.
func run(t testing.TB, m *meter.Meter) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A stop stores what was settled and waits for calls that are about to end; what is set aside
// comes back. It begins again as often as one likes.
func TestStartAndStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 100_000)
	w.budget("org", 50_000)
	spent := core.Credits(0)
	for n := range 20 {
		m := w.node(w.st, func(c *meter.Config) { c.Every = time.Millisecond; c.Now = time.Now })
		stop := run(t, m)
		var calls sync.WaitGroup
		for i := range n {
			ticket := w.open(m, 10)
			spent += core.Credits(i)
			calls.Go(func() { ticket.Settle(used(core.Credits(i))) })
		}
		if n%2 == 0 {
			calls.Wait()
		}
		stop()
		calls.Wait()
		if _, err := m.Open(ctx, w.ask(10)); core.CodeOf(err) != core.Unavailable {
			t.Fatalf("after the stop: %v", err)
		}
		if m.Backlog() != 0 {
			t.Fatalf("%d calls wait for ever", m.Backlog())
		}
	}
	w.deliver()
	w.settled(100_000, spent)
}

// A stop that comes while credits are being set aside doesn't hang, and leaves nothing.
func TestAStopInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 100_000)
	for range 10 {
		m := w.node(w.st, func(c *meter.Config) { c.Every = time.Millisecond; c.Now = time.Now })
		stop := run(t, m)
		var calls sync.WaitGroup
		for range 30 {
			calls.Go(func() {
				if ticket, err := m.Open(ctx, w.ask(10)); err == nil {
					ticket.Settle(used(0))
				} else if core.CodeOf(err) != core.Unavailable {
					t.Error(err)
				}
			})
		}
		stop()
		calls.Wait()
	}
	w.deliver()
	w.settled(100_000, 0)
}

// Settled calls are stored within the time that they may be lost in, and the hold ends when
// nobody calls any more: by itself.
func TestItRunsByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 1000)
	m := w.node(w.st, func(c *meter.Config) { c.Every, c.Idle, c.Now = 5*time.Millisecond, 500*time.Millisecond, time.Now })
	defer run(t, m)()
	w.open(m, 10).Settle(used(4))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if all := w.events(); len(all) == 2 && all[1].Type == "hold.ended" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the hold doesn't end")
		}
	}
	w.deliver()
	if b := w.balance(); b.Spent != 4 || b.Held != 0 {
		t.Errorf("%+v", b)
	}
}
