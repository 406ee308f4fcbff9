// Package app holds the tools that end the building of an app: publish_app,
// preview_app, and the two that compensate them, retract_app and unpreview_app.
//
// Plans call them; models don't see them. The agent runs the compensations in
// reverse order when a task fails after them: the preview ends, the version is
// taken back, and what was there before runs again. They hold no state and do
// nothing by themselves: Apps (module app) does.
package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Apps is what the tools need. Each method is idempotent.
type Apps interface {
	// Publish makes a folder an app's next version; once for each call id.
	Publish(ctx context.Context, scope core.Scope, p core.Publication) (core.AppVersioned, error)
	// Retract takes back what a call published, if it published anything.
	Retract(ctx context.Context, scope core.Scope, app core.AppID, call core.CallID) error
	// Preview runs the current version. That the app doesn't start, or answers
	// GET / with anything but 200, is evidence, not an error.
	Preview(ctx context.Context, scope core.Scope, app core.AppID) (core.Preview, error)
	// Unpreview stops the app if a version that the task published runs.
	Unpreview(ctx context.Context, scope core.Scope, app core.AppID, task core.TaskID) error
}

// Tools returns the four tools.
func Tools(apps Apps) []tool.Tool {
	return []tool.Tool{publish{apps}, retract{apps}, preview{apps}, unpreview{apps}}
}

// Data is Result.Data of publish_app and preview_app.
type Data struct {
	App     core.AppID `json:"app"`
	Version int        `json:"version"`
	URL     string     `json:"url,omitempty"`
}

// undo is the arguments of retract_app and unpreview_app.
type undo struct {
	App  core.AppID  `json:"app"`
	Call core.CallID `json:"call,omitempty"` // of publish_app
	Task core.TaskID `json:"task,omitempty"`
}

func spec(name, description, schema string, timeout time.Duration) tool.Spec {
	return tool.Spec{
		Name: name, Version: "1", Description: description, Schema: json.RawMessage(schema),
		Effect: core.Idempotent, Contained: true, Timeout: timeout, Internal: true,
	}
}

// compensation returns the call that undoes this one. It is part of the result
// even when the call failed: nobody may know how far it got.
func compensation(name string, args undo) (*core.Call, error) {
	b, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &core.Call{Tool: name, Arguments: b}, nil
}

func decode(name string, data json.RawMessage, into any) error {
	if len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return core.E(core.Invalid, name, "the arguments don't fit the schema").Because(err)
	}
	return nil
}

func needApp(name string, c tool.Call) error {
	if c.Facts.App == "" {
		return core.E(core.Invalid, name, "the task doesn't build an app")
	}
	return nil
}
