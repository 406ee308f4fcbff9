package auditlog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func TestAnEntryComesBack(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig, _ bool) {
		ok(t, r.Record(t.Context(), orgA, entry("key_1")))
		page := must(r.List(t.Context(), orgA, auditlog.Query{}))(t)
		if len(page.Entries) != 1 || page.Next != "" {
			t.Fatalf("%+v", page)
		}
		got := page.Entries[0]
		if !core.ValidID("evt", string(got.ID)) {
			t.Errorf("its id is %q", got.ID)
		}
		want := entry("key_1")
		want.Row, want.ID, want.Org, want.At = 1, got.ID, orgA, time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)
		want.Address, want.Outcome = "192.0.2.1", auditlog.Done
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsNoEntry(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		for name, change := range map[string]func(*auditlog.Entry){
			"no action": func(e *auditlog.Entry) { e.Action = "" }, "no actor": func(e *auditlog.Entry) { e.Actor.Kind = "" },
			"an outcome": func(e *auditlog.Entry) { e.Outcome = "perhaps" },
		} {
			e := entry("x")
			change(&e)
			wantCode(t, name, r.Record(t.Context(), orgA, e), core.Invalid)
		}
		wantCode(t, "no org", r.Record(t.Context(), "", entry("x")), core.Internal)
		wantGood(t, r.verify(t, orgA), 0)
	})
}

// TestWhatStrangersWrite is cut, made UTF-8 and cleaned, and kept all the same.
func TestWhatStrangersWrite(t *testing.T) {
	t.Parallel()
	on(t, true, func(t *testing.T, r *rig) {
		r.cfg.Clean = func(s string) string {
			if s == "hunter2" {
				return "[redacted]"
			}
			return s
		}
		e := entry(string(make([]byte, 1<<20)))
		e.Actor.ID, e.Address = "é\xff"+fmt.Sprint(make([]int, 1000)), "nonsense"
		e.Detail = map[string]string{"password": "hunter2", "text": string([]rune{0x2028, 0xD800, '<', 0})}
		ok(t, r.restart().Record(t.Context(), orgA, e))
		wantGood(t, r.verify(t, orgA), 1)
		got := must(r.List(t.Context(), orgA, auditlog.Query{}))(t).Entries[0]
		if len(got.Target) != 300 || len(got.Actor.ID) > 300 || got.Detail["password"] != "[redacted]" || got.Address != "nonsense" {
			t.Errorf("%+v", got)
		}
	})
}

// TestAStorm has many record at once, in two processes: all are there, and few appends.
func TestAStorm(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		counted := &counting{Events: r.cfg.Events}
		r.cfg.Events = counted
		const nodes, callers, each = 2, 50, 8
		var wg sync.WaitGroup
		for node := range nodes {
			l := r.restart()
			for i := range callers {
				wg.Go(func() {
					for j := range each {
						if err := l.Record(t.Context(), orgA, entry(fmt.Sprint(node, i, j))); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		const all = nodes * callers * each
		wantGood(t, r.verify(t, orgA), all)
		seen := map[string]bool{}
		for after := ""; ; {
			page := must(r.List(t.Context(), orgA, auditlog.Query{After: after, Limit: 200}))(t)
			for _, e := range page.Entries {
				seen[e.Target] = true
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if len(seen) != all {
			t.Errorf("%d of %d entries are there", len(seen), all)
		}
		if n := counted.appends(); n > all/2 {
			t.Errorf("%d appends for %d entries", n, all)
		}
	})
}

// counting counts appends, and may answer them otherwise.
type counting struct {
	store.Events
	mu     sync.Mutex
	n      int
	answer func(n int, err error) error
}

func (c *counting) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	events, err := c.Events.Append(ctx, scope, a)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.answer != nil {
		err = c.answer(c.n, err)
	}
	return events, err
}

func (c *counting) appends() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// TestNobodyHangsUpOnTheLog records for a request that is over.
func TestNobodyHangsUpOnTheLog(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ok(t, r.Record(ctx, orgA, entry("x")))
		wantGood(t, r.verify(t, orgA), 1)
	})
}

// TestAnAnswerIsLost has an append succeed whose answer doesn't come: the caller is told, and
// the log goes on behind it.
func TestAnAnswerIsLost(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.cfg.Events = &counting{Events: r.cfg.Events, answer: func(n int, err error) error {
			if n == 2 {
				return core.E(core.Unavailable, "store.append", "the connection was cut").Because(err)
			}
			return err
		}}
		l := r.restart()
		ok(t, l.Record(t.Context(), orgA, entry("1")))
		wantCode(t, "the one that was lost", l.Record(t.Context(), orgA, entry("2")), core.Unavailable)
		ok(t, l.Record(t.Context(), orgA, entry("3")))
		wantGood(t, r.verify(t, orgA), 3)
	})
}

