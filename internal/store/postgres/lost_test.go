package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// An append whose connection is lost, before PostgreSQL has got it or before its answer
// has got back, is stored once and answered rightly; so are those that share its
// transaction.
func TestLostConnectionIsSettled(t *testing.T) {
	t.Parallel()
	direct := cluster.Database(t)
	p, cfg := newProxy(t, direct, "evt_tsk_cut")
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_first", 0)
	for round := range 12 {
		c := &cut{request: round%2 == 0, many: int64(1 + round%3)}
		p.arm(c)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				stream := core.StreamID(fmt.Sprintf("tsk_cut_%d_%d", round, i))
				events, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: stream, Events: news(stream, 0, 2), Work: store.WorkReady})
				if err != nil || len(events) != 2 {
					t.Errorf("round %d: %v, %v", round, events, err)
					return
				}
				got, err := st.ReadStream(t.Context(), "org_a", stream, 0, 10)
				if err != nil || len(got) != 2 || got[0].Position != events[0].Position || got[1].Position != events[1].Position || !got[0].At.Equal(events[0].At) {
					t.Errorf("round %d: read %+v, %v; was told %+v", round, got, err, events)
				}
			})
		}
		all.Wait()
		if c.done.Load() < c.many {
			t.Errorf("round %d: only %d connections were cut", round, c.done.Load())
		}
	}
	if got, err := st.Pending(t.Context(), 1000); err != nil || len(got) != 1+12*6*2 {
		t.Errorf("%d messages, %v", len(got), err)
	}
	if st.Lanes() != 0 {
		t.Error("an org is still being appended to")
	}
}

// A lost append that somebody else's has overtaken is a conflict, not a success.
func TestLostAppendLosesItsVersion(t *testing.T) {
	t.Parallel()
	direct := cluster.Database(t)
	p, cfg := newProxy(t, direct, "evt_tsk_cut")
	st, other := open(t, cfg), open(t, direct)
	p.arm(&cut{request: true, stay: true, many: 1})
	result := make(chan error, 1)
	go func() {
		_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_cut", Events: news("tsk_cut", 0, 1)})
		result <- err
	}()
	for !p.down.Load() {
		time.Sleep(time.Millisecond)
	}
	if _, err := other.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_cut", Events: []store.NewEvent{{ID: "evt_other", Type: "x.y", Data: []byte("1")}}}); err != nil {
		t.Fatal(err)
	}
	p.down.Store(false)
	if err := <-result; core.CodeOf(err) != core.Conflict || store.LeaseLost(err) {
		t.Errorf("%v", err)
	}
}

// While PostgreSQL can't be reached, an append that is known not to be stored fails at
// once, and one that isn't known when its caller gives up; then everything works again.
func TestUnreachableIsUnavailable(t *testing.T) {
	t.Parallel()
	p, cfg := newProxy(t, cluster.Database(t), "evt_tsk_cut")
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_1", 0)
	p.arm(&cut{stay: true, many: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := st.Append(ctx, scopeOf("org_a"), store.Append{Stream: "tsk_cut", Events: news("tsk_cut", 0, 1)})
	if core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
		t.Errorf("an append of unknown outcome: %v (hint %q)", err, core.HintOf(err))
	}
	for what, call := range map[string]func() error{
		"append": func() error {
			_, err := st.Append(t.Context(), scopeOf("org_b"), store.Append{Stream: "tsk_1", Events: news("tsk_1", 0, 1)})
			return err
		},
		"read":  func() error { _, err := st.ReadOrg(t.Context(), "org_a", 0, 1); return err },
		"claim": func() error { _, err := st.Claim(t.Context(), "w", 1, time.Minute); return err },
	} {
		if err := call(); core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
			t.Errorf("%s: %v (hint %q)", what, err, core.HintOf(err))
		}
	}
	p.down.Store(false)
	if got, err := st.ReadStream(t.Context(), "org_a", "tsk_cut", 0, 5); err != nil || len(got) != 1 {
		t.Errorf("the lost append was committed, but %v is read (%v)", got, err)
	}
	add(t, st, "org_a", "tsk_1", 1)
}

// A caller that gives up while it waits for its turn has appended nothing.
func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_1", 0)
	late := openTx(t, dial(t, cfg.URL), "org_a", "tsk_late")
	first := make(chan error, 1)
	go func() {
		_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Expected: 1, Events: news("tsk_1", 1, 1)})
		first <- err
	}()
	for st.Lanes() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := st.Append(ctx, scopeOf("org_a"), store.Append{Stream: "tsk_2", Events: news("tsk_2", 0, 1)})
	if core.CodeOf(err) != core.Unavailable {
		t.Errorf("%v", err)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got, err := st.ReadStream(t.Context(), "org_a", "tsk_2", 0, 5); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// An append that PostgreSQL can't store fails alone.
func TestUnfitAppendSparesItsCompanions(t *testing.T) {
	t.Parallel()
	st := open(t, cluster.Database(t))
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			stream := core.StreamID(fmt.Sprint("tsk_", i))
			events := news(stream, 0, 2)
			if i%4 == 0 {
				events[1].Type = "a\x00b"
			}
			_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: stream, Events: events, Work: store.WorkReady})
			if want := map[bool]core.Code{true: core.Invalid}[i%4 == 0]; core.CodeOf(err) != want {
				t.Errorf("append %d: %v, want %q", i, err, want)
			}
		})
	}
	all.Wait()
	got, err := st.ReadOrg(t.Context(), "org_a", 0, 100)
	if err != nil || len(got) != 60 {
		t.Errorf("%d events, want 60 (%v)", len(got), err)
	}
}

// A posting whose connection is lost is made once when it is repeated, and a write of
// which nobody knows has made all of its changes or none.
func TestLostPostingsAndWrites(t *testing.T) {
	t.Parallel()
	p, cfg := newProxy(t, cluster.Database(t), "evt_tsk_cut")
	st := open(t, cfg)
	made := 0
	for round := range 8 {
		posting := grantOf(core.EventID(fmt.Sprint("evt_tsk_cut_", round)))
		c := &cut{request: round%2 == 0, many: 1}
		p.arm(c)
		_, err := st.Post(t.Context(), "org_a", posting)
		if core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
			t.Errorf("round %d: a lost posting gives %v", round, err)
		}
		if _, err := st.Post(t.Context(), "org_a", posting); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		p.arm(&cut{request: round%2 == 0, many: 1})
		changes := []store.Change{{Kind: "a", ID: fmt.Sprint(round), Data: []byte("evt_tsk_cut")}, {Kind: "b", ID: fmt.Sprint(round), Data: []byte("1")}}
		if err := st.Write(t.Context(), "org_a", changes...); core.CodeOf(err) != core.Unavailable {
			t.Errorf("round %d: a lost write gives %v", round, err)
		}
		_, errA := st.Record(t.Context(), "org_a", "a", fmt.Sprint(round))
		_, errB := st.Record(t.Context(), "org_a", "b", fmt.Sprint(round))
		if core.CodeOf(errA) != core.CodeOf(errB) {
			t.Errorf("round %d: half a write: %v and %v", round, errA, errB)
		}
		if errA == nil {
			made++
		}
	}
	entries, err := st.Entries(t.Context(), "org_a", store.EntryQuery{Limit: 100})
	if err != nil || len(entries) != 2*8 || entries[15].Balance != 8*core.Credit {
		t.Errorf("%d entries, the last %+v: %v", len(entries), entries[len(entries)-1], err)
	}
	if made != 4 { // those whose answer was lost
		t.Errorf("%d writes were made", made)
	}
}
