package auditlog_test

import (
	"context"
	"errors"
	"fmt"
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

// TestRun makes checkpoints while it runs, sends them, and starts and stops many times.
func TestRun(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		sent := make(chan string, 100)
		failed := false
		r.cfg.Every = time.Millisecond
		r.cfg.Send = func(_ context.Context, org core.OrgID, checkpoint []byte) error {
			if !failed {
				failed = true
				return errors.New("nobody listens")
			}
			sent <- string(org) + " " + string(checkpoint)
			return nil
		}
		for i := range 5 {
			l := r.restart()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx) }()
			ok(t, l.Record(t.Context(), orgA, entry("x")))
			if i%2 == 0 { // it comes by itself; or else at the end
				select {
				case <-sent:
				case <-time.After(10 * time.Second):
					t.Fatal("no checkpoint is sent")
				}
			}
			cancel()
			ok(t, <-done)
		}
		r.exec(t, `DELETE FROM outbox`)
		r.exec(t, `DELETE FROM events WHERE version = 5`)
		wantFault(t, r.verify(t, orgA), auditlog.Truncated, 5)
	})
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.fill(t, orgA, 3)
		old := r.checkpoint(t, orgA)
		running := r.restart()
		ok(t, running.Record(t.Context(), orgA, entry("x"))) // has the first key at hand
		ok(t, r.RotateKey(t.Context()))
		if n := len(r.keys(t)); n != 2 {
			t.Fatalf("%d keys", n)
		}
		r.fill(t, orgA, 3)
		ok(t, running.Record(t.Context(), orgA, entry("x")))
		wantGood(t, r.verify(t, orgA, old), 8)
		records := must(r.cfg.Records.Records(t.Context(), core.Installation, "audit_key", "", "", 10))(t)
		if len(records) != 2 || string(records[0].Data) == "" || jsonHas(t, records[0].Data, "private") || !jsonHas(t, records[1].Data, "private") {
			t.Errorf("%s, %s", records[0].Data, records[1].Data)
		}
	})
}
