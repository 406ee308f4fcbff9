package meter_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Credits are set aside for many calls, what a call didn't use is free at once, and at the end
// the books have what the calls cost.
func TestAHoldPaysForManyCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 1000)
	w.budget(ledger.OfOrg, 900)
	w.budget(ledger.OfKey(key), 700)
	m := w.node(w.st)
	first := w.open(m, 10)
	if b := w.balance(); b.Held != 640 {
		t.Fatalf("after the first call %+v", b)
	}
	first.Settle(used(3))
	first.Settle(used(10)) // once is enough
	first.Drop()
	for range 300 { // 6 at most, and 1 used: the hold pays for all of them
		w.open(m, 6).Settle(used(1))
	}
	w.open(m, 100).Drop()
	if b := w.balance(); b.Held != 640 || b.Spent != 0 {
		t.Fatalf("before it is told of %+v", b)
	}
	w.idle(m)
	w.settled(1000, 303)
	types := map[string]int{}
	for _, e := range w.events() {
		types[e.Type]++
	}
	if types["calls.metered"] != 1 || types["hold.ended"] != 1 || m.Backlog() != 0 {
		t.Errorf("%v, and %d wait", types, m.Backlog())
	}
	w.deliver() // all once more
	w.settled(1000, 303)
}

// What is refused says which account is short; what fits still passes, to the last credit.
func TestTheEndOfABudget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		granted core.Credits
		of      ledger.Subject
		limit   core.Credits
		says    string
	}{
		"the org's credits":    {100, "", 0, "the org has no 41 credits"},
		"the key's budget":     {1000, ledger.OfKey(key), 100, "the budget key/key_a/2026-11 has no"},
		"the project's budget": {1000, ledger.OfProject("prj_a"), 100, "the budget project/prj_a/2026-11 has no"},
		"the org's budget":     {1000, ledger.OfOrg, 100, "the budget org/2026-11 has no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, openSQLite(t), c.granted)
			if c.of != "" {
				w.budget(c.of, c.limit)
			}
			m := w.node(w.st)
			a := w.open(m, 60)
			if err := w.refused(m, 41); !strings.Contains(err.Error(), strings.Split(c.says, " 41")[0]) {
				t.Errorf("it says %v", err)
			}
			b := w.open(m, 40)
			w.refused(m, 1)
			a.Settle(used(30)) // and the rest is free
			w.open(m, 30).Settle(used(30))
			b.Drop()
			w.idle(m)
			w.settled(c.granted, 60)
		})
	}
}

// TestAThousandCallsAtOnce lets 1,000 calls begin at once on a key whose budget pays for 400.
func TestAThousandCallsAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, nodes []store.Store) {
		w := newWorld(t, nodes[0], 100_000)
		w.budget(ledger.OfKey(key), 400*10)
		m := w.node(nodes[0])
		passed := atOnce(w, 1000, m)
		if len(passed) != 400 {
			t.Fatalf("%d passed", len(passed))
		}
		if b := w.balance(); b.Held != 4000 {
			t.Fatalf("%+v", b)
		}
		settleAll(passed, 7)
		w.idle(m)
		w.settled(100_000, 400*7)
		passed = atOnce(w, 1000, m) // of the 1,200 that are left
		settleAll(passed, 10)
		w.idle(m)
		if len(passed) != 120 {
			t.Fatalf("%d passed then", len(passed))
		}
		w.settled(100_000, 4000)
	})
}

// With several nodes it is never more, and all in the end: what one holds and doesn't need
// comes back when nobody calls there.
func TestAThousandCallsOnThreeNodes(t *testing.T) {
	t.Parallel()
	onBoth(t, 3, func(t *testing.T, stores []store.Store) {
		w := newWorld(t, stores[0], 100_000)
		w.budget(ledger.OfKey(key), 400*10)
		var nodes []*meter.Meter
		for _, st := range stores {
			nodes = append(nodes, w.node(st))
		}
		passed := atOnce(w, 1000, nodes...)
		if len(passed) > 400 || len(passed) < 200 {
			t.Fatalf("%d passed", len(passed))
		}
		settleAll(passed, 10)
		w.idle(nodes...)
		w.settled(100_000, core.Credits(len(passed))*10)
		for _, m := range nodes { // one after the other, so that each ends before the next
			more := atOnce(w, 200, m)
			settleAll(more, 10)
			w.idle(m)
			passed = append(passed, more...)
		}
		if len(passed) != 400 {
			t.Fatalf("%d passed in the end", len(passed))
		}
		w.settled(100_000, 4000)
	})
}

