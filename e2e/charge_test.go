package e2e

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// cached is noting by a model that had a part of what it read from its cache.
func cached(n int, r modeltest.Request) modeltest.Answer {
	a := noting(n, r)
	a.Usage = &core.Usage{Input: 1003, Output: 101, Cached: 400}
	return a
}

// TestKilledAtEveryWriteOfAChargedTask kills the process, with SIGKILL, at each event and at
// each posting of a charged task, before and after it took place. The ordinary program
// brings the task to its end, each call charged once, with nothing held. Without soaking it is one write in some.
func TestKilledAtEveryWriteOfAChargedTask(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	up := upstream(t, cached)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		first := payerOnSQLite(t, up)
		killCharged(t, 2, scale(2, 1), func() payer { return first.copied(t) })
	})
	t.Run("postgres", func(t *testing.T) { // each kill here lasts as long as a lease
		t.Parallel()
		runs(t, "PostgreSQL")
		killCharged(t, 8, scale(4, 1), func() payer { return payerOnPostgres(t, up) })
	})
}

// killCharged kills the process at every so many writes, several at a time.
func killCharged(t *testing.T, atOnce, every int, fresh func() payer) {
	for _, when := range []string{"before", "after"} {
		var next, last atomic.Int64
		next.Store(1 - int64(every))
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				for last.Load() == 0 && !t.Failed() {
					at := next.Add(int64(every))
					if !killChargedAt(t, fresh(), at, when) {
						last.CompareAndSwap(0, at)
					}
				}
			})
		}
		all.Wait()
		t.Logf("killed %s every %d of about %d writes", when, every, last.Load()-1)
		if last.Load() < 18 && !t.Failed() {
			t.Errorf("only %d writes: the test looks at the wrong place", last.Load()-1)
		}
	}
}

func killChargedAt(t *testing.T, p payer, at int64, when string) (killed bool) {
	name := fmt.Sprintf("killed %s write %d", when, at)
	env := append(p.env[:len(p.env):len(p.env)], "CRASH_AT="+strconv.FormatInt(at, 10), "CRASH_WHEN="+when, "CRASH_ON=append,post")
	r := program(t, "crash", env, "task", "run", "--json", "--data-dir", p.dir, "note this: there.")
	if !r.killed && r.code != 0 {
		t.Errorf("%s: %d: %s%s", name, r.code, r.out, r.err)
		return false
	}
	p = p.restarted(t)
	s := serve(t, p.dir, p.env)
	defer s.stop(t)
	accepted := at > 1 || when == "after"
	var tasks client.Page[client.Task]
	until(t, func() bool { // the list follows the events
		var err error
		tasks, err = s.Tasks(t.Context(), client.ListOptions{})
		return err == nil && (len(tasks.Items) > 0 || !accepted)
	}, func() string { return name + ": no task" })
	if len(tasks.Items) > 1 || len(tasks.Items) > 0 && !accepted {
		t.Errorf("%s: %d tasks", name, len(tasks.Items))
	}
	spent := core.Credits(0)
	if len(tasks.Items) == 1 {
		spent = s.settles(t, name, tasks.Items[0].ID)
	}
	b, err := s.Balance(t.Context())
	want := client.Balance{Available: granted - spent, Spent: spent, Granted: granted}
	if err != nil || b != want {
		t.Errorf("%s: %+v, want %+v: %v", name, b, want, err)
	}
	budgets, err := s.Budgets(t.Context())
	if err != nil || len(budgets) != 1 || budgets[0].Used != spent || budgets[0].Held != 0 {
		t.Errorf("%s: %+v: %v", name, budgets, err)
	}
	p.lawful(t, name)
	return r.killed
}

// settles waits for a charged task's end and for its charges, and returns what it has cost.
func (s *server) settles(t *testing.T, name string, id core.TaskID) (spent core.Credits) {
	t.Helper()
	if d := s.ended(t, id); d.Status != core.StatusSucceeded || d.Answer != "noted there." {
		t.Errorf("%s: %s: %q", name, d.Status, d.Answer)
	}
	should, err := costs(s.story(t, id))
	if err != nil {
		t.Error(err)
		return 0
	}
	if len(should) != 7 {
		t.Errorf("%s: %d calls were settled", name, len(should))
	}
	for _, cost := range should {
		spent += cost
	}
	// 603 tokens at 2.000001, 400 at 1 and 101 at 5, each sum rounded up; five calls of the
	// model; two of tools at 0.000031 each, and a thousandth of a credit a second.
	if least := 5*core.Credits(1207+400+505) + 2*31; spent < least {
		t.Errorf("%s: it has cost %d, which is less than %d", name, spent, least)
	}
	until(t, func() bool { // the ledger follows the events
		b, err := s.Balance(t.Context())
		return err == nil && b.Held == 0 && b.Spent >= spent
	}, func() string { return name + ": something is held" })
	if diff := cmp.Diff(should, s.consumed(t, id)); diff != "" {
		t.Errorf("%s: charged otherwise than it says (-says +charged):\n%s", name, diff)
	}
	return spent
}
