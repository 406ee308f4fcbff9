package agent

import (
	"encoding/json"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// The tools that plans of apps end with. platform checks at start that they
// are registered.
const (
	ToolTest    = "test_app"
	ToolPublish = "publish_app"
	ToolPreview = "preview_app"
)

// maxPlanSteps bounds the steps that a planner may ask for.
const maxPlanSteps = 12

// readPlan makes a plan of a planner's answer. An answer that isn't a plan
// becomes a plan of one step, the prompt itself: planning never stalls a task. A planner
// that knows what call a step takes names it, and no model is asked again; but what is
// called for an app, complete alone says.
func readPlan(text string, of core.TaskCreated) core.Plan {
	var p core.Plan
	if i, j := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}'); i >= 0 && j > i {
		_ = json.Unmarshal([]byte(text[i:j+1]), &p) // what doesn't decode leaves no steps
	}
	steps, graph := p.Steps[:0], false
	for _, s := range p.Steps {
		if strings.TrimSpace(s.Title) == "" || len(steps) == maxPlanSteps {
			continue
		}
		step := core.Step{Title: core.Clip(s.Title, 200), Goal: core.Clip(s.Goal, 2000)}
		if of.Kind == core.KindTask && s.After != nil { // which counts from 1
			step.After = []int{}
			for _, n := range s.After {
				step.After = append(step.After, n-1)
			}
			graph = true
		}
		if c := s.Call; of.Kind == core.KindTask && c != nil && len(c.Arguments) <= core.MaxInline {
			step.Call = &core.Call{Tool: core.Clip(c.Tool, 64), Arguments: c.Arguments}
		}
		steps = append(steps, step)
	}
	if p.Steps = steps; graph {
		p.Steps = inOrder(steps)
	}
	if p.Title = core.Clip(strings.TrimSpace(p.Title), 120); p.Title == "" {
		p.Title = core.Clip(strings.TrimSpace(of.Prompt), 120)
	}
	if len(p.Steps) == 0 {
		p.Steps = []core.Step{{Title: "Do the work", Goal: core.Clip(of.Prompt, 2000)}}
	}
	p.Summary = core.Clip(p.Summary, 1000)
	if len(p.Notes) > 20 {
		p.Notes = p.Notes[:20]
	}
	for i := range p.Notes {
		p.Notes[i] = core.Clip(p.Notes[i], 300)
	}
	return p
}

// complete adds what every app's plan ends with: the tests as the check of the
// last step of work, the version, and the running preview.
func complete(s State, p core.Plan) core.Plan {
	if s.Created.Kind != core.KindApp {
		return p
	}
	p.Steps[len(p.Steps)-1].Check = &core.Call{Tool: ToolTest}
	p.Steps = append(p.Steps,
		core.Step{Title: "Publish the version", Call: &core.Call{Tool: ToolPublish}},
		core.Step{Title: "Start and try the app", Call: &core.Call{Tool: ToolPreview}})
	return p
}

// arguments are what a plan's call is given: publishing says how the tests went.
func (s State) arguments(c core.Call) json.RawMessage {
	if c.Tool == ToolPublish {
		b, err := json.Marshal(core.TestReport{Passed: s.Tests.Passed, Failed: s.Tests.Failed})
		if err == nil {
			return b
		}
	}
	if len(c.Arguments) == 0 {
		return json.RawMessage(`{}`)
	}
	return c.Arguments
}

// publishedVersion reads the version from a publish call's data, or 0.
func publishedVersion(p core.ToolSettled) int {
	var d struct {
		Version int `json:"version"`
	}
	if p.Failed || p.Error != nil || json.Unmarshal(p.Data, &d) != nil {
		return 0
	}
	return d.Version
}
