package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func testAppend(t *testing.T, open Open) {
	st, clock := start(t, open)
	first := add(t, st, "org_a", "tsk_1", 0, 2, store.WorkKeep)
	second := add(t, st, "org_a", "tsk_1", 2, 1, store.WorkKeep)

	want := core.Event{
		ID: "evt_tsk_1_1", Org: "org_a", Project: "prj_one", Stream: "tsk_1", Version: 1, Position: first[0].Position,
		Type: "thing.happened", At: clock.Now(), Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"},
		Data: json.RawMessage(`{"stream":"tsk_1","version":1}`),
	}
	if diff := cmp.Diff(want, first[0]); diff != "" {
		t.Errorf("the first event (-want +got):\n%s", diff)
	}
	all := append(first, second...)
	var last int64
	for i, e := range all {
		if e.Version != int64(i+1) || e.Position <= last {
			t.Errorf("event %d has version %d and position %d after %d", i, e.Version, e.Position, last)
		}
		last = e.Position
	}
	stream := must(st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 10))(t)
	if diff := cmp.Diff(all, stream); diff != "" {
		t.Errorf("what is read isn't what append returned (-want +got):\n%s", diff)
	}
	org := must(st.ReadOrg(t.Context(), "org_a", 0, 10))(t)
	if diff := cmp.Diff(all, org); diff != "" {
		t.Errorf("the org's events (-want +got):\n%s", diff)
	}
}

func testAppendRefusals(t *testing.T, open Open) {
	st, _ := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 2, store.WorkKeep)
	scope := scopeOf("org_a")
	lease := &store.Lease{Org: "org_b", Stream: "tsk_1"}
	for _, c := range []struct {
		name  string
		scope core.Scope
		a     store.Append
		code  core.Code
	}{
		{"behind", scope, store.Append{Stream: "tsk_1", Expected: 1, Events: news("tsk_1", 1, 1)}, core.Conflict},
		{"ahead", scope, store.Append{Stream: "tsk_1", Expected: 3, Events: news("tsk_1", 3, 1)}, core.Conflict},
		{"new, but there", scope, store.Append{Stream: "tsk_1", Events: news("tsk_1", 0, 1)}, core.Conflict},
		{"there, but new", scope, store.Append{Stream: "tsk_2", Expected: 1, Events: news("tsk_2", 1, 1)}, core.Conflict},
		{"work of a moved stream", scope, store.Append{Stream: "tsk_1", Expected: 1, Work: store.WorkReady}, core.Conflict},
		{"no stream", scope, store.Append{Events: news("", 0, 1)}, core.Invalid},
		{"negative version", scope, store.Append{Stream: "tsk_1", Expected: -1, Events: news("tsk_1", 0, 1)}, core.Invalid},
		{"nothing", scope, store.Append{Stream: "tsk_1", Expected: 2}, core.Invalid},
		{"work without a stream's beginning", scope, store.Append{Stream: "tsk_2", Work: store.WorkReady}, core.Invalid},
		{"no data", scope, store.Append{Stream: "tsk_1", Expected: 2, Events: []store.NewEvent{{ID: "evt_x", Type: "x.y"}}}, core.Invalid},
		{"foreign lease", scope, store.Append{Stream: "tsk_1", Expected: 2, Events: news("tsk_1", 2, 1), Lease: lease}, core.Invalid},
		{"no tenant", core.Scope{}, store.Append{Stream: "tsk_1", Expected: 2, Events: news("tsk_1", 2, 1)}, core.Internal},
	} {
		got, err := st.Append(t.Context(), c.scope, c.a)
		wantCode(t, c.name, err, c.code)
		if got != nil {
			t.Errorf("%s: an error with events %v", c.name, got)
		}
		if store.LeaseLost(err) {
			t.Errorf("%s: says that a lease was lost", c.name)
		}
	}
	if _, err := st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 0); core.CodeOf(err) != core.Invalid {
		t.Errorf("a limit of 0 gives %v", err)
	}
	if got := must(st.ReadOrg(t.Context(), "org_a", 0, 10))(t); len(got) != 2 {
		t.Errorf("after refusals there are %d events, want 2", len(got))
	}
}

