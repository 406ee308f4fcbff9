package notify_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

// TestKilledAnywhere: the process dies at each write, before it or after, from the event to the
// end of the delivery. Then another goes on: the message has been sent, more than once at
// most where nobody can know, and always by the same id; nothing is left over.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		again := 0
		for _, afterwards := range []bool{false, true} {
			for at := int64(1); ; at++ {
				who := scope
				who.Org = core.OrgID(fmt.Sprintf("org_%d%t", at, afterwards))
				c := newClock()
				m := &storetest.Mortal{Store: nodes[0], After: afterwards}
				r := newReceiver(t, c)
				dying, next := newService(t, m, c), newService(t, nodes[1], c)
				h := r.hook(next, who, notify.NewWebhook{})
				event := task(t, nodes[0], who, "tsk_1")[2]
				m.Left.Store(at)
				err := dying.Handler()(t.Context(), event)
				if err == nil {
					_ = dying.Pass(t.Context())
				}
				died := m.Dead.Load()
				if err != nil {
					handle(t, next, event) // the bus delivers again
				}
				pass(t, next)
				c.pass(2 * time.Minute) // what the dead one had claimed
				pass(t, next)
				all := r.got()
				d, _, err := next.Deliveries(t.Context(), who, h.ID, "", "", 10)
				if err != nil || len(d) != 1 || d[0].State != notify.Delivered {
					t.Fatalf("killed at write %d: %+v, %v", at, d, err)
				}
				if len(all) < 1 || len(all) > 2 || all[len(all)-1].ID != all[0].ID || all[0].ID != d[0].ID {
					t.Errorf("killed at write %d: %+v", at, all)
				}
				again += len(all) - 1
				if n, err := next.Waiting(t.Context()); n != 0 || err != nil {
					t.Errorf("killed at write %d: %d entries are left, %v", at, n, err)
				}
				if !died {
					break
				}
			}
		}
		if again == 0 {
			t.Error("it never died between the sending and the mark")
		}
	})
}

// TestKilledWhileDisabling: that an endpoint is disabled is told, wherever the process dies.
func TestKilledWhileDisabling(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		for at := int64(1); ; at++ {
			who := scope
			who.Org = core.OrgID(fmt.Sprintf("org_%d", at))
			c := newClock()
			m := &storetest.Mortal{Store: nodes[0]}
			r := newReceiver(t, c)
			r.answers(410)
			dying, next := newService(t, m, c), newService(t, nodes[1], c)
			r.hook(next, who, notify.NewWebhook{})
			handle(t, next, task(t, nodes[0], who, "tsk_1")...)
			m.Left.Store(at)
			_ = dying.Pass(t.Context())
			died := m.Dead.Load()
			c.pass(2 * time.Minute)
			pass(t, next)
			events, err := nodes[0].ReadOrg(t.Context(), who.Org, 0, 10)
			if err != nil || len(events) != 4 || events[3].Type != (core.NoticeRaised{}).EventType() {
				t.Fatalf("killed at write %d: %d events, %v", at, len(events), err)
			}
			if !died {
				break
			}
		}
	})
}

// TestTwoNodes send each message once: one claims what the other then doesn't try.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		r := newReceiver(t, c)
		var all [2]*notify.Service
		for i, st := range nodes {
			all[i] = newService(t, st, c)
		}
		h := r.hook(all[0], scope, notify.NewWebhook{})
		const messages = 40
		for i := range messages {
			handle(t, all[0], task(t, nodes[0], scope, fmt.Sprintf("tsk_%d", i))...)
		}
		for range messages { // each pass takes as much of an org as is tried at once
			var both sync.WaitGroup
			for _, s := range all {
				both.Go(func() { pass(t, s) })
			}
			both.Wait()
		}
		seen := map[string]int{}
		for _, m := range r.got() {
			if seen[m.ID]++; seen[m.ID] > 1 {
				t.Errorf("%s was sent %d times", m.ID, seen[m.ID])
			}
		}
		if len(seen) != messages {
			t.Errorf("%d messages were sent", len(seen))
		}
		d, _, err := all[1].Deliveries(t.Context(), scope, h.ID, notify.Delivered, "", 100)
		if err != nil || len(d) != messages {
			t.Errorf("%d were delivered, %v", len(d), err)
		}
	})
}

// TestOneOrgHoldsUpNoOther: an endpoint that never answers takes its own org's room alone.
func TestOneOrgHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		s := newService(t, nodes[0], c)
		slow, quick := newReceiver(t, c), newReceiver(t, c)
		slow.hold = make(chan struct{})
		other := core.Scope{Org: "org_b", Project: "prj_b", Actor: scope.Actor}
		slow.hook(s, scope, notify.NewWebhook{})
		quick.hook(s, other, notify.NewWebhook{})
		for i := range 20 {
			handle(t, s, task(t, nodes[0], scope, fmt.Sprintf("tsk_%d", i))...)
		}
		c.pass(time.Second)
		handle(t, s, task(t, nodes[0], other, "tsk_b")...)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		until(t, "the other org's message", func() bool { return len(quick.got()) == 1 })
		if n := len(slow.got()); n > 4 {
			t.Errorf("%d tries of one org at once", n)
		}
		stop()
		close(slow.hold)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestRunStops, however often it is started, and leaves what it didn't finish to the next.
func TestRunStops(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		s := newService(t, nodes[0], c)
		r := newReceiver(t, c)
		h := r.hook(s, scope, notify.NewWebhook{})
		for i := range 10 {
			handle(t, s, task(t, nodes[0], scope, fmt.Sprintf("tsk_%d", i))...)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			if i%2 == 0 {
				until(t, "a message", func() bool { return len(r.got()) > i })
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		until(t, "all messages", func() bool {
			c.pass(time.Minute)
			pass(t, s)
			d, _, err := s.Deliveries(t.Context(), scope, h.ID, notify.Delivered, "", 100)
			return err == nil && len(d) == 10
		})
	})
}

// until waits for a condition; it is looked at often, for want of an event.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no sign of " + what)
		}
	}
}
