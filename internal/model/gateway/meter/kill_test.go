package meter_test

import (
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

// life is what a node does that lives: it opens, adds, stores, gives back, puts off, hands over
// to another hold, and ends.
func life(w *world, m *meter.Meter) {
	var open []*meter.Ticket
	call := func(most core.Credits) {
		if t, err := m.Open(ctx, w.ask(most)); err == nil {
			open = append(open, t)
		}
	}
	settle := func() {
		if len(open) > 0 {
			open[0].Settle(used(3))
			open = open[1:]
		}
	}
	call(10)
	call(5)
	settle()
	m.Work(ctx)
	call(700) // more than is left
	settle()
	m.Work(ctx)
	w.clock.Advance(time.Minute)
	m.Work(ctx)
	call(10)
	w.clock.Advance(40 * time.Second)
	m.Work(ctx)
	for len(open) > 0 {
		settle()
	}
	for range 3 {
		w.clock.Advance(5 * time.Second)
		m.Work(ctx)
	}
}

// TestAKillAtEveryWriteOfAMeter kills a node at each write in turn, before and after it took
// place, and lets it break off once instead. Others end its holds; the ledger hears of all, and
// once more. What is charged is what is written down, and nothing stays held; with a node that
// lives, that is everything.
func TestAKillAtEveryWriteOfAMeter(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	for _, c := range []struct{ after, once bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		for n := int64(1); ; n++ {
			w := newWorld(t, st, 100_000)
			w.budget(ledger.OfKey(key), 5000)
			broken := &storetest.Mortal{Store: st, After: c.after, Once: c.once}
			broken.Left.Store(n)
			m := w.node(broken)
			life(w, m)
			w.deliver()
			if c.once || !broken.Dead.Load() {
				if left := m.Work(ctx); left != 0 {
					t.Fatalf("write %d (%+v): %d accounts stay", n, c, left)
				}
			}
			w.clock.Advance(time.Hour)
			w.sweep() // a note may stay of a hold that seemed not to be opened, too
			w.deliver()
			w.deliver()
			spent := charged(w)
			w.settled(100_000, spent)
			if c.once && n > 3 && spent < 9 { // a refused call is all that such a break costs
				t.Fatalf("write %d (%+v): only %d are charged", n, c, spent)
			}
			if broken.Left.Load() > 0 {
				if n < 12 {
					t.Fatalf("only %d writes: the test looks at the wrong place", n-1)
				}
				if spent != 12 {
					t.Fatalf("without a kill %d were charged", spent)
				}
				break
			}
		}
	}
}

// charged is what the calls cost that are written down.
func charged(w *world) (sum core.Credits) {
	w.t.Helper()
	for _, e := range w.events() {
		p, err := e.Payload()
		if err != nil {
			w.t.Fatal(err)
		}
		if c, ok := p.(core.CallsMetered); ok {
			sum += c.Cost
		}
	}
	return sum
}
