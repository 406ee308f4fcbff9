package agent

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Turns have what tasks of core.KindChat are about.
type Turns interface {
	// Messages returns what was said in a turn's branch of its conversation, oldest first; the
	// last one is what the turn answers.
	Messages(ctx context.Context, scope core.Scope, t core.Turn) ([]model.Message, error)
	// Apps returns the apps that were made in it.
	Apps(ctx context.Context, scope core.Scope, t core.Turn) ([]TurnApp, error)
}

// TurnApp is an app that a conversation has made.
type TurnApp struct {
	ID    core.AppID
	Title string
}

// TurnTask is the id of the task that answers a message: of one that is made with TurnKey.
func TurnTask(scope core.Scope, message core.MessageID) core.TaskID {
	return keyed(scope, TurnKey(message))
}

// TurnKey is the idempotency key of the task that answers a message.
func TurnKey(message core.MessageID) string { return "turn/" + string(message) }

var (
	//go:embed prompt/route.md
	routePrompt string
	//go:embed prompt/chat.md
	chatPrompt string
)

var routeSchema = &model.Schema{Name: "intent", JSON: json.RawMessage(`{
 "type":"object","additionalProperties":false,"required":["route","skill","app","prompt","title","confidence","reason"],
 "properties":{"route":{"type":"string","enum":["chat","skill","task","app"]},
  "skill":{"type":"string"},"app":{"type":"string"},"prompt":{"type":"string"},"title":{"type":"string"},
  "confidence":{"type":"number","minimum":0,"maximum":1},"reason":{"type":"string"}}}`)}

const (
	// sure is the confidence from which on an intent is acted on without a question.
	sure = 0.5
	// maxSaid is how much of a conversation a request has, in tokens.
	maxSaid = maxContext / 2
	// maxRouted is how many of the last messages an intent is found by.
	maxRouted = 12
)

// routes are what a person may choose when an intent isn't clear, in this order.
var routes = []struct {
	route core.Route
	label string
}{
	{core.RouteChat, "Answer here"},
	{core.RouteSkill, "Use the skill "},
	{core.RouteTask, "Start a task"},
	{core.RouteApp, "Build an app"},
}

// decideTurn finds out what a turn is to do, and plans it.
func decideTurn(s State) Effect {
	switch {
	case s.Intent != nil:
		return record(core.TaskPlanned{Plan: s.turnPlan(*s.Intent)})
	case s.Created.Turn.Route != "":
		t := s.Created.Turn
		return record(core.IntentRouted{By: "person", Intent: core.Intent{
			Route: t.Route, Skill: t.Skill, Prompt: s.Created.Prompt, Confidence: 1, Reason: "chosen by the person",
		}})
	case s.Model == Blueprint:
		return record(core.IntentRouted{By: "rules", Intent: core.Intent{
			Route: core.RouteApp, Prompt: s.Created.Prompt, Confidence: 1, Reason: "there is no model, and the built-in planner builds apps",
		}})
	case s.PlanText != nil:
		return s.route(readIntent(s.PlanText.Text.Text, s.Created.Prompt))
	case s.Trouble != nil && !retryable(s):
		return failover(s)
	}
	return s.ask(purposeRoute)
}

// route acts on what a model makes of a message, or asks the person if that isn't clear.
func (s State) route(in core.Intent) Effect {
	call := s.PlanText.Call
	answer := s.answer(call)
	switch {
	case answer.Answer == core.AnswerReply:
		in.Route = core.RouteChat
		for _, r := range routes {
			if strings.HasPrefix(answer.Text, r.label) {
				in.Route = r.route
			}
		}
		in.Confidence, in.Reason = 1, "chosen by the person"
		return record(core.IntentRouted{Intent: in, By: "person"})
	case answer.Answer != "": // there is none
		in.Route, in.Skill, in.App = core.RouteChat, "", ""
		return record(core.IntentRouted{Intent: in, By: "rules"})
	case in.Confidence >= sure:
		return record(core.IntentRouted{Intent: in, By: "model"})
	}
	var choices []string
	for _, r := range routes {
		label := r.label
		if r.route == core.RouteSkill {
			if label += in.Skill; in.Skill == "" {
				continue
			}
		}
		choices = append(choices, label)
	}
	return Effect{Ask: &core.ApprovalRequested{
		Call: call, Why: core.AskQuestion, Question: cmp.Or(in.Reason, "It isn't clear what is wanted.") + " What shall it be?",
		Choices: choices, Tool: AskPerson, Otherwise: core.AnswerDeny,
	}}
}