// testAppendAtomic lets appends fail at each check and sees that nothing of them
// is kept: no event, no message, no work, no org.
func testAppendAtomic(t *testing.T, open Open) {
	st, _ := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkKeep)
	if err := st.Published(t.Context(), []int64{must(st.Pending(t.Context(), 1))(t)[0].Seq}); err != nil {
		t.Fatal(err)
	}
	lost := &store.Lease{Org: "org_a", Stream: "tsk_1", Token: 7}
	for _, a := range []store.Append{
		{Stream: "tsk_1", Expected: 5, Events: news("tsk_1", 5, 3), Work: store.WorkReady},
		{Stream: "tsk_9", Expected: 5, Events: news("tsk_9", 5, 3), Work: store.WorkReady},
		{Stream: "tsk_1", Expected: 1, Events: news("tsk_1", 1, 3), Work: store.WorkReady, Lease: lost},
	} {
		_, err := st.Append(t.Context(), scopeOf("org_a"), a)
		wantCode(t, "append", err, core.Conflict)
	}
	_, err := st.Append(t.Context(), scopeOf("org_new"), store.Append{Stream: "tsk_1", Expected: 1, Events: news("tsk_1", 1, 1)})
	wantCode(t, "append in an org without events", err, core.Conflict)

	if got := must(st.ReadOrg(t.Context(), "org_a", 0, 10))(t); len(got) != 1 {
		t.Errorf("%d events, want 1", len(got))
	}
	if got := must(st.Pending(t.Context(), 10))(t); len(got) != 0 {
		t.Errorf("%d messages, want none", len(got))
	}
	if got := claim(t, st, 10); len(got) != 0 {
		t.Errorf("claimed %v, want nothing", streams(got))
	}
	if got := must(st.Orgs(t.Context()))(t); len(got) != 1 {
		t.Errorf("orgs %v, want one", got)
	}
}

func testReadPages(t *testing.T, open Open) {
	st, _ := start(t, open)
	var want []core.Event
	for v := range int64(5) { // two streams, interleaved
		want = append(want, add(t, st, "org_a", "tsk_1", v, 1, store.WorkKeep)...)
		want = append(want, add(t, st, "org_a", "tsk_2", v, 1, store.WorkKeep)...)
	}
	var org, stream []core.Event
	for page := must(st.ReadOrg(t.Context(), "org_a", 0, 3))(t); len(page) > 0; {
		org = append(org, page...)
		page = must(st.ReadOrg(t.Context(), "org_a", page[len(page)-1].Position, 3))(t)
	}
	if diff := cmp.Diff(want, org); diff != "" {
		t.Errorf("the org in pages (-want +got):\n%s", diff)
	}
	for page := must(st.ReadStream(t.Context(), "org_a", "tsk_2", 0, 2))(t); len(page) > 0; {
		stream = append(stream, page...)
		page = must(st.ReadStream(t.Context(), "org_a", "tsk_2", page[len(page)-1].Version, 2))(t)
	}
	for i, e := range stream {
		if e.Stream != "tsk_2" || e.Version != int64(i+1) {
			t.Errorf("event %d of tsk_2 is %s %d", i, e.Stream, e.Version)
		}
	}
	if len(stream) != 5 {
		t.Errorf("%d events of tsk_2, want 5", len(stream))
	}
	if got := must(st.ReadStream(t.Context(), "org_a", "tsk_none", 0, 2))(t); len(got) != 0 {
		t.Errorf("a stream that isn't there has %d events", len(got))
	}
}

// testHead: it is never below what can be read, and is the org's own.
func testHead(t *testing.T, open Open) {
	st, _ := start(t, open)
	if head := must(st.Head(t.Context(), "org_a"))(t); head != 0 {
		t.Errorf("an org without events is at %d", head)
	}
	add(t, st, "org_b", "tsk_1", 0, 1, store.WorkKeep)
	for v := range int64(3) {
		e := add(t, st, "org_a", "tsk_1", v, 1, store.WorkKeep)
		head := must(st.Head(t.Context(), "org_a"))(t)
		if head < e[0].Position {
			t.Errorf("the head is %d, an event is at %d", head, e[0].Position)
		}
		if after := must(st.ReadOrg(t.Context(), "org_a", head, 10))(t); len(after) != 0 {
			t.Errorf("%d events are above the head", len(after))
		}
	}
}

