package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// talk is a conversation that stands.
type talk struct {
	said []model.Message
	apps []agent.TurnApp
}

func (t talk) Messages(context.Context, core.Scope, core.Turn) ([]model.Message, error) {
	return slices.Clone(t.said), nil
}

func (t talk) Apps(context.Context, core.Scope, core.Turn) ([]agent.TurnApp, error) {
	return t.apps, nil
}

var chatting = talk{
	said: []model.Message{{Role: model.User, Text: "My name is Ada."}, {Role: model.Assistant, Text: "Hello Ada."}, {Role: model.User, Text: "What's my name?"}},
	apps: []agent.TurnApp{{ID: "app_1", Title: "A list"}},
}

// turn begins a turn, which the model is asked about unless a route is given.
func (r *rig) turn(name string, of core.Turn) core.TaskID {
	r.t.Helper()
	of.Conversation, of.Message = "cnv_1", "msg_1"
	st, err := r.tasks.Create(r.t.Context(), scope, agent.NewTask{Kind: core.KindChat, Prompt: "What's my name?", Model: name, Turn: &of})
	if err != nil {
		r.t.Fatal(err)
	}
	return st.Task
}

// routed has the model make an intent of a message.
func routed(intent string, otherwise func(model.Request) (model.Answer, error)) func(model.Request) (model.Answer, error) {
	return func(q model.Request) (model.Answer, error) {
		if q.Purpose == model.Route {
			return say(intent), nil
		}
		return otherwise(q)
	}
}

// A turn is routed by its conversation, and answered in its light.
func TestATurnIsAnswered(t *testing.T) {
	t.Parallel()
	var asked []model.Request
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if asked = append(asked, q); q.Purpose == model.Route {
			return say(`{"route":"chat","title":"A name","confidence":0.9,"reason":"a question","prompt":"What is the person's name?"}`), nil
		}
		return say("You are Ada."), nil
	})
	r.turns = chatting
	defer r.worker("w1", nil)()
	st := r.wait(r.turn("m", core.Turn{}), "over", over)
	if st.Status != core.StatusSucceeded || st.Finished.Answer.Text != "You are Ada." || st.Intent.Route != core.RouteChat || st.Plan.Title != "A name" {
		t.Errorf("%s: %+v, %+v", st.Status, st.Finished, st.Intent)
	}
	if len(asked) != 2 || !strings.Contains(asked[0].System, "app_1: A list") || asked[0].Schema == nil || asked[1].Schema != nil {
		t.Fatalf("asked %d times: %+v", len(asked), asked)
	}
	for i, q := range asked {
		if fmt.Sprint(q.Messages) != fmt.Sprint(chatting.said) {
			t.Errorf("asked %d: %+v", i, q.Messages)
		}
	}
}

// What a turn leads to is a sub-task, whose answer and files are the turn's.
func TestATurnBecomesATask(t *testing.T) {
	t.Parallel()
	log := &effects{}
	r := newRig(t, routed(`{"route":"task","title":"Write it","confidence":1,"reason":"work","prompt":"the part"}`, family(nil, map[string]func(int, string) (model.Answer, error){
		"the part": func(turn int, _ string) (model.Answer, error) {
			if turn == 0 {
				return call("write", `{"path":"a.txt","text":"alpha"}`), nil
			}
			return say("it is written"), nil
		},
	})), platformTools(log)...)
	r.turns = chatting
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.turn("m", core.Turn{}), "over", over)
	if st.Status != core.StatusSucceeded || st.Finished.Answer.Text != "it is written" || st.Tree == "" || log.distinct("write") != 1 || st.Subtasks != 1 {
		t.Errorf("%s: %+v with %q", st.Status, st.Finished, st.Tree)
	}
	var child core.TaskID
	for _, p := range r.payloads(st.Task) {
		switch p := p.(type) {
		case core.ToolRequested:
			child = core.TaskID(p.Call.Subject)
		case core.SubtaskFinished:
			if p.Task != child {
				t.Errorf("the sub-task is %s, and was said to be %s", p.Task, child)
			}
		}
	}
}

// A turn makes an app, also without a model; the conversation's next one can change it.
func TestATurnBecomesAnApp(t *testing.T) {
	t.Parallel()
	log := &effects{}
	r := newRig(t, func(q model.Request) (model.Answer, error) { return builder(q) }, platformTools(log)...)
	r.turns, r.planner = chatting, builder
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.turn(agent.Blueprint, core.Turn{}), "over", over)
	if st.Status != core.StatusSucceeded || st.Made == "" || !strings.Contains(st.Finished.Answer.Text, string(st.Made)) || !strings.Contains(st.Finished.Answer.Text, "2 of its tests pass") {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
	if st.Finished.Version != 0 || st.Tree != "" {
		t.Errorf("the app's version and files are taken for the turn's: %+v", st.Finished)
	}
}