// readIntent reads a model's answer. What can't be read is a wish to be answered.
func readIntent(text, prompt string) core.Intent {
	in := core.Intent{Confidence: -1}
	if i, j := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}'); i >= 0 && j > i {
		_ = json.Unmarshal([]byte(text[i:j+1]), &in) // what doesn't decode has no route
	}
	in.Prompt, in.Title, in.Reason = strings.TrimSpace(core.Clip(in.Prompt, core.MaxPrompt)), core.Clip(strings.TrimSpace(in.Title), 120), core.Clip(in.Reason, 500)
	if core.CheckPrompt(in.Prompt) != nil {
		in.Prompt = prompt
	}
	if !core.ValidID("app", string(in.App)) || in.Route != core.RouteApp {
		in.App = ""
	}
	if in.Skill = core.Clip(strings.TrimSpace(in.Skill), 64); in.Route != core.RouteSkill && in.Confidence >= sure {
		in.Skill = ""
	}
	known := slices.Contains([]core.Route{core.RouteChat, core.RouteSkill, core.RouteTask, core.RouteApp}, in.Route)
	if !known || in.Confidence < 0 || in.Confidence > 1 || in.Route == core.RouteSkill && in.Skill == "" {
		in.Route, in.Skill, in.Confidence = core.RouteChat, "", 1
		in.Reason = "the model named no route that there is"
	}
	return in
}

// turnPlan is what an intent leads to: an answer, or a sub-task.
func (s State) turnPlan(in core.Intent) core.Plan {
	p := core.Plan{Title: cmp.Or(in.Title, core.Clip(firstLine(s.Created.Prompt), 120)), Summary: in.Reason, Steps: []core.Step{{Title: "Answer"}}}
	switch in.Route {
	case core.RouteSkill:
		p.Steps[0].Title = "Answer with the skill " + in.Skill
	case core.RouteTask, core.RouteApp:
		w := wish{Prompt: in.Prompt, Kind: core.KindTask}
		if p.Steps[0].Title = "Work on it"; in.Route == core.RouteApp {
			w.Kind, w.App = core.KindApp, in.App
			p.Steps[0].Title = "Build the app"
		}
		args, err := json.Marshal(w)
		if err == nil {
			p.Steps[0].Call = &core.Call{Tool: Delegate, Arguments: args}
		}
	}
	return p
}

// turnRequest completes a request about a turn: with the conversation, as far as there is room.
func (d *drive) turnRequest(ctx context.Context, r *model.Request) error {
	if d.Turns == nil {
		return core.E(core.Internal, "agent.turn", "there are no conversations here")
	}
	said, err := d.Turns.Messages(ctx, d.scope, *d.state.Created.Turn)
	if err != nil {
		return fmt.Errorf("read the conversation: %w", err)
	}
	if r.Purpose == purposeRoute {
		said = said[max(0, len(said)-maxRouted):]
		apps, err := d.Turns.Apps(ctx, d.scope, *d.state.Created.Turn)
		if err != nil {
			return fmt.Errorf("read the conversation: %w", err)
		}
		for i, a := range apps {
			if i == 0 {
				r.System += "\n\nThe apps of this conversation, by id:"
			}
			r.System += fmt.Sprintf("\n- %s: %s", a.ID, firstLine(a.Title))
		}
	}
	r.Messages = recent(said, maxSaid)
	return nil
}

// recent are the last messages of a conversation that there is room for, at least one.
func recent(said []model.Message, room int) []model.Message {
	first := len(said)
	for first > 0 {
		if room -= len(said[first-1].Text) / bytesPerToken; room < 0 && first < len(said) {
			break
		}
		first--
	}
	kept := slices.Clone(said[first:])
	if first > 0 {
		kept[0].Text = fmt.Sprintf("[%d earlier messages of this conversation are left out]\n\n%s", first, kept[0].Text)
	}
	return kept
}
