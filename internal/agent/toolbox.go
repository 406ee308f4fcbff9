package agent

import (
	"context"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// openTools finds out which tools the task has, once: those of the installation, and those of its
// tenant's sources. A source that fails is left out, and told: what a task has left may be enough
// for it.
func (d *drive) openTools(ctx context.Context) {
	if d.tools != nil {
		return
	}
	if d.tools = d.Tools; len(d.Sources) == 0 {
		return
	}
	var more []tool.Tool
	for _, s := range d.Sources {
		theirs, err := s.Tools(ctx, d.scope, d.state.Task)
		if err != nil {
			d.Logger.Warn("tools are missing", "org", d.lease.Org, "task", d.lease.Stream, "err", err)
		}
		more = append(more, theirs...)
	}
	var problems []error
	d.tools, problems = d.Tools.With(more...)
	for _, err := range problems {
		d.Logger.Warn("a tool can't be used", "org", d.lease.Org, "task", d.lease.Stream, "err", err)
	}
}

// own are the tools that are part of the agent.
var own = []tool.Spec{askPerson, readResult, delegate}

// part reports whether a tool is part of the agent.
func part(name string) bool {
	return slices.ContainsFunc(own, func(s tool.Spec) bool { return s.Name == name })
}

// offered are the tools that a model may call in the task.
func (d *drive) offered() []tool.Spec {
	kind := d.state.Created.Kind
	all := d.tools.Offered(kind)
	for _, s := range own {
		if s.Offered(kind) && (s.Name != Delegate || d.state.depth() < maxDepth) {
			all = append(all, s)
		}
	}
	if t := d.state.Created.Turn; t != nil && !t.Remember {
		all = slices.DeleteFunc(all, func(s tool.Spec) bool { return s.Name == remember })
	}
	return all
}

// remember is the name of the tool by which something outlasts its task: in a conversation only if
// the person wants that.
const remember = "remember"

// tool is one that the task may call. An app's plan ends with internal ones.
func (d *drive) tool(c CallTool) (tool.Tool, bool) {
	switch c.Call.Tool {
	case ReadResult:
		return resultReader{d}, true
	case Delegate:
		return delegated{}, true
	}
	t, known := d.tools.Get(c.Call.Tool)
	if known && !c.Undo && d.state.Created.Kind != core.KindApp {
		known = slices.ContainsFunc(d.offered(), func(s tool.Spec) bool { return s.Name == c.Call.Tool })
	}
	return t, known
}

// delegated stands for Delegate, which is no call but a task.
type delegated struct{}

func (delegated) Spec() tool.Spec { return delegate }

func (delegated) Call(context.Context, tool.Call) (tool.Result, error) {
	return tool.Result{}, core.E(core.Internal, Delegate, "a sub-task isn't called")
}