// atOnce lets n calls of at most 10 begin, by one node or the other, and returns those that may.
func atOnce(w *world, n int, nodes ...*meter.Meter) (passed []*meter.Ticket) {
	w.t.Helper()
	var mu sync.Mutex
	var wrong atomic.Value
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			t, err := nodes[i%len(nodes)].Open(ctx, w.ask(10))
			switch core.CodeOf(err) {
			case "":
				mu.Lock()
				defer mu.Unlock()
				passed = append(passed, t)
			case core.Exhausted:
			default:
				wrong.Store(err)
			}
		})
	}
	close(start)
	all.Wait()
	if err := wrong.Load(); err != nil {
		w.t.Fatal(err)
	}
	return passed
}

func settleAll(tickets []*meter.Ticket, cost core.Credits) {
	var all sync.WaitGroup
	for _, t := range tickets {
		all.Go(func() { t.Settle(used(cost)) })
	}
	all.Wait()
}

// slow is a store that sets credits aside when it is let to.
type slow struct {
	store.Store
	posts chan struct{}
	let   chan struct{}
}

func (s *slow) Post(ctx context.Context, org core.OrgID, p ...store.Posting) ([]bool, error) {
	if p[0].Kind == "hold" {
		s.posts <- struct{}{}
		<-s.let
	}
	return s.Store.Post(ctx, org, p...)
}

// Calls that come at once share one opening; who doesn't want to wait any more goes, and the
// others don't notice, not even if it is the first one that goes.
func TestCallsShareAnOpening(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	w := newWorld(t, st, 1000)
	s := &slow{Store: st, posts: make(chan struct{}, 100), let: make(chan struct{})}
	m := w.node(s)
	short, cancel := context.WithCancel(ctx)
	gone := make(chan error, 1)
	go func() { _, err := m.Open(short, w.ask(10)); gone <- err }()
	<-s.posts
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := m.Open(ctx, w.ask(10)); err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	if err := <-gone; core.CodeOf(err) != core.Canceled {
		t.Errorf("who went was told %v", err)
	}
	close(s.let)
	all.Wait()
	if n := len(s.posts); n != 0 {
		t.Errorf("credits were set aside %d times more", n)
	}
}

// Calls of those who don't pay are written down; they need no price and no credits.
func TestCallsThatArentCharged(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(*meter.Config, *meter.Ask){
		"an installation without charges": func(c *meter.Config, _ *meter.Ask) { c.Charge = false },
		"the owner":                       func(_ *meter.Config, a *meter.Ask) { a.Free = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, openSQLite(t), 0)
			ask := w.ask(10)
			ask.Price = "model/none"
			m := w.node(w.st, func(c *meter.Config) { f(c, &ask) })
			for range 3 {
				ticket, err := m.Open(ctx, ask)
				if err != nil {
					t.Fatal(err)
				}
				ticket.Settle(used(10))
			}
			w.idle(m)
			w.settled(0, 0)
			if n := len(w.events()); n != 2 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestPrices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 1000)
	m := w.node(w.st)
	ask := w.ask(10)
	ask.Price = "none/none"
	if _, err := m.Open(ctx, ask); core.CodeOf(err) != core.NotFound || core.HintOf(err) == "" {
		t.Errorf("a call without a price: %v", err)
	}
	ask.Fixed = &core.Price{Output: 5_000_000, Call: 2}
	ticket, err := m.Open(ctx, ask)
	if err != nil {
		t.Fatal(err)
	}
	ticket.Settle(used(10)) // 10 tokens of 5, and the call
	for _, status := range []string{meter.StatusFailed, meter.StatusCached, meter.StatusCanceled} {
		if ticket, err = m.Open(ctx, ask); err != nil {
			t.Fatal(err)
		}
		ticket.Settle(meter.Used{Status: status}) // which used nothing
	}
	ticket = w.open(m, 10)
	ticket.Settle(used(40)) // more than was thought
	w.idle(m)
	w.settled(1000, 92)
}

