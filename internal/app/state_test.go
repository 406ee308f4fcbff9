package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

const testApp core.AppID = "app_0001"

// history is a stream in memory: the shortest thing that decisions act on.
type history struct {
	events []core.Event
	state  State
}

func (h *history) add(t interface{ Fatalf(string, ...any) }, kind core.ActorKind, payloads []core.Payload) {
	for _, p := range payloads {
		data, err := core.EncodePayload(p)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		n := int64(len(h.events) + 1)
		e := core.Event{
			ID: core.EventID(fmt.Sprintf("evt_%d", n)), Org: core.DefaultOrg, Project: core.DefaultProject,
			Stream: testApp.Stream(), Version: n, Position: n, Type: p.EventType(),
			At: time.Unix(n, 0).UTC(), Actor: core.Actor{Kind: kind, ID: "a"}, Data: data,
		}
		next, err := h.state.Apply(e)
		if err != nil {
			t.Fatalf("apply %s: %v", p.EventType(), err)
		}
		h.events, h.state = append(h.events, e), next
	}
}

func (h *history) publish(t interface{ Fatalf(string, ...any) }, task string, call string, base int) {
	p := core.Publication{App: testApp, Base: base, Task: core.TaskID(task), Call: core.CallID(call)}
	payloads, err := h.state.publish(p, core.Digest("sha256:"+call), core.Manifest{Title: "T " + call})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	h.add(t, core.ActorWorker, payloads)
}

// effective is what a compensation must restore: all that a user can tell.
type effective struct {
	Current, Started int
	Title            string
	Deleted          bool
	Live             []int
}

func (s State) effective() effective {
	e := effective{Current: s.Current, Started: s.Started, Title: s.Title, Deleted: s.Deleted}
	for _, v := range s.Live() {
		e.Live = append(e.Live, v.Number)
	}
	return e
}

// TestLaws drives random commands and checks after each: replaying the events
// gives the same state, earlier states didn't change, and the state is sound.
func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var h history
		calls := 0
		for range rapid.IntRange(1, 25).Draw(rt, "commands") {
			before, wasEvents := h.state, len(h.events)
			kind := rapid.SampledFrom([]core.ActorKind{core.ActorUser, core.ActorWorker}).Draw(rt, "actor")
			var payloads []core.Payload
			number := rapid.IntRange(1, 6).Draw(rt, "number")
			_, live := h.state.Version(number)
			switch rapid.SampledFrom([]string{"publish", "publish", "retract", "pick", "start", "stop", "delete"}).Draw(rt, "command") {
			case "publish":
				calls++
				p := core.Publication{App: testApp, Base: h.state.Current, Call: core.CallID(fmt.Sprint("cal_", calls))}
				payloads, _ = h.state.publish(p, "sha256:00", core.Manifest{Title: fmt.Sprint("T", calls)})
			case "retract":
				payloads = h.state.retract(core.CallID(fmt.Sprint("cal_", number)))
			case "pick":
				if live && h.state.Exists() {
					payloads = h.state.pick(number)
				}
			case "start":
				if live && h.state.Exists() {
					payloads = h.state.start(number)
				}
			case "stop":
				payloads = h.state.stop("asked")
			case "delete":
				if h.state.Exists() && rapid.IntRange(0, 9).Draw(rt, "really") == 0 {
					payloads = []core.Payload{core.AppDeleted{}}
				}
			}
			h.add(rt, kind, payloads)
			sound(rt, h.state)
			replayed, err := Fold(h.events)
			if err != nil {
				rt.Fatalf("replay: %v", err)
			}
			if d := cmp.Diff(h.state, replayed, cmp.AllowUnexported(Version{})); d != "" {
				rt.Fatalf("replay differs: %s", d)
			}
			again, err := Fold(h.events[:wasEvents])
			if err != nil {
				rt.Fatalf("replay: %v", err)
			}
			if d := cmp.Diff(before, again, cmp.AllowUnexported(Version{}), cmpopts.EquateEmpty()); d != "" {
				rt.Fatalf("an earlier state changed: %s", d)
			}
		}
	})
}

func sound(rt *rapid.T, s State) {
	if s.ID == "" {
		return
	}
	if s.Deleted {
		if s.Current != 0 || s.Started != 0 || s.Exists() {
			rt.Fatalf("deleted, but current %d, started %d", s.Current, s.Started)
		}
		return
	}
	if v, ok := s.Version(s.Current); !ok || s.Title != v.Manifest.Title {
		rt.Fatalf("the current version %d isn't there, or the title %q isn't its own", s.Current, s.Title)
	}
	if _, ok := s.Version(s.Started); s.Started != 0 && !ok {
		rt.Fatalf("version %d should run, but isn't there", s.Started)
	}
	for i, v := range s.Versions {
		if v.Number != i+1 {
			rt.Fatalf("version %d at %d", v.Number, i)
		}
	}
}

