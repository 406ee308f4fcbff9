package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Many workers who claim at once, while one org floods, serve every org in its turn:
// between two turns of an org that waits, the others get about one each.
func TestManyWorkersAreFair(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	const orgs, items, workers = 8, 12, 8
	for i := range items {
		for k := range orgs {
			add(t, st, core.OrgID(fmt.Sprint("org_", k)), core.StreamID(fmt.Sprint("tsk_", i)), 0)
		}
	}
	for i := range 20 * items {
		add(t, st, "org_flood", core.StreamID(fmt.Sprint("tsk_", i)), 0)
	}
	var mu sync.Mutex
	var served []store.Lease
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for range orgs * items / workers * 2 {
				leases, err := st.Claim(t.Context(), fmt.Sprint("w", w), 1, time.Hour)
				if err != nil || len(leases) != 1 {
					t.Errorf("%v, %v", leases, err)
					return
				}
				mu.Lock()
				served = append(served, leases...)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.SortFunc(served, func(a, b store.Lease) int { return int(a.Token - b.Token) }) // the order in which they were claimed
	var waits []int
	last, turns, floods := map[core.OrgID]int{}, map[core.OrgID]int{}, 0
	for n, l := range served {
		if l.Org != "org_flood" {
			waits = append(waits, n-last[l.Org])
		}
		last[l.Org] = n
		if turns[l.Org]++; l.Org == "org_flood" && n < orgs*items {
			floods++
		}
	}
	// A claim whose process isn't scheduled for a while holds its org's turn: not all
	// waits are as they should be.
	slices.Sort(waits)
	if w := waits[len(waits)*9/10]; w > 3*(orgs+1) {
		t.Errorf("of ten waits one was for more than %d claims, the fair share being %d", w, orgs+1)
	}
	for k := range orgs {
		if n := turns[core.OrgID(fmt.Sprint("org_", k))]; n != items {
			t.Errorf("org %d was served %d times, want %d", k, n, items)
		}
	}
	if fair := items; floods > 3*fair {
		t.Errorf("the flood got %d of the first %d claims", floods, orgs*items)
	}
}

// A claim looks at no org without work: with many of them it takes as long as with none
// (what it reads is TestEveryStatementHasItsIndex's). When all that is due is leased, it
// is no error to find nothing.
func TestNothingIsDue(t *testing.T) {
	t.Parallel()
	st := open(t, cluster.Database(t))
	add(t, st, "org_a", "tsk_1", 0)
	for _, want := range []int{1, 0, 0} {
		if got, err := st.Claim(t.Context(), "w", 3, time.Hour); err != nil || len(got) != want {
			t.Errorf("claimed %v, %v; want %d", got, err, want)
		}
	}
}
