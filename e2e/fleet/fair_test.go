package fleet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// flood is the work of a store as workers see it: for each task that is claimed of a
// flooding org, the org has another one.
type flood struct {
	store.Work
	more func(core.OrgID)

	mu     sync.Mutex
	claims []store.Lease
}

// Claim implements store.Work.
func (f *flood) Claim(ctx context.Context, worker string, n int, ttl time.Duration) ([]store.Lease, error) {
	leases, err := f.Work.Claim(ctx, worker, n, ttl)
	f.mu.Lock()
	f.claims = append(f.claims, leases...)
	f.mu.Unlock()
	for _, l := range leases {
		if l.Org != quiet {
			f.more(l.Org)
		}
	}
	return leases, err
}

// last returns the number of the latest claim.
func (f *flood) last() (token int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.claims {
		token = max(token, l.Token)
	}
	return token
}

const quiet = core.OrgID("org_quiet")

// Five orgs have more to do than the workers can, all the time. A sixth, which has a task
// now and then, is served after at most three times its fair share of claims, every time;
// and each of the five gets its share.
func TestNoOrgWaitsForAFlood(t *testing.T) {
	onEach(t, func(t *testing.T, open func(func() time.Time) *fleet) {
		const workers, flooding, depth, rounds = 4, 5, 12, 15
		const fair = flooding + 1 // claims in which each org has one
		f := open(nil)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		fl := &flood{Work: f.store, more: func(org core.OrgID) {
			if _, err := f.tasks.Create(ctx, scopeOf(org), agent.NewTask{Kind: core.KindTask, Prompt: "p", Model: "m"}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}}
		for range depth {
			for k := range flooding {
				fl.more(core.OrgID(fmt.Sprint("org_", k)))
			}
		}
		slow := act{core.Pure, func(context.Context) error { time.Sleep(10 * time.Millisecond); return nil }}
		var stops []func()
		for w := range workers {
			stops = append(stops, f.work(fmt.Sprint("worker-", w), fl, func(c *agent.WorkerConfig) { c.Concurrency = 1 }, slow))
		}
		var asked []int64 // the latest claim when the quiet org's task had been created
		for range rounds {
			id := f.create(quiet, "now and then")
			asked = append(asked, fl.last())
			if d := f.ended(quiet, id); d.Status != core.StatusSucceeded {
				t.Fatalf("the task ended as %s", d.Status)
			}
		}
		stop()
		for _, stop := range stops {
			stop()
		}
		longest, turns := waits(fl.claims, asked), map[core.OrgID]int{}
		for _, l := range fl.claims {
			turns[l.Org]++
		}
		t.Logf("%d claims of %v; the longest waits: %v", len(fl.claims), turns, longest)
		if longest[quiet] > 3*fair {
			t.Errorf("the quiet org waited for %d claims, its fair share being one of %d", longest[quiet], fair)
		}
		for k := range flooding {
			// A claim whose process isn't scheduled for a while holds its org's turn, so no
			// bound holds for each of many turns.
			if n, mean := turns[core.OrgID(fmt.Sprint("org_", k))], (len(fl.claims)-rounds)/flooding; n < mean/3 || n > 3*mean {
				t.Errorf("org %d was served %d times, the mean being %d", k, n, mean)
			}
		}
		if len(fl.claims) < rounds*fair/2 {
			t.Errorf("%d claims in %d rounds: the flood was none", len(fl.claims), rounds)
		}
	})
}

// waits returns for how many claims each org waited at most: a flooding one since its
// last claim, the quiet one since it asked.
func waits(claims []store.Lease, asked []int64) map[core.OrgID]int {
	slices.SortFunc(claims, func(a, b store.Lease) int { return int(a.Token - b.Token) }) // the order in which they were made
	longest, served := map[core.OrgID]int{}, map[core.OrgID]int{}                         // served: how many claims there were after its last
	for n, l := range claims {
		from := served[l.Org]
		if l.Org == quiet {
			from = 0
			for ; claims[from].Token <= asked[0]; from++ {
			}
			asked = asked[1:]
		}
		longest[l.Org] = max(longest[l.Org], n+1-from)
		served[l.Org] = n + 1
	}
	return longest
}