// A sub-task that fails ends the turn with its reason; it isn't tried again behind the person's back.
func TestATurnThatFails(t *testing.T) {
	t.Parallel()
	began := 0
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Purpose == model.Plan {
			began++
			return say("{}"), nil
		}
		return say(`{"verdict":"ABORT","reason":"it can't be done"}`), nil
	})
	r.turns = chatting
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.turn("m", core.Turn{Route: core.RouteTask}), "over", over)
	if st.Status != core.StatusFailed || !strings.Contains(st.Finished.Error.Msg, "it can't be done") || began != 1 {
		t.Errorf("%s after %d: %+v", st.Status, began, st.Finished.Error)
	}
}

// Where an intent isn't clear the person is asked, and their choice counts.
func TestATurnThatIsntClear(t *testing.T) {
	t.Parallel()
	r := newRig(t, routed(`{"route":"app","skill":"write-docs","confidence":0.3,"reason":"It may be a page or a document.","prompt":"p"}`,
		func(model.Request) (model.Answer, error) { return say("as you wish"), nil }))
	r.turns = chatting
	defer r.worker("w1", nil)()
	id := r.turn("m", core.Turn{})
	q := r.wait(id, "asked", waiting).Question()
	if want := []string{"Answer here", "Use the skill write-docs", "Start a task", "Build an app"}; !slices.Equal(q.Choices, want) || !strings.HasPrefix(q.Question, "It may be a page") {
		t.Fatalf("%+v", q)
	}
	if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: core.AnswerReply, Text: "Use the skill write-docs"}); err != nil {
		t.Fatal(err)
	}
	st := r.wait(id, "over", over)
	if st.Status != core.StatusSucceeded || st.Intent.Route != core.RouteSkill || st.Intent.Skill != "write-docs" || st.Intent.Confidence != 1 {
		t.Errorf("%s: %+v", st.Status, st.Intent)
	}
}

// What a model says is there to be followed while it says it, and is whole at the end.
func TestATurnIsFollowed(t *testing.T) {
	t.Parallel()
	var long []string
	for i := range 40 {
		long = append(long, fmt.Sprintf("wörd %d ", i))
	}
	r := newRig(t, routed(`{"route":"chat","confidence":1}`, nil))
	r.turns = chatting
	r.pieces = func() []string { return long }
	defer r.worker("w1", nil)()
	st := r.wait(r.turn("m", core.Turn{}), "over", over)
	said, parts := "", 0
	for _, p := range r.payloads(st.Task) {
		if s, ok := p.(core.ModelStreamed); ok {
			if s.Offset != len(said) {
				t.Errorf("a part at %d after %d bytes", s.Offset, len(said))
			}
			said, parts = said+s.Text, parts+1
		}
	}
	if whole := strings.Join(long, ""); st.Finished.Answer.Text != whole || parts < 3 || !strings.HasPrefix(whole, said) {
		t.Errorf("%d parts: %q; at last %q", parts, said, st.Finished.Answer.Text)
	}
}

// What a model has said when it pauses is there to be followed while it does, all of it.
func TestAPauseIsFollowed(t *testing.T) {
	t.Parallel()
	r := newRig(t, routed(`{"route":"chat","confidence":1}`, nil))
	r.turns = chatting
	r.pieces = func() []string { return []string{"It begins ", "and pauses ", "here"} }
	id := make(chan core.TaskID, 1)
	heard := make(chan string, 1)
	r.pause = func() {
		task, said := <-id, ""
		for deadline := time.Now().Add(time.Minute); said != "It begins and pauses here" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			said = ""
			for _, p := range r.payloads(task) {
				if s, ok := p.(core.ModelStreamed); ok {
					said += s.Text
				}
			}
		}
		heard <- said
	}
	defer r.worker("w1", nil)()
	task := r.turn("m", core.Turn{})
	id <- task
	if said := <-heard; said != "It begins and pauses here" {
		t.Errorf("while it pauses, there is %q", said)
	}
	if st := r.wait(task, "over", over); st.Finished.Answer.Text != "It begins and pauses here" {
		t.Errorf("at last it is %q", st.Finished.Answer.Text)
	}
}

