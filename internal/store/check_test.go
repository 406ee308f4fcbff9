package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

func FuzzParseCursor(f *testing.F) {
	for _, c := range []Cursor{{ID: "tsk_1"}, {Sort: -1, ID: `"\`}, {Sort: 1<<63 - 1, ID: "é"}} {
		f.Add(c.String())
	}
	for _, s := range []string{"", "e30", "bnVsbA", "tsk_1", "%%%", "eyJzIjoxLCJpIjoiYSJ9\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			if core.CodeOf(err) != core.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if c.ID == "" || c.String() != s {
			t.Errorf("%q was taken as %+v", s, c)
		}
	})
}

func TestCursorComesBack(t *testing.T) {
	t.Parallel()
	for _, want := range []Cursor{{ID: "tsk_1"}, {Sort: -1 << 63, ID: "a/b <&> é"}, {Sort: 1<<63 - 1, ID: "z"}} {
		if got, err := ParseCursor(want.String()); err != nil || got != want {
			t.Errorf("%+v came back as %+v (%v)", want, got, err)
		}
	}
}

func TestLeaseLostIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		lost bool
	}{
		{LostLease("tsk_1"), true}, {fmt.Errorf("while driving: %w", LostLease("tsk_1")), true},
		{Conflict("tsk_1"), false}, {errors.New("other"), false}, {nil, false},
	} {
		if LeaseLost(c.err) != c.lost {
			t.Errorf("%v: lost %v", c.err, !c.lost)
		}
	}
	if core.CodeOf(LostLease("tsk_1")) != core.Conflict || core.CodeOf(Conflict("tsk_1")) != core.Conflict {
		t.Error("not conflicts")
	}
}

func TestAppendCheck(t *testing.T) {
	t.Parallel()
	scope := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}
	event := []NewEvent{{ID: "evt_a", Type: "a.made", Data: []byte(`{}`)}}
	good := Append{Stream: "tsk_a", Expected: 1, Events: event, Work: WorkReady, Lease: &Lease{Org: "org_a", Stream: "tsk_a"}}
	if err := good.Check(scope); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Append)
		code   core.Code
	}{
		"work alone":                 {func(a *Append) { a.Events = nil }, ""},
		"a new stream":               {func(a *Append) { a.Expected = 0 }, ""},
		"no stream":                  {func(a *Append) { a.Stream, a.Lease = "", nil }, core.Invalid},
		"a negative version":         {func(a *Append) { a.Expected = -1 }, core.Invalid},
		"nothing":                    {func(a *Append) { a.Events, a.Work = nil, WorkKeep }, core.Invalid},
		"work of no stream":          {func(a *Append) { a.Events, a.Expected = nil, 0 }, core.Invalid},
		"an unknown change":          {func(a *Append) { a.Work = WorkLater + 1 }, core.Invalid},
		"put off":                    {func(a *Append) { a.Work, a.Delay = WorkLater, time.Hour }, ""},
		"put off by nobody":          {func(a *Append) { a.Work, a.Lease = WorkLater, nil }, core.Invalid},
		"put off to before":          {func(a *Append) { a.Work, a.Delay = WorkLater, -1 }, core.Invalid},
		"a change below the first":   {func(a *Append) { a.Work = -1 }, core.Invalid},
		"another org's lease":        {func(a *Append) { a.Lease = &Lease{Org: "org_b", Stream: a.Stream} }, core.Invalid},
		"another stream's lease":     {func(a *Append) { a.Lease = &Lease{Org: "org_a", Stream: "tsk_b"} }, core.Invalid},
		"an event without an id":     {func(a *Append) { a.Events = []NewEvent{{Type: "a.made", Data: []byte(`{}`)}} }, core.Invalid},
		"an event without a type":    {func(a *Append) { a.Events = []NewEvent{{ID: "evt_a", Data: []byte(`{}`)}} }, core.Invalid},
		"an event that is too large": {func(a *Append) { a.Events = []NewEvent{{ID: "evt_a", Type: "a.made", Data: make([]byte, MaxEvent+1)}} }, core.Invalid},
		"the largest event":          {func(a *Append) { a.Events = []NewEvent{{ID: "evt_a", Type: "a.made", Data: make([]byte, MaxEvent)}} }, ""},
		"an event without data":      {func(a *Append) { a.Events = []NewEvent{{ID: "evt_a", Type: "a.made"}} }, core.Invalid},
	} {
		a := good
		c.change(&a)
		if err := a.Check(scope); core.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Check(core.Scope{}); core.CodeOf(err) != core.Internal {
		t.Errorf("no tenant: %v", err)
	}
}

func TestQueryCheck(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: DefaultLimit, 1: 1, MaxLimit: MaxLimit, -1: 0, MaxLimit + 1: 0} {
		got, _, err := Query{Limit: limit}.Check()
		if got != want || (err != nil) != (want == 0) || err != nil && core.CodeOf(err) != core.Invalid {
			t.Errorf("%d: %d, %v", limit, got, err)
		}
	}
	after := CursorOf(Row{ID: "a", Sort: 7})
	if _, got, err := (Query{After: after.String()}).Check(); err != nil || got != after {
		t.Errorf("%+v, %v", got, err)
	}
	if _, _, err := (Query{After: "x"}).Check(); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("a wrong cursor: %v", err)
	}
	if err := CheckLimit("op", 0); core.CodeOf(err) != core.Invalid || CheckLimit("op", 1) != nil {
		t.Errorf("%v", err)
	}
}
