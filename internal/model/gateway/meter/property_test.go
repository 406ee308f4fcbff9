package meter_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

// town is a world in which anything happens: nodes call, are looked after or not, die and are
// followed by others; their holds are ended for them, alive or not; the ledger hears of it late,
// twice, in any order, and dies in between.
type town struct {
	*world
	rt      *rapid.T
	dice    *rand.Rand // what rapid draws is mostly small, and so would seldom get far
	nodes   []*citizen
	settled core.Credits // what the calls of nodes that live cost
	killed  bool
	rude    bool // a node that lives had its hold ended
}

// citizen is a node, and the calls that it has under way.
type citizen struct {
	*meter.Meter
	store *storetest.Mortal
	calls []call
}

type call struct {
	*meter.Ticket
	most core.Credits
}

func (w *town) begin() *citizen {
	c := &citizen{store: &storetest.Mortal{Store: w.st}}
	behind := pick(w.dice, []time.Duration{0, 0, 10 * time.Minute})
	c.Meter = w.node(c.store, func(c *meter.Config) {
		c.Now = func() time.Time { return w.clock.Now().Add(-behind) }
	})
	return c
}

// step lets one thing happen.
func (w *town) step() {
	i := w.dice.IntN(len(w.nodes))
	n := w.nodes[i]
	switch what := w.dice.IntN(20); {
	case what < 6:
		most := core.Credits(w.dice.IntN(41))
		t, err := n.Open(ctx, w.ask(most))
		if err == nil {
			n.calls = append(n.calls, call{t, most})
		} else if core.CodeOf(err) != core.Exhausted {
			w.rt.Fatal(err)
		}
	case what < 11:
		w.end(n)
	case what < 14:
		n.Work(ctx)
	case what < 16:
		w.clock.Advance(pick(w.dice, []time.Duration{time.Second, 4 * time.Second, 30 * time.Second, 70 * time.Second, 5 * time.Minute}))
	case what == 16:
		w.clock.Advance(pick(w.dice, []time.Duration{0, 3 * time.Minute}))
		if w.sweep() > 0 {
			w.rude = true
		}
		if w.dice.IntN(2) == 0 {
			w.deliver()
		}
	case what == 17 && w.dice.IntN(2) == 0:
		n.store.Left.Store(1 + w.dice.Int64N(3))
		n.store.After = w.dice.IntN(2) == 0
		w.end(n)
		_, _ = n.Open(ctx, w.ask(10))
		n.Work(ctx)
		n.store.Dead.Store(true)
		w.nodes[i], w.killed = w.begin(), true
	default:
		if all := w.events(); len(all) > 0 {
			w.tell(pick(w.dice, all), w.dice.Int64N(5))
		}
	}
}

func pick[T any](dice *rand.Rand, from []T) T { return from[dice.IntN(len(from))] }

// end ends one of a node's calls.
func (w *town) end(n *citizen) {
	if len(n.calls) == 0 {
		return
	}
	i := w.dice.IntN(len(n.calls))
	c := n.calls[i]
	n.calls = slices.Delete(n.calls, i, i+1)
	if w.dice.IntN(5) == 0 {
		c.Drop()
		return
	}
	cost := core.Credits(w.dice.IntN(int(c.most) + 1))
	w.settled += cost
	c.Settle(used(cost))
}

// tell tells a ledger of an event, which may die at one of its writes.
func (w *town) tell(e core.Event, diesAt int64) {
	m := &storetest.Mortal{Store: w.st, After: w.killed}
	m.Left.Store(diesAt)
	err := w.ledger(m).Handler(nil)(context.Background(), e)
	if err != nil && !m.Dead.Load() {
		w.rt.Fatalf("%s: %v", e.Type, err)
	}
}

// TestTheBooksAreExact holds whatever happens.
func TestTheBooksAreExact(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	rapid.Check(t, func(t *rapid.T) {
		granted := core.Credits(rapid.IntRange(1, 4000).Draw(t, "granted"))
		w := &town{world: newWorld(t, st, granted), rt: t, dice: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))}
		limits := map[ledger.Subject]core.Credits{}
		for _, of := range []ledger.Subject{ledger.OfOrg, ledger.OfKey(key)} {
			limits[of] = core.Credits(w.dice.IntN(3001))
			w.budget(of, limits[of])
		}
		for range 1 + w.dice.IntN(3) {
			w.nodes = append(w.nodes, w.begin())
		}
		for range 10 + w.dice.IntN(90) {
			w.step()
		}
		w.over()
		w.check(granted, limits)
	})
}

// over ends all calls and holds, and tells the ledger all of it in any order, but as often as it
// takes.
func (w *town) over() {
	for _, n := range w.nodes {
		for len(n.calls) > 0 {
			w.end(n)
		}
		n.Work(ctx)
		w.clock.Advance(5 * time.Second)
		if left := n.Work(ctx); left != 0 {
			w.rt.Fatalf("%d accounts stay", left)
		}
	}
	w.clock.Advance(time.Hour)
	w.sweep()
	for range 2 {
		all := w.events()
		w.dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, e := range all {
			if err := w.handle(ctx, e); err != nil {
				w.rt.Fatal(err)
			}
		}
	}
}

// check is what holds when all is over.
func (w *town) check(granted core.Credits, limits map[ledger.Subject]core.Credits) {
	spent := charged(w.world)
	if spent != w.settled && !w.killed || spent > w.settled {
		w.rt.Fatalf("calls cost %d, and %d is written down", w.settled, spent)
	}
	b := w.balance()
	if b.Spent != spent || b.Held != 0 || b.Available != granted-spent+b.WrittenOff || !w.rude && b.WrittenOff != 0 {
		w.rt.Fatalf("of %d granted %d is spent: %+v", granted, spent, b)
	}
	w.budgetsAt(spent)
	for of, limit := range limits {
		if spent > limit && !w.rude {
			w.rt.Fatalf("%d of %s is spent, of %d", spent, of, limit)
		}
	}
	w.law()
}