// TestConflictsEnd sees that a log that others always get ahead of isn't tried for ever.
func TestConflictsEnd(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		refused := &counting{Events: r.cfg.Events, answer: func(int, error) error { return store.Conflict(core.AuditLog) }}
		r.cfg.Events, r.cfg.Tries = refused, 3
		wantCode(t, "conflicts", r.restart().Record(t.Context(), orgA, entry("1")), core.Conflict)
		if n := refused.appends(); n != 3 {
			t.Errorf("tried %d times", n)
		}
	})
}

// TestAProcessGoesOnWhereAnotherWas does so at every size of the tree up to 70.
func TestAProcessGoesOnWhereAnotherWas(t *testing.T) {
	t.Parallel()
	on(t, true, func(t *testing.T, r *rig) {
		for range 70 {
			ok(t, r.restart().Record(t.Context(), orgA, entry("x")))
		}
		wantGood(t, r.verify(t, orgA), 70)
	})
}

// TestFewLogsAtHand records in more orgs than are kept at hand.
func TestFewLogsAtHand(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.cfg.Orgs = 2
		l := r.restart()
		for range 3 {
			for i := range 5 {
				ok(t, l.Record(t.Context(), core.OrgID(fmt.Sprint("org_", i)), entry("x")))
			}
		}
		for i := range 5 {
			wantGood(t, r.verify(t, core.OrgID(fmt.Sprint("org_", i))), 3)
		}
	})
}

// TestRun makes checkpoints while it runs, and the last at its end, again when one can't be
// kept; and starts and stops many times.
func TestRun(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.cfg.Every = time.Millisecond
		r.cfg.Records = &forgetful{records: r.cfg.Records}
		kept := func() int64 {
			rec, err := r.cfg.Records.Record(t.Context(), orgA, "audit_checkpoint", "latest")
			if core.CodeOf(err) != core.NotFound {
				ok(t, err)
			}
			return rec.Version
		}
		for i := range 5 {
			l, before := r.restart(), kept()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx) }()
			ok(t, l.Record(t.Context(), orgA, entry("x")))
			if i%2 == 0 { // it comes by itself; or else at the end
				for deadline := time.Now().Add(10 * time.Second); kept() == before; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal("no checkpoint is kept")
					}
				}
			}
			cancel()
			ok(t, <-done)
			if kept() == before {
				t.Fatal("no checkpoint is kept at the end")
			}
		}
		r.exec(t, `DELETE FROM outbox`)
		r.exec(t, `DELETE FROM events WHERE version = 5`)
		wantFault(t, r.verify(t, orgA), auditlog.Truncated, 5)
	})
}

// TestAKilledProcessesRows: who runs next makes the checkpoint that a killed process didn't
// get to, also of a log that doesn't grow any more.
func TestAKilledProcessesRows(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.fill(t, orgA, 3)
		r.checkpoint(t, orgA)
		r.fill(t, orgA, 2) // and is killed
		r.fill(t, orgB, 1)
		r.cfg.Every = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.restart().Run(ctx) }()
		kept := func(org core.OrgID) string {
			rec, err := r.cfg.Records.Record(t.Context(), org, "audit_checkpoint", "latest")
			if core.CodeOf(err) != core.NotFound {
				ok(t, err)
			}
			return string(rec.Data)
		}
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(kept(orgA), `\n5\n`) || !strings.Contains(kept(orgB), `\n1\n`); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("kept are %q and %q", kept(orgA), kept(orgB))
			}
		}
		cancel()
		ok(t, <-done)
		r.exec(t, `DELETE FROM outbox`)
		r.exec(t, `DELETE FROM events WHERE `+logRows+` AND version = 5`)
		wantFault(t, r.verify(t, orgA), auditlog.Truncated, 5)
	})
}

type records = store.Records

// forgetful are records that don't keep the first checkpoint.
type forgetful struct {
	records
	once sync.Once
}

func (f *forgetful) Write(ctx context.Context, org core.OrgID, changes ...store.Change) (err error) {
	if changes[0].Kind == "audit_checkpoint" {
		f.once.Do(func() { err = core.E(core.Unavailable, "store.write", "the disk is away") })
	}
	if err != nil {
		return err
	}
	return f.records.Write(ctx, org, changes...)
}
