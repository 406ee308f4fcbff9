package agent

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// What models are told. The files are prose, to be read and changed as prose.
var (
	//go:embed prompt/plan.md
	planPrompt string
	//go:embed prompt/work.md
	workPrompt string
	//go:embed prompt/judge.md
	judgePrompt string
	//go:embed prompt/app.md
	appPrompt string
)

var planSchema = &model.Schema{Name: "plan", JSON: json.RawMessage(`{
 "type":"object","additionalProperties":false,"required":["title","summary","steps","notes"],
 "properties":{
  "title":{"type":"string"},"summary":{"type":"string"},
  "steps":{"type":"array","minItems":1,"maxItems":12,"items":{"type":"object","additionalProperties":false,"required":["title","goal","after"],
   "properties":{"title":{"type":"string"},"goal":{"type":"string"},"after":{"type":"array","items":{"type":"integer"}}}}},
  "notes":{"type":"array","items":{"type":"string"}}}}`)}

var judgeSchema = &model.Schema{Name: "judgment", JSON: json.RawMessage(`{
 "type":"object","additionalProperties":false,"required":["verdict","reason","feedback"],
 "properties":{"verdict":{"type":"string","enum":["SUCCESS","RETRY","REPLAN","ABORT"]},
  "reason":{"type":"string"},"feedback":{"type":"string"}}}`)}

// request builds the question for a purpose from the state alone.
func (d *drive) request(ctx context.Context, purpose string) (model.Request, error) {
	s := d.state
	r := model.Request{
		Purpose: model.Purpose(purpose),
		Brief:   model.Brief{Prompt: s.Created.Prompt, Change: s.Created.Base > 0, Attempt: s.Attempt, Feedback: s.Feedback},
	}
	app := ""
	if s.Created.Kind == core.KindApp {
		app = "\n\n" + appPrompt
	}
	switch purpose {
	case purposePlan:
		r.System, r.Schema = planPrompt+app, planSchema
		r.Brief.Feedback = s.Replan
		r.Messages = []model.Message{{Role: model.User, Text: planQuestion(s)}}
		return r, nil
	case purposeRoute:
		skills, err := d.skills(ctx)
		if err != nil {
			return r, err
		}
		r.System, r.Schema = routePrompt+skills, routeSchema
		return r, d.turnRequest(ctx, &r)
	case purposeJudge:
		r.System, r.Schema = judgePrompt, judgeSchema
	default:
		r.System = workPrompt + app
		if s.Created.Kind == core.KindChat {
			r.System = chatPrompt
		}
		skills, err := d.skills(ctx)
		if err != nil {
			return r, err
		}
		r.System += skills
		tools, err := d.allowed(ctx)
		if err != nil {
			return r, err
		}
		for _, t := range tools {
			r.Tools = append(r.Tools, model.ToolSpec{Name: t.Name, Description: t.Description, Schema: t.Schema})
		}
	}
	step := s.Plan.Steps[s.Step]
	r.Brief.Step = &step
	r.Messages = []model.Message{{Role: model.User, Text: stepQuestion(s)}}
	if s.Created.Kind == core.KindChat {
		if err := d.turnRequest(ctx, &r); err != nil {
			return r, err
		}
		if in := s.Intent; in.Route == core.RouteSkill {
			r.System += "\n\nThe skill " + in.Skill + " is what this message wants: begin with use_skill."
		}
	}
	for _, t := range s.Turns {
		ms, err := d.turn(ctx, t)
		if err != nil {
			return r, err
		}
		r.Messages = append(r.Messages, ms...)
	}
	if purpose == purposeJudge {
		r.Messages = append(r.Messages, model.Message{Role: model.User, Text: judgeQuestion(s)})
	}
	fit(&r)
	return r, nil
}

// turn is one answer with its results as messages, blobs read.
func (d *drive) turn(ctx context.Context, t Turn) ([]model.Message, error) {
	text, err := d.text(ctx, t.Answer.Text)
	if err != nil {
		return nil, err
	}
	answer := model.Message{Role: model.Assistant, Text: text}
	for _, c := range t.Answer.Calls {
		args, err := d.text(ctx, c.Arguments)
		if err != nil {
			return nil, err
		}
		if !json.Valid([]byte(args)) {
			args = `{}` // what a provider takes back; Problem says what was wrong
		}
		answer.Calls = append(answer.Calls, core.Call{ID: c.ID, Tool: c.Tool, Arguments: json.RawMessage(args), Problem: c.Problem})
	}
	out := []model.Message{answer}
	for _, r := range t.Results {
		text, err := d.text(ctx, r.Output)
		if err != nil {
			return nil, err
		}
		if r.Error != nil {
			text = "the call failed: " + r.Error.Msg
		}
		out = append(out, model.Message{Role: model.Tool, CallID: r.Call, Text: text, Failed: r.Failed || r.Error != nil})
	}
	return out, nil
}

func planQuestion(s State) string {
	var b strings.Builder
	if s.Created.Base > 0 {
		b.WriteString("Change the app that is in the workspace:\n\n")
	}
	b.WriteString(s.Created.Prompt)
	if s.Replan != "" {
		fmt.Fprintf(&b, "\n\nAn earlier plan didn't work. What was wrong:\n%s\nIts files are still in the workspace. Plan what is left to do.", s.Replan)
		for i, title := range s.Done {
			if i == 0 {
				b.WriteString("\n\nThese steps are finished, and aren't to be done again:")
			}
			b.WriteString("\n- " + title)
		}
	}
	return b.String()
}

func stepQuestion(s State) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What the person asked for:\n%s\n\nThe plan: %s\n", s.Created.Prompt, s.Plan.Summary)
	for i, st := range s.Plan.Steps {
		mark := "to do"
		switch {
		case i < s.Step || s.Passed[i]:
			mark = "done"
		case i == s.Step:
			mark = "now"
		}
		fmt.Fprintf(&b, "%d. [%s] %s\n", i+1, mark, st.Title)
	}
	step := s.Plan.Steps[s.Step]
	fmt.Fprintf(&b, "\nDo step %d: %s\n%s\n", s.Step+1, step.Title, step.Goal)
	if s.Feedback != "" {
		fmt.Fprintf(&b, "\nThe attempt before this one wasn't good enough. Its files are in the workspace. What was wrong:\n%s\n", s.Feedback)
	}
	return b.String()
}

func judgeQuestion(s State) string {
	var b strings.Builder
	b.WriteString("Judge the step. What was observed:\n")
	for _, e := range observed(s) {
		fmt.Fprintf(&b, "- %s: %s (ok: %t)\n", e.Kind, e.Text, e.OK)
	}
	fmt.Fprintf(&b, "- attempt %d of %d\n", s.Attempt, s.Limits.Attempts)
	return b.String()
}
