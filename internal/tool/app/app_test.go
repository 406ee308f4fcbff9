package app_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/app"
)

// recorder notes what it is asked for. What the real one does with it, and the
// tools on top, is tested in module app.
type recorder struct {
	published *core.Publication
	log       []string
	preview   core.Preview
	err       error
}

func (r *recorder) Publish(_ context.Context, _ core.Scope, p core.Publication) (core.AppVersioned, error) {
	r.published = &p
	return core.AppVersioned{Number: p.Base + 1, Manifest: core.Manifest{Title: "Books"}}, r.err
}

func (r *recorder) Retract(_ context.Context, _ core.Scope, app core.AppID, call core.CallID) error {
	r.log = append(r.log, "retract "+string(app)+" "+string(call))
	return r.err
}

func (r *recorder) Preview(context.Context, core.Scope, core.AppID) (core.Preview, error) {
	return r.preview, r.err
}

func (r *recorder) Unpreview(_ context.Context, _ core.Scope, app core.AppID, task core.TaskID) error {
	r.log = append(r.log, "unpreview "+string(app)+" "+string(task))
	return r.err
}

func (r *recorder) tool(t *testing.T, name string) tool.Tool {
	t.Helper()
	tools := app.Tools(r)
	i := slices.IndexFunc(tools, func(t tool.Tool) bool { return t.Spec().Name == name })
	if i < 0 {
		t.Fatalf("there is no tool %s", name)
	}
	return tools[i]
}

func call(args string) tool.Call {
	return tool.Call{
		Scope: core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorWorker}},
		Task:  "tsk_1", ID: "cal_1", Arguments: json.RawMessage(args), Workspace: tool.Workspace{Dir: "/work"},
		Facts: tool.Facts{Prompt: "books", App: "app_1", Base: 1},
	}
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	for _, tl := range app.Tools(&recorder{}) {
		s := tl.Spec()
		var schema jsonschema.Schema
		if err := json.Unmarshal(s.Schema, &schema); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		} else if _, err := schema.Resolve(nil); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if !s.Internal || s.Effect != core.Idempotent {
			t.Errorf("%s: internal %v, effect %s", s.Name, s.Internal, s.Effect)
		}
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	res, err := r.tool(t, "publish_app").Call(t.Context(), call(`{"passed":14,"failed":0}`))
	if err != nil || res.Failed || string(res.Data) != `{"app":"app_1","version":2}` {
		t.Fatalf("%+v, %v", res, err)
	}
	want := &core.Publication{
		App: "app_1", Base: 1, Task: "tsk_1", Call: "cal_1", Prompt: "books", Dir: "/work", Tests: core.TestReport{Passed: 14},
	}
	if d := cmp.Diff(want, r.published); d != "" {
		t.Fatal(d)
	}
	undo(t, r, res, "retract app_1 cal_1")
}

func TestPreview(t *testing.T) {
	t.Parallel()
	r := &recorder{preview: core.Preview{
		App: "app_1", Version: 2, URL: "http://books.localhost", Evidence: core.Evidence{Kind: "http", OK: true, Text: "GET / answered 200"},
	}}
	res, err := r.tool(t, "preview_app").Call(t.Context(), call(``))
	if err != nil || res.Failed || !res.Evidence.OK || string(res.Data) != `{"app":"app_1","version":2,"url":"http://books.localhost"}` {
		t.Fatalf("%+v, %v", res, err)
	}
	undo(t, r, res, "unpreview app_1 tsk_1")
	r.preview.Evidence = core.Evidence{Kind: "http", Text: "the app ended", Detail: "no such table"}
	res, err = r.tool(t, "preview_app").Call(t.Context(), call(`{}`))
	if err != nil || !res.Failed || res.Evidence.OK || res.Output != "the app ended\nno such table" {
		t.Fatalf("an app that doesn't start: %+v, %v", res, err)
	}
}

// undo runs the compensation that a result names.
func undo(t *testing.T, r *recorder, res tool.Result, want string) {
	t.Helper()
	if res.Undo == nil {
		t.Fatal("nothing undoes the call")
	}
	r.err = nil
	if _, err := r.tool(t, res.Undo.Tool).Call(t.Context(), call(string(res.Undo.Arguments))); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{want}, r.log); d != "" {
		t.Fatal(d)
	}
	r.log = nil
}

// TestFailureIsUndoneToo: after an error nobody knows how far the call got.
func TestFailureIsUndoneToo(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"publish_app": "retract app_1 cal_1", "preview_app": "unpreview app_1 tsk_1"} {
		r := &recorder{err: core.E(core.Unavailable, "store", "down")}
		res, err := r.tool(t, name).Call(t.Context(), call(`{}`))
		if core.CodeOf(err) != core.Unavailable {
			t.Fatalf("%s: %v", name, err)
		}
		undo(t, r, res, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	for name, args := range map[string]string{"publish_app": `{"passed":"many"}`, "retract_app": `[]`, "unpreview_app": `"x"`} {
		if _, err := r.tool(t, name).Call(t.Context(), call(args)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s %s: %v; want invalid", name, args, err)
		}
	}
	for _, name := range []string{"publish_app", "preview_app"} {
		c := call(`{}`)
		c.Facts.App = ""
		if _, err := r.tool(t, name).Call(t.Context(), c); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s without an app: %v; want invalid", name, err)
		}
	}
}
