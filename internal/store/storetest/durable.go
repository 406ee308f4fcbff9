package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// testReopen closes the store with something in every part of it and finds all
// of it afterwards.
func testReopen(t *testing.T, open Open) {
	clock := newClock()
	st, reopen := open(t, clock.Now)
	events := add(t, st, "org_a", "tsk_1", 0, 3, store.WorkReady)
	add(t, st, "org_a", "tsk_2", 0, 1, store.WorkReady)
	held := claim(t, st, 1)[0]
	row := rowOf("tsk_1", "prj_a", "app", "queued", 1)
	must(st.Apply(t.Context(), "org_a", "tasks", markOf(events[2]), []store.Row{row}))(t)
	if err := st.Published(t.Context(), []int64{must(st.Pending(t.Context(), 1))(t)[0].Seq}); err != nil {
		t.Fatal(err)
	}

	st = reopen()
	if diff := cmp.Diff(events, must(st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 10))(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got := must(st.Pending(t.Context(), 10))(t); len(got) != 3 {
		t.Errorf("%d messages, want 3", len(got))
	}
	if must(st.Apply(t.Context(), "org_a", "tasks", markOf(events[2]), nil))(t) {
		t.Error("the view's mark is gone")
	}
	if got := must(st.Get(t.Context(), "org_a", "tasks", "tsk_1"))(t); !cmp.Equal(got, row) {
		t.Errorf("the row is %+v", got)
	}
	must(st.Renew(t.Context(), held, time.Minute))(t)
	if got := streams(claim(t, st, 5)); !cmp.Equal(got, []string{"org_a/tsk_2"}) {
		t.Errorf("claimed %v, want the stream that wasn't leased", got)
	}
	more := add(t, st, "org_a", "tsk_1", 3, 1, store.WorkKeep)
	if more[0].Position <= events[2].Position {
		t.Errorf("position %d after %d", more[0].Position, events[2].Position)
	}
	clock.Advance(time.Hour)
	again := claim(t, st, 1)
	if len(again) != 1 || again[0].Token <= held.Token {
		t.Errorf("after reopening a claim gives %+v, want a token above %d", again, held.Token)
	}
}

func testClose(t *testing.T, open Open) {
	st, _ := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkReady)
	for range 2 {
		if err := st.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"append": func() error {
			_, err := st.Append(ctx, scopeOf("org_a"), store.Append{Stream: "tsk_2", Events: news("tsk_2", 0, 1)})
			return err
		},
		"read":    func() error { _, err := st.ReadOrg(ctx, "org_a", 0, 1); return err },
		"claim":   func() error { _, err := st.Claim(ctx, "worker", 1, time.Minute); return err },
		"pending": func() error { _, err := st.Pending(ctx, 1); return err },
		"list":    func() error { _, err := st.List(ctx, "org_a", "tasks", store.Query{}); return err },
	} {
		wantCode(t, name+" after close", call(), core.Unavailable)
	}
}