// What was said until a person stopped it is the answer: so it can be gone on from.
func TestATurnIsStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t, routed(`{"route":"chat","confidence":1}`, nil))
	r.turns, r.hang = chatting, true
	r.pieces = func() []string { return []string{"It begins ", "and never ", "ends"} }
	id := make(chan core.TaskID, 1)
	r.pause = func() {
		if _, err := r.tasks.Cancel(context.Background(), scope, <-id, "enough"); err != nil {
			t.Error(err)
		}
	}
	defer r.worker("w1", nil)()
	task := r.turn("m", core.Turn{})
	id <- task
	if st := r.wait(task, "over", over); st.Status != core.StatusCanceled || st.Finished.Answer.Text != "It begins and never ends" {
		t.Errorf("%s: %q", st.Status, st.Finished.Answer.Text)
	}
}

// A person may choose, and nothing is asked; a conversation that is long is cut at its beginning.
func TestALongConversation(t *testing.T) {
	t.Parallel()
	long := talk{}
	for i := range 100 {
		long.said = append(long.said, model.Message{Role: model.User, Text: fmt.Sprint(i, strings.Repeat(" word", 4000))})
	}
	var sent int
	var first string
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		first = q.Messages[0].Text
		for _, m := range q.Messages {
			sent += len(m.Text)
		}
		return say("yes"), nil
	})
	r.turns = long
	defer r.worker("w1", nil)()
	st := r.wait(r.turn("m", core.Turn{Route: core.RouteChat}), "over", over)
	if st.Status != core.StatusSucceeded || st.ModelCalls != 1 || sent > 400_000 || sent < 50_000 || !strings.Contains(first, "earlier messages of this conversation are left out") {
		t.Errorf("%s after %d calls, %d bytes, beginning with %.80q", st.Status, st.ModelCalls, sent, first)
	}
}

// shelf has one skill, which lists one tool.
type shelf struct{}

func (shelf) Describe(context.Context, core.Scope) (string, error) {
	return "<skill>careful</skill>", nil
}

func (shelf) Allows(_ context.Context, _ core.Scope, _ core.TaskID, skill, tool, _ string) (bool, error) {
	return skill == "careful" && tool != "write", nil
}

// A skill's list of tools is kept to from when it is used, and the project's rules may be about
// skills.
func TestASkillsTools(t *testing.T) {
	t.Parallel()
	log := &effects{}
	use := newFn(agent.UseSkill, core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
		return tool.Result{Output: "be careful", Data: json.RawMessage(`{"skill":"careful","allowed":["look"]}`)}, nil
	})
	look := newFn("look", core.Pure, func(_ context.Context, c tool.Call) (tool.Result, error) {
		log.add("look", c.ID)
		return tool.Result{Output: "seen"}, nil
	})
	write := `{"path":"a.txt","text":"alpha"}`
	steps := []model.Answer{call("look", `{}`), call(agent.UseSkill, `{}`), call("write", write), call("look", `{"again":1}`), say("done")}
	var system string
	r := newRig(t, family(func(turn int, _ string) model.Answer { return steps[turn] }, nil), append(platformTools(log), use, look)...)
	was := r.model
	r.model = func(q model.Request) (model.Answer, error) {
		if q.Purpose == model.Work {
			system = q.System
		}
		return was(q)
	}
	r.skills, r.rules = shelf{}, permission.New(r.store, r.now)
	if err := r.rules.Put(t.Context(), scope.Org, scope.Project, 0, permission.Policy{Rules: []permission.Rule{{Do: core.Deny, Tool: "look", Skill: "careful"}}}); err != nil {
		t.Fatal(err)
	}
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	var denied []string
	for _, p := range r.payloads(st.Task) {
		if s, ok := p.(core.ToolSettled); ok && s.Denied {
			denied = append(denied, s.Output.Text)
		}
	}
	if st.Status != core.StatusSucceeded || log.distinct("look") != 1 || log.distinct("write") != 0 || !strings.Contains(system, "<skill>careful</skill>") {
		t.Errorf("%s with %s: %+v", st.Status, log, st.Finished.Error)
	}
	if len(denied) != 2 || !strings.Contains(denied[0], "The skill careful") || !strings.Contains(denied[1], "deny look in careful") {
		t.Errorf("%q", denied)
	}
}

// A turn is what a conversation makes; nobody else makes one, and it has all that it needs.
func TestTurnsThatCantBe(t *testing.T) {
	t.Parallel()
	r := newRig(t, builder)
	for name, n := range map[string]agent.NewTask{
		"no turn":     {Kind: core.KindChat, Prompt: "p", Model: "m"},
		"no chat":     {Kind: core.KindTask, Prompt: "p", Model: "m", Turn: &core.Turn{}},
		"a workspace": {Kind: core.KindChat, Prompt: "p", Model: "m", Turn: &core.Turn{}, Workspace: "/w"},
	} {
		if _, err := r.tasks.Create(t.Context(), scope, n); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
