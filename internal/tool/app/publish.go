package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

const (
	publishName = "publish_app"
	retractName = "retract_app"
)

// publish makes the workspace the next version of the task's app. Its arguments
// are a core.TestReport.
type publish struct{ apps Apps }

func (publish) Spec() tool.Spec {
	return spec(publishName, "Make the workspace the next version of the app.",
		`{"type":"object","properties":{"passed":{"type":"integer","minimum":0},"failed":{"type":"integer","minimum":0}},"additionalProperties":false}`, 0)
}

func (t publish) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var tests core.TestReport
	if err := decode(publishName, c.Arguments, &tests); err != nil {
		return tool.Result{}, err
	}
	if err := needApp(publishName, c); err != nil {
		return tool.Result{}, err
	}
	if c.Workspace.Dir == "" {
		return tool.Result{}, core.E(core.Invalid, publishName, "the task has no workspace")
	}
	back, err := compensation(retractName, undo{App: c.Facts.App, Call: c.ID})
	if err != nil {
		return tool.Result{}, err
	}
	v, err := t.apps.Publish(ctx, c.Scope, core.Publication{
		App: c.Facts.App, Base: c.Facts.Base, Task: c.Task, Call: c.ID,
		Prompt: c.Facts.Prompt, Dir: c.Workspace.Dir, Tests: tests,
	})
	if err != nil {
		return tool.Result{Undo: back}, err
	}
	data, err := json.Marshal(Data{App: c.Facts.App, Version: v.Number})
	return tool.Result{
		Output:   fmt.Sprintf("version %d of %q is published", v.Number, v.Manifest.Title),
		Evidence: &core.Evidence{Kind: "call", OK: true, Text: fmt.Sprintf("version %d is published", v.Number)},
		Data:     data, Undo: back,
	}, err
}

// retract takes back what a publish_app call published.
type retract struct{ apps Apps }

func (retract) Spec() tool.Spec {
	return spec(retractName, "Take back the version that a call published.",
		`{"type":"object","properties":{"app":{"type":"string"},"call":{"type":"string"}},"required":["app","call"],"additionalProperties":false}`, 0)
}

func (t retract) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var args undo
	if err := decode(retractName, c.Arguments, &args); err != nil {
		return tool.Result{}, err
	}
	if err := t.apps.Retract(ctx, c.Scope, args.App, args.Call); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Output: "the version was taken back"}, nil
}