// A budget that changes holds from the next call that needs credits on.
func TestBudgetsChangeMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 10_000)
	m := w.node(w.st)
	w.open(m, 10).Settle(used(10)) // of 640 that are held, in no budget
	w.budget(ledger.OfKey(key), 700)
	w.open(m, 635).Settle(used(100)) // more than is left: another hold has to pay, in the budget
	if b, err := w.books.Budget(ctx, w.org, ledger.OfKey(key)); err != nil || b.Held != 700 && b.Held != 635 {
		t.Errorf("%+v: %v", b, err)
	}
	w.refused(m, 601)
	w.budget(ledger.OfKey(key), 701)
	w.open(m, 601).Drop()
	if err := w.books.RemoveBudget(ctx, w.org, ledger.OfKey(key)); err != nil {
		t.Fatal(err)
	}
	w.open(m, 5000).Settle(used(5000))
	w.budget(ledger.OfKey(key), 701)
	w.idle(m)
	if b, err := w.books.Budget(ctx, w.org, ledger.OfKey(key)); err != nil || b.Held != 0 || b.Used != 100 {
		t.Errorf("%+v: %v", b, err)
	}
	if b, want := w.balance(), (ledger.Balance{Available: 4890, Spent: 5110, Granted: 10_000}); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
	w.law()
}

// After a minute another hold takes over; what the one before has left and no call needs goes
// back, while calls are still under way there.
func TestALongCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 1000)
	w.budget(ledger.OfKey(key), 640)
	m := w.node(w.st)
	long := w.open(m, 10)
	w.clock.Advance(5 * time.Second)
	m.Work(ctx)
	if b := w.balance(); b.Held != 10 {
		t.Fatalf("for the call that is under way %+v", b)
	}
	for range 10 {
		w.clock.Advance(time.Minute)
		m.Work(ctx)
		if n := w.sweep(); n != 0 {
			t.Fatal("a hold of a node that lives was ended")
		}
	}
	second := w.open(m, 630)
	w.refused(m, 1)
	second.Drop()
	long.Settle(used(9))
	w.idle(m)
	w.settled(1000, 9)
}

// A node that isn't looked after for so long that its holds are ended for it charges what it
// has not yet charged all the same: nothing is lost, and nothing counts twice.
func TestTooLate(t *testing.T) {
	t.Parallel()
	for _, charged := range []bool{true, false} {
		w := newWorld(t, openSQLite(t), 1000)
		w.budget(ledger.OfKey(key), 100)
		m := w.node(w.st, func(c *meter.Config) { c.Charge = charged })
		w.open(m, 10).Settle(used(10))
		m.Work(ctx)
		w.open(m, 10).Settle(used(10))
		flying := []*meter.Ticket{w.open(m, 40), w.open(m, 40)}
		w.clock.Advance(10 * time.Minute)
		if n := w.sweep(); n != 1 {
			t.Fatalf("%d holds were ended", n)
		}
		w.deliver()
		flying[0].Settle(used(30))
		m.Work(ctx)
		flying[1].Settle(used(25))
		w.idle(m)
		if want := core.Credits(75); charged {
			w.settled(1000, want)
		} else {
			w.settled(1000, 0)
		}
		if n := calls(w); n != 4 {
			t.Errorf("%d calls are written down", n)
		}
	}
}

// calls is how many calls are in the events.
func calls(w *world) (n int) {
	w.t.Helper()
	for _, e := range w.events() {
		p, err := e.Payload()
		if err != nil {
			w.t.Fatal(err)
		}
		if c, ok := p.(core.CallsMetered); ok {
			for _, alike := range c.Calls {
				n += alike.N
			}
		}
	}
	return n
}

// While the store takes nothing, calls are admitted until too many wait; when it is back, all
// are charged, once.
func TestAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	w := newWorld(t, st, 10_000_000)
	broken := &storetest.Mortal{Store: st}
	m := w.node(broken)
	keys := []core.KeyID{"key_a", "key_b", "key_c", "key_d", "key_e"}
	ask := func(i int, most core.Credits) meter.Ask {
		a := w.ask(most)
		a.Key = keys[i%len(keys)]
		return a
	}
	for i := range keys {
		ticket, err := m.Open(ctx, ask(i, 10_000))
		if err != nil {
			t.Fatal(err)
		}
		ticket.Drop()
	}
	broken.Dead.Store(true)
	for i := range meter.MaxBacklog {
		ticket, err := m.Open(ctx, ask(i, 1))
		if err != nil {
			t.Fatal(err)
		}
		ticket.Settle(used(1))
		if i%(1<<14) == 0 {
			m.Work(ctx)
		}
	}
	if _, err := m.Open(ctx, ask(0, 1)); core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
		t.Fatalf("with so many that wait: %v", err)
	}
	broken.Dead.Store(false)
	m.Work(ctx)
	w.open(m, 1).Drop()
	w.idle(m)
	w.settled(10_000_000, meter.MaxBacklog)
}
