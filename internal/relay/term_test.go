package relay_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
)

func TestOneLeads(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, a, b *process, _ map[string]func()) {
		for i := range 60 { // far longer than a term
			a.add("org_a", core.EventID(fmt.Sprint(i)))
			after(time.Second)
			if a.terms.leader() != "a" {
				t.Fatalf("%s leads after %d s", a.terms.leader(), i)
			}
		}
		equal(t, "left", a.left())
		if took := a.carrier.taken(); len(took) != 60 {
			t.Errorf("%d carried, want each of 60 once", len(took))
		}
	})
}

func TestACleanStopHandsOver(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, a, b *process, stop map[string]func()) {
		stop["a"]()
		if a.terms.resigned != 1 {
			t.Errorf("resigned %d times", a.terms.resigned)
		}
		a.add("org_a", "1")
		after(time.Second) // a poll, no term
		equal(t, "carried", a.carrier.taken(), "1")
	})
}

// A leader that is frozen with a batch in its hands is followed within a term and a
// poll. When it wakes, it delivers again, and goes.
func TestAFrozenLeaderIsFollowed(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, a, b *process, _ map[string]func()) {
		thaw := make(chan struct{})
		a.set(func() { a.slow = 100 * time.Millisecond })
		a.add("org_a", "1", "2")
		after(time.Second + 50*time.Millisecond) // a is publishing
		a.set(func() { a.thaw = thaw })
		a.add("org_a", "3")
		after(6 * time.Second)
		if a.terms.leader() != "b" {
			t.Fatal("the spare hasn't followed")
		}
		equal(t, "left", a.left())
		a.add("org_a", "4")
		after(time.Second)
		a.set(func() { a.thaw = nil })
		close(thaw)
		a.add("org_a", "5")
		after(10 * time.Second)
		if a.terms.leader() != "b" {
			t.Errorf("%s leads", a.terms.leader())
		}
		equal(t, "left at last", a.left())
		inOrder(t, a.carrier.taken(), 5)
	})
}

// A leader that can't renew its term carries nothing after its end.
func TestALeaderThatIsCutOffStepsDown(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, a, b *process, _ map[string]func()) {
		a.set(func() { a.cut = true })
		b.set(func() { b.cut = true })
		after(5 * time.Second)
		a.add("org_a", "1")
		after(time.Minute)
		equal(t, "carried without a leader", a.carrier.taken())
		b.set(func() { b.cut = false })
		after(time.Second)
		equal(t, "carried", a.carrier.taken(), "1")
	})
}

// The term is renewed during a Publish that takes longer.
func TestALongPublishKeepsTheTerm(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, a, b *process, _ map[string]func()) {
		a.set(func() { a.slow = time.Minute })
		a.add("org_a", "1")
		after(62 * time.Second)
		if a.terms.leader() != "a" {
			t.Errorf("%s leads", a.terms.leader())
		}
		equal(t, "carried", a.carrier.taken(), "1")
		equal(t, "left", a.left())
	})
}

// Killed between publishing and marking, its successor delivers again.
func TestKilledBetweenPublishAndMark(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, a, b *process, _ map[string]func()) {
		a.set(func() { a.marked, a.cut = errors.New("killed"), true })
		a.add("org_a", "1", "2", "3")
		after(time.Second)
		if len(a.carrier.taken()) < 3 || len(a.left()) != 3 {
			t.Fatalf("%v carried, %v left", a.carrier.taken(), a.left())
		}
		a.set(func() { a.thaw = make(chan struct{}) }) // for good
		defer a.set(func() { close(a.thaw) })
		b.add("org_a", "4")
		after(6 * time.Second)
		equal(t, "left", b.left())
		inOrder(t, b.carrier.taken(), 4)
	})
}

// inOrder checks that 1 to n all came, and first in order.
func inOrder(t *testing.T, took []core.EventID, n int) {
	t.Helper()
	var first, want []core.EventID
	for _, id := range took {
		if !slices.Contains(first, id) {
			first = append(first, id)
		}
	}
	for i := range n {
		want = append(want, core.EventID(fmt.Sprint(i+1)))
	}
	if !slices.Equal(first, want) {
		t.Errorf("first came %v of %v, want %v", first, took, want)
	}
	if len(took) == n {
		t.Errorf("%v: nothing came twice, so nothing was shown", took)
	}
}

func TestDrainCarriesForTheLeaderAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c, ts := &outbox{}, &carrier{}, &terms{}
		o.add("org_a", "1")
		r := relay.New(relay.Config{Outbox: o, Bus: c, Terms: ts, Name: "b"})
		if ok, err := ts.Lead(t.Context(), "relay", "a", time.Second); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := r.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "carried while another leads", c.taken())
		time.Sleep(time.Second)
		if err := r.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "carried", c.taken(), "1")
		if ts.resigned != 1 {
			t.Error("it still leads")
		}
	})
}
