package agent

import (
	"context"

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
var own = []tool.Spec{askPerson, readResult}

// offered are the tools that a model may call in the task.
func (d *drive) offered() []tool.Spec {
	kind := d.state.Created.Kind
	all := d.tools.Offered(kind)
	for _, s := range own {
		if s.Offered(kind) {
			all = append(all, s)
		}
	}
	return all
}

// tool is one that the task may call. An app's plan ends with internal ones.
func (d *drive) tool(c CallTool) (tool.Tool, bool) {
	if c.Call.Tool == ReadResult {
		return resultReader{d}, true
	}
	t, known := d.tools.Get(c.Call.Tool)
	if known && !c.Undo && d.state.Created.Kind == core.KindTask {
		known = t.Spec().Offered(core.KindTask)
	}
	return t, known
}
