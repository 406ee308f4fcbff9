package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/isekai-run/isekai/internal/tool"
)

const (
	previewName   = "preview_app"
	unpreviewName = "unpreview_app"
)

// preview runs the app's current version, in place of the one that ran before
// and with its data, and looks at it.
type preview struct{ apps Apps }

func (preview) Spec() tool.Spec {
	return spec(previewName, "Run the app's current version and look at its first page.",
		`{"type":"object","properties":{},"additionalProperties":false}`, 2*time.Minute)
}

func (t preview) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	if err := needApp(previewName, c); err != nil {
		return tool.Result{}, err
	}
	back, err := compensation(unpreviewName, undo{App: c.Facts.App, Task: c.Task})
	if err != nil {
		return tool.Result{}, err
	}
	p, err := t.apps.Preview(ctx, c.Scope, c.Facts.App)
	if err != nil {
		return tool.Result{Undo: back}, err
	}
	data, err := json.Marshal(Data{App: p.App, Version: p.Version, URL: p.URL})
	res := tool.Result{Output: p.Evidence.Text, Failed: !p.Evidence.OK, Evidence: &p.Evidence, Data: data, Undo: back}
	if p.Evidence.Detail != "" {
		res.Output += "\n" + p.Evidence.Detail
	}
	return res, err
}

// unpreview stops what preview_app started.
type unpreview struct{ apps Apps }

func (unpreview) Spec() tool.Spec {
	return spec(unpreviewName, "Stop the preview that the task started.",
		`{"type":"object","properties":{"app":{"type":"string"},"task":{"type":"string"}},"required":["app","task"],"additionalProperties":false}`, 0)
}

func (t unpreview) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var args undo
	if err := decode(unpreviewName, c.Arguments, &args); err != nil {
		return tool.Result{}, err
	}
	if err := t.apps.Unpreview(ctx, c.Scope, args.App, args.Task); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Output: "the preview was stopped"}, nil
}
