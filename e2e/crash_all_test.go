package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
)

// wantAll is what comes of the task when nobody kills it.
var wantAll = outcome{
	Status: core.StatusSucceeded, Answer: "Done: all.",
	Calls: []string{
		"plan", "work", "run_command", "work", "http_request", "work", "delegate", "work", "peer_book", "work", "run_command", "work", "judge",
		"plan", "work", "http_request", "work", "write_file", "work", "judge",
	},
	Files:   map[string]string{"log.txt": "early\nlate\n", "part.txt": "the part"},
	Effects: map[string]int{allowed: 1, parted: 1, booked: 1},
}

// TestKilledAtEveryEventOfAll kills the server, with SIGKILL, at each write of a charged task that
// runs commands, sends a request which a person allows, has a part done by a sub-task, and calls an
// MCP server, before and after it took place. The ordinary program brings it to the same end, with a
// person who looks and tells where an outcome was lost: nothing is done twice, lost, or paid twice.
func TestKilledAtEveryEventOfAll(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		onSQLite(t).killedAtEvery(t, 4, int64(scale(5, 1)))
	})
	t.Run("postgres", func(t *testing.T) { // each kill here lasts as long as a lease
		t.Parallel()
		runs(t, "PostgreSQL")
		onPostgres(t).killedAtEvery(t, 8, int64(scale(16, 1)))
	})
}

// killedAtEvery kills it at every so many writes, some at once.
func (w *world) killedAtEvery(t *testing.T, atOnce int, every int64) {
	want, writes := w.unkilled(t)
	if writes < 40 {
		t.Fatalf("only %d writes: the test looks at the wrong place", writes)
	}
	var next, kills atomic.Int64
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for {
				n := next.Add(1) - 1
				at, when := 1+n/2*every, []string{"before", "after"}[n%2]
				if at > writes {
					return
				}
				t.Run(fmt.Sprintf("%s write %d", when, at), func(t *testing.T) {
					if w.killed(t, at, when, want) {
						kills.Add(1)
					}
				})
			}
		})
	}
	all.Wait()
	if least := 2*(writes/every) - 4; kills.Load() < least && !t.Failed() { // the last may have come to nothing
		t.Errorf("only %d kills, which should be %d", kills.Load(), least)
	}
	t.Logf("survived %d kills at %d writes", kills.Load(), writes)
}

// onEvery counts what is written of the task and of what it costs.
const onEvery = "CRASH_ON=append,post"

var counted = regexp.MustCompile(`(?m)^crash: (\d+) writes$`)

// unkilled has the task done without a kill, and returns what came of it, and how many writes it took.
func (w *world) unkilled(t *testing.T) (o outcome, writes int64) {
	t.Helper()
	a := w.attempt(t, "whole")
	s := serveCrash(t, a.dir, append(a.env[:len(a.env):len(a.env)], "CRASH_AT=0", onEvery))
	if !a.plays(t, s) {
		t.Fatalf("the server died: %s", s.errs)
	}
	o = a.outcome(t, s)
	want := wantAll
	want.Cost = o.Cost
	if diff := cmp.Diff(want, o); diff != "" || o.Cost <= 0 {
		t.Fatalf("nobody killed it (-want +got):\n%s", diff)
	}
	return o, counts(t, s)
}

// counts stops a server that wasn't killed, and returns how many writes it counted.
func counts(t *testing.T, s *server) int64 {
	t.Helper()
	s.stop(t)
	m := counted.FindStringSubmatch(s.errs.String())
	if m == nil {
		t.Fatalf("it didn't say how many writes there were: %s", s.errs)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// killed kills the server at a write, and checks what comes of the task with the ordinary program.
// It reports whether there was such a write: a task whose parts happen to wait for each other less
// often has one or two less.
func (w *world) killed(t *testing.T, at int64, when string, want outcome) bool {
	a := w.attempt(t, when+strconv.FormatInt(at, 10))
	s := serveCrash(t, a.dir, append(a.env[:len(a.env):len(a.env)], "CRASH_AT="+strconv.FormatInt(at, 10), "CRASH_WHEN="+when, onEvery))
	ended := a.plays(t, s)
	if !ended {
		s.died(t)
		if s = serve(t, a.dir, a.env); !a.plays(t, s) {
			t.Fatalf("the ordinary server died: %s", s.errs)
		}
	}
	if diff := cmp.Diff(want, a.outcome(t, s)); diff != "" {
		t.Errorf("another end (-unkilled +killed):\n%s\n%s", diff, a.stories(t, s))
	}
	if !ended {
		s.stop(t)
	} else if n := counts(t, s); n >= at {
		t.Errorf("it wrote %d times, and wasn't killed", n)
	}
	return !ended
}