// TestCompensationRestores: whatever the state before a task, and however far
// the task got, undoing its calls in reverse leaves what was there before.
func TestCompensationRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var h history
		for i := range rapid.IntRange(0, 3).Draw(rt, "versions before") {
			h.publish(rt, "tsk_old", fmt.Sprint("cal_old", i), 0)
			if rapid.Bool().Draw(rt, "started") {
				h.add(rt, core.ActorUser, h.state.start(h.state.Current))
			}
		}
		if h.state.Exists() {
			switch rapid.IntRange(0, 2).Draw(rt, "then") {
			case 0:
				h.add(rt, core.ActorUser, h.state.stop("asked"))
			case 1:
				h.add(rt, core.ActorUser, h.state.pick(1))
			}
		}
		want, base := h.state.effective(), h.state.Current
		var undo []func()
		for i := range rapid.IntRange(1, 3).Draw(rt, "publishes") {
			call := fmt.Sprint("cal_new", i)
			h.publish(rt, "tsk_new", call, base)
			undo = append(undo, func() { h.add(rt, core.ActorWorker, h.state.retract(core.CallID(call))) })
			if rapid.Bool().Draw(rt, "previewed") {
				number := h.state.Current
				h.add(rt, core.ActorWorker, h.state.start(number))
				if rapid.Bool().Draw(rt, "settled") {
					undo = append(undo, func() {
						if h.state.Started == number {
							h.add(rt, core.ActorWorker, h.state.stop("undone"))
						}
					})
				}
			}
		}
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
			undo[i]() // a compensation may come twice
		}
		got := h.state.effective()
		if want.Current == 0 { // there was no app: now there is none
			if h.state.Exists() {
				rt.Fatalf("a half-made app is left: %+v", got)
			}
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatalf("not restored (-want +got): %s", d)
		}
	})
}

func TestPersonsStopOutlivesCompensation(t *testing.T) {
	t.Parallel()
	var h history
	h.publish(t, "tsk_1", "cal_1", 0)
	h.add(t, core.ActorUser, h.state.start(1))
	h.publish(t, "tsk_2", "cal_2", 1)
	h.add(t, core.ActorUser, h.state.stop("asked"))
	h.add(t, core.ActorWorker, h.state.retract("cal_2"))
	if h.state.Current != 1 || h.state.Started != 0 {
		t.Fatalf("current %d, started %d; want 1, stopped", h.state.Current, h.state.Started)
	}
}

func TestPublishConflicts(t *testing.T) {
	t.Parallel()
	var h history
	h.publish(t, "tsk_1", "cal_1", 0)
	h.publish(t, "tsk_2", "cal_2", 1)
	for name, p := range map[string]core.Publication{
		"an older base":       {App: testApp, Base: 1, Task: "tsk_3", Call: "cal_3"},
		"a new app, twice":    {App: testApp, Base: 0, Task: "tsk_3", Call: "cal_3"},
		"a base to come":      {App: testApp, Base: 3, Task: "tsk_3", Call: "cal_3"},
		"another task's base": {App: testApp, Base: 0, Task: "tsk_2", Call: "cal_3"},
	} {
		if _, err := h.state.publish(p, "sha256:00", core.Manifest{Title: "T"}); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
			t.Errorf("%s: %v; want a conflict with a hint", name, err)
		}
	}
	same, err := h.state.publish(core.Publication{App: testApp, Base: 1, Task: "tsk_2", Call: "cal_2"}, "sha256:00", core.Manifest{})
	if err != nil || len(same) != 0 {
		t.Errorf("the same call again: %v, %v; want nothing to do", same, err)
	}
	h.publish(t, "tsk_2", "cal_4", 1) // the same task, after a new plan
	if v, _ := h.state.Version(3); v.Parent != 2 {
		t.Errorf("parent %d; want 2", v.Parent)
	}
	h.add(t, core.ActorWorker, h.state.retract("cal_4"))
	if _, err := h.state.publish(core.Publication{App: testApp, Base: 1, Task: "tsk_2", Call: "cal_4"}, "sha256:00", core.Manifest{}); core.CodeOf(err) != core.Conflict {
		t.Errorf("publishing again what was taken back: %v; want a conflict", err)
	}
}

func FuzzFold(f *testing.F) {
	f.Add("app.created", []byte(`{"name":"a-1","title":"A"}`), "app.versioned", []byte(`{"number":1,"manifest":{"title":"A"}}`))
	f.Add("app.versioned", []byte(`{"number":1}`), "app.retracted", []byte(`{"number":-1,"to":9}`))
	f.Fuzz(func(t *testing.T, type1 string, data1 []byte, type2 string, data2 []byte) {
		var s State
		for i, e := range []core.Event{
			{Type: "app.created", Data: []byte(`{"name":"a-1","title":"A"}`)},
			{Type: "app.versioned", Data: []byte(`{"number":1,"manifest":{"title":"A"}}`)},
			{Type: type1, Data: data1}, {Type: type2, Data: data2},
		} {
			e.Stream, e.Version = testApp.Stream(), int64(i+1)
			next, err := s.Apply(e)
			if err != nil {
				return
			}
			s = next
		}
		if s.Exists() && len(s.Live()) == 0 {
			t.Fatalf("an app without a version: %+v", s)
		}
	})
}
