package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func testOutbox(t *testing.T, open Open) {
	st, _ := start(t, open)
	var want []core.Event
	want = append(want, add(t, st, "org_a", "tsk_1", 0, 2, store.WorkKeep)...)
	want = append(want, add(t, st, "org_b", "tsk_1", 0, 1, store.WorkKeep)...)
	want = append(want, add(t, st, "org_a", "tsk_1", 2, 2, store.WorkKeep)...)

	pending := must(st.Pending(t.Context(), 10))(t)
	var got []core.Event
	var last int64
	for _, m := range pending {
		if m.Seq <= last {
			t.Errorf("message %d after %d", m.Seq, last)
		}
		last = m.Seq
		got = append(got, m.Event)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("pending (-want +got):\n%s", diff)
	}
	if again := must(st.Pending(t.Context(), 2))(t); !cmp.Equal(again, pending[:2]) {
		t.Errorf("pending removes or reorders: %v", again)
	}
	// Orgs can be left out, and don't count.
	if got := must(st.Pending(t.Context(), 1, "org_a", "org_none"))(t); !cmp.Equal(got, pending[2:3]) {
		t.Errorf("but for org_a: %v", got)
	}
	if got := must(st.Pending(t.Context(), 10, "org_b"))(t); len(got) != 4 {
		t.Errorf("but for org_b: %v", got)
	}
	// Removal needs no order, and repeating it is harmless.
	for range 2 {
		if err := st.Published(t.Context(), []int64{pending[3].Seq, pending[0].Seq}); err != nil {
			t.Fatal(err)
		}
	}
	rest := must(st.Pending(t.Context(), 10))(t)
	if !cmp.Equal(rest, []store.Message{pending[1], pending[2], pending[4]}) {
		t.Errorf("after removal: %v", rest)
	}
	if err := st.Published(t.Context(), nil); err != nil {
		t.Errorf("publishing nothing: %v", err)
	}
	// A number that was used never names another message.
	if err := st.Published(t.Context(), []int64{pending[1].Seq, pending[2].Seq, pending[4].Seq}); err != nil {
		t.Fatal(err)
	}
	add(t, st, "org_b", "tsk_2", 0, 1, store.WorkKeep)
	next := must(st.Pending(t.Context(), 10))(t)
	if len(next) != 1 || next[0].Seq <= last {
		t.Errorf("after an empty outbox comes %v, want one above %d", next, last)
	}
	if stream := must(st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 10))(t); len(stream) != 4 {
		t.Errorf("publishing removed events: %d left", len(stream))
	}
}

// testWake holds a store that is a store.Waker to its word; a store that isn't
// one is polled, and there is nothing to hold it to.
func testWake(t *testing.T, open Open) {
	st, _ := start(t, open)
	w, ok := st.(store.Waker)
	if !ok {
		return
	}
	work, outbox := w.WorkWake(), w.OutboxWake()
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkKeep)
	wantClosed(t, "an event's message", outbox)
	wantOpen(t, "an event without work", work)
	outbox = w.OutboxWake()
	wantOpen(t, "a new channel", outbox)
	must(st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Expected: 1, Work: store.WorkReady}))(t)
	wantClosed(t, "work", work)
	wantOpen(t, "work without an event", outbox)
	work = w.WorkWake()
	l := claim(t, st, 1)[0]
	wantOpen(t, "a claim", work)
	if err := st.Release(t.Context(), l, 0); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, "a release", work)
}

func wantClosed(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s woke nobody", what)
	}
}

func wantOpen(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
		t.Fatalf("%s woke somebody", what)
	default:
	}
}
