package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Skills are what tasks may use: a skill.Service.
type Skills interface {
	// Describe returns what a prompt says of the skills that there are; "" if none.
	Describe(ctx context.Context, scope core.Scope) (string, error)
	// Allows reports whether a skill that a task has begun with lets a call be made.
	Allows(ctx context.Context, scope core.Scope, task core.TaskID, skill, tool, subject string) (bool, error)
}

// UseSkill is the name of the tool by which a model begins to use a skill.
const UseSkill = "use_skill"

// skills are what a prompt says of the skills that there are, the same for the whole drive:
// what a request begins with stays as it is, which providers' caches go by.
func (d *drive) skills(ctx context.Context) (string, error) {
	if d.Skills == nil || d.state.Created.Kind == core.KindApp {
		return "", nil
	}
	if d.described == nil {
		tools, err := d.allowed(ctx)
		if err != nil {
			return "", err
		}
		var text string
		if slices.ContainsFunc(tools, func(t tool.Spec) bool { return t.Name == UseSkill }) {
			if text, err = d.Skills.Describe(ctx, d.scope); err != nil {
				return "", fmt.Errorf("skills: %w", err)
			}
		}
		if text != "" {
			text = "\n\nSkills teach jobs; " + UseSkill + " shows how to do one. When a job fits a description, use that skill before you begin.\n" + text
		}
		d.described = &text
	}
	return *d.described, nil
}

// using are the skills that the attempt has begun to use, each once, the oldest first.
func (s State) using() (names []string) {
	for _, t := range s.Turns {
		for i, r := range t.Results {
			if i >= len(t.Answer.Calls) || t.Answer.Calls[i].Tool != UseSkill || r.Failed || r.Error != nil {
				continue
			}
			var used struct {
				Skill string `json:"skill"`
			}
			if json.Unmarshal(r.Data, &used) == nil && used.Skill != "" && !slices.Contains(names, used.Skill) {
				names = append(names, used.Skill)
			}
		}
	}
	return names
}

// unskilled settles a call that none of the skills in use lets be made. The agent's own tools
// make nothing that a skill could keep a task from, but for sub-tasks, which know no skill.
func (d *drive) unskilled(ctx context.Context, c core.CallContent, spec tool.Spec, using []string) (*core.ToolSettled, error) {
	if len(using) == 0 || d.Skills == nil || part(spec.Name) && spec.Name != Delegate {
		return nil, nil
	}
	for _, name := range using {
		ok, err := d.Skills.Allows(ctx, d.scope, d.state.Task, name, spec.Name, c.Subject)
		if err != nil && core.CodeOf(err) != core.NotFound && core.CodeOf(err) != core.Denied {
			return nil, fmt.Errorf("skill %s: %w", name, err)
		}
		if ok {
			return nil, nil
		}
	}
	return refused(c, fmt.Sprintf("The skill %s, which this step uses, doesn't list this call of %s among its tools. Do without it, or say what it is needed for.", using[len(using)-1], spec.Name)), nil
}