// testOrgIsolation uses the same ids in two orgs.
func testOrgIsolation(t *testing.T, open Open) {
	st, _ := start(t, open)
	for _, org := range []core.OrgID{"org_a", "org_b"} {
		add(t, st, org, "tsk_1", 0, 2, store.WorkReady)
		row := store.Row{ID: "tsk_1", Kind: string(org), Data: json.RawMessage(`{}`)}
		must(st.Apply(t.Context(), org, "tasks", once(5), []store.Row{row}))(t)
	}
	add(t, st, "org_b", "tsk_1", 2, 1, store.WorkNone)
	if err := st.Drop(t.Context(), "org_b", "tasks"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		org    core.OrgID
		events int
	}{{"org_a", 2}, {"org_b", 3}, {"org_c", 0}, {"", 0}, {"org_", 0}, {"org_%", 0}} {
		stream := must(st.ReadStream(t.Context(), c.org, "tsk_1", 0, 10))(t)
		all := must(st.ReadOrg(t.Context(), c.org, 0, 10))(t)
		if len(stream) != c.events || len(all) != c.events {
			t.Errorf("%q reads %d of the stream and %d of the org, want %d", c.org, len(stream), len(all), c.events)
		}
		for _, e := range append(stream, all...) {
			if e.Org != c.org {
				t.Errorf("%q reads an event of %q", c.org, e.Org)
			}
		}
	}
	if got := must(st.Orgs(t.Context()))(t); !cmp.Equal(got, []core.OrgID{"org_a", "org_b"}) {
		t.Errorf("orgs %v", got)
	}
	leases := claim(t, st, 10)
	if !cmp.Equal(streams(leases), []string{"org_a/tsk_1"}) {
		t.Fatalf("claimed %v, want org_a's alone", streams(leases))
	}
	stolen := leases[0]
	stolen.Org = "org_b"
	_, err := st.Renew(t.Context(), stolen, 1)
	if !store.LeaseLost(err) {
		t.Errorf("renewing org_a's lease as org_b gives %v", err)
	}
	row := must(st.Get(t.Context(), "org_a", "tasks", "tsk_1"))(t)
	if row.Kind != "org_a" {
		t.Errorf("org_a reads the row of %q", row.Kind)
	}
	_, err = st.Get(t.Context(), "org_b", "tasks", "tsk_1")
	wantCode(t, "get after drop", err, core.NotFound)
}

func testBigEvents(t *testing.T, open Open) {
	st, _ := start(t, open)
	data := json.RawMessage(`"` + string(bytes.Repeat([]byte("ab\\u0000é"), 90_000)) + `"`)
	var events []store.NewEvent
	for i := range 3 {
		events = append(events, store.NewEvent{ID: core.EventID(fmt.Sprintf("evt_%d", i)), Type: "big.made", Data: data})
	}
	must(st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Events: events}))(t)
	for _, e := range must(st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 10))(t) {
		if !bytes.Equal(e.Data, data) {
			t.Errorf("version %d came back with %d bytes, want the same %d", e.Version, len(e.Data), len(data))
		}
	}
	raw := json.RawMessage{0, 0xff, 0xfe, 0, 1} // ciphertext is as good as JSON
	must(st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_2", Events: []store.NewEvent{{ID: "e", Type: "x.y", Data: raw}}}))(t)
	if got := must(st.ReadStream(t.Context(), "org_a", "tsk_2", 0, 1))(t); !bytes.Equal(got[0].Data, raw) {
		t.Errorf("bytes came back as %x", got[0].Data)
	}
}

func testCanceledContext(t *testing.T, open Open) {
	st, _ := start(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := st.Append(ctx, scopeOf("org_a"), store.Append{Stream: "tsk_1", Events: news("tsk_1", 0, 1)})
	wantCode(t, "append", err, core.Canceled)
	_, err = st.ReadOrg(ctx, "org_a", 0, 1)
	wantCode(t, "read", err, core.Canceled)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkKeep)
}
