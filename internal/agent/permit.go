package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Permissions say which calls of tools may be made: a permission.Service.
type Permissions interface {
	Rule(ctx context.Context, scope core.Scope, w permission.Wanted) (permission.Ruling, error)
}

// permit finds out whether a call may be made. If a person has to be asked, asked is true, and
// the question noted; if it is denied, c is settled. What plans of apps and compensations call
// is the platform's own, and a call that was under way was permitted then.
func (d *drive) permit(ctx context.Context, c *CallTool, spec tool.Spec) (asked bool, err error) {
	if c.Settle != nil || c.Undo || spec.Internal || d.state.Pending != nil || d.Permissions == nil {
		return false, nil
	}
	args, err := d.text(ctx, c.Call.Arguments)
	if err != nil {
		return false, err
	}
	using := d.state.using()
	if c.Settle, err = d.unskilled(ctx, c.Call, spec, using); err != nil || c.Settle != nil {
		return false, err
	}
	r, err := d.rule(ctx, spec, []byte(args), using)
	switch {
	case err != nil:
		return false, err
	case r.Do == core.Deny:
		c.Settle = refused(c.Call, "The project doesn't allow this call: its rule is "+r.Rule+". Go on without it.")
	case r.Do == core.Ask && d.state.answer(c.Call.ID).Answer != core.AnswerAllow && !slices.Contains(d.state.Allowed, spec.Name):
		d.note(core.ApprovalRequested{
			Call: c.Call.ID, Why: core.AskPermission, Tool: spec.Name, Subject: c.Call.Subject, Rule: r.Rule,
			Question:  permissionQuestion(c.Call, args),
			Until:     d.Now().Add(r.Wait).UTC().Truncate(time.Millisecond),
			Otherwise: core.AnswerDeny,
		})
		return true, nil
	}
	return false, nil
}

// rule is what the permissions say of a call: the strictest of what they say for each of the
// skills that are in use, if there are any.
func (d *drive) rule(ctx context.Context, spec tool.Spec, args []byte, using []string) (strictest permission.Ruling, err error) {
	if len(using) == 0 {
		using = []string{""}
	}
	for i, skill := range using {
		r, err := d.Permissions.Rule(ctx, d.scope, permission.Wanted{
			Tool: spec.Name, Effect: spec.Effect, Contained: spec.Contained, Arguments: args, Skill: skill,
		})
		if err != nil {
			return r, fmt.Errorf("permission of %s: %w", spec.Name, err)
		}
		if i == 0 || r.Do.Stricter(strictest.Do) {
			strictest = r
		}
	}
	return strictest, nil
}

// allowed are the tools that a model is told of, the same for the whole drive: those of offered but
// for what the permissions deny whatever it is called with, which would only cost tokens. A call of
// such a one is refused all the same.
func (d *drive) allowed(ctx context.Context) ([]tool.Spec, error) {
	all := d.offered()
	if d.Permissions == nil {
		return all, nil
	}
	if d.denied == nil {
		d.denied = map[string]bool{}
		for _, t := range all {
			r, err := d.rule(ctx, t, nil, nil)
			if err != nil {
				d.denied = nil
				return nil, err
			}
			d.denied[t.Name] = r.Do == core.Deny
		}
	}
	return slices.DeleteFunc(all, func(t tool.Spec) bool { return d.denied[t.Name] }), nil
}

// permissionQuestion says what a call is about, or else with which arguments it is: nobody can
// allow what he doesn't see.
func permissionQuestion(c core.CallContent, args string) string {
	about := c.Subject
	if about == "" {
		about = core.Clip(args, 300)
	}
	return fmt.Sprintf("May the task call %s: %s?", c.Tool, about)
}

// asks completes a question that Decide has: for how long a person is waited for.
func (d *drive) asks(ctx context.Context, q core.ApprovalRequested) error {
	if d.Permissions != nil {
		r, err := d.Permissions.Rule(ctx, d.scope, permission.Wanted{Tool: q.Tool})
		if err != nil {
			return fmt.Errorf("permission of %s: %w", q.Tool, err)
		}
		q.Until = d.Now().Add(r.Wait).UTC().Truncate(time.Millisecond)
	}
	d.note(q)
	return nil
}
