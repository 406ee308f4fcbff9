// Package apptest holds test_app, which runs an app's own tests in a sandbox
// and reports how they went as evidence, and run_app_tests, the same for models.
//
// platform lists both. Plans call test_app as the check of a step. It believes
// nothing but an exit code of 0 together with at least one test that passed and
// none that failed, and never runs anything on the host.
package apptest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// Wall bounds a run of an app's tests.
const Wall = 2 * time.Minute

// appDir is where the app's tree is in the box, as in a preview.
const appDir = "/app"

type apptest struct {
	spec  tool.Spec
	boxes sandbox.Driver
}

var noArguments = json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`)

// New returns test_app. Its Result's Data is a core.TestReport.
func New(boxes sandbox.Driver) tool.Tool {
	return apptest{tool.Spec{
		Name: "test_app", Version: "1", Effect: core.Pure, Contained: true, Timeout: Wall + time.Minute, Internal: true,
		Description: "Runs the app's own tests.", Schema: noArguments,
	}, boxes}
}

// NewOffered returns run_app_tests, which models may call in tasks that make an app.
func NewOffered(boxes sandbox.Driver) tool.Tool {
	return apptest{tool.Spec{
		Name: "run_app_tests", Version: "1", Effect: core.Pure, Contained: true, Timeout: Wall + time.Minute, Kinds: []core.TaskKind{core.KindApp},
		Description: "Runs the app's tests as its " + core.ManifestName + " says, in a sandbox where the app's files can't be changed, DATA_DIR is a fresh folder and PORT is free.",
		Schema:      noArguments,
	}, boxes}
}

func (t apptest) Spec() tool.Spec { return t.spec }

func (t apptest) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	if c.Workspace.Dir == "" {
		return tool.Result{}, core.E(core.Invalid, t.spec.Name, "this task has no workspace")
	}
	m, err := ReadManifest(c.Workspace.Dir)
	switch core.CodeOf(err) {
	case "":
	case core.Invalid, core.NotFound:
		return judged(core.Evidence{Text: err.Error(), Detail: core.HintOf(err)}, ""), nil
	default:
		return tool.Result{}, err
	}
	box, err := t.boxes.Create(ctx, c.Scope, sandbox.Spec{
		Mounts: []sandbox.Mount{{Host: c.Workspace.Dir, Target: appDir}},
		Limits: sandbox.Limits{CPU: 1, Wall: Wall, CPUTime: Wall, Output: -1},
	})
	if err != nil {
		return tool.Result{}, err
	}
	defer box.Kill(context.WithoutCancel(ctx)) // what it leaves, Sweep removes
	var out tool.Transcript
	exit, err := box.Exec(ctx, sandbox.Command{
		Argv: m.Test, Dir: appDir, Stdout: &out, Stderr: &out,
		Env: map[string]string{"PORT": "8000", "DATA_DIR": "/tmp", "CI": "true", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
	})
	if err != nil {
		return tool.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	return judge(exit, out.String()), nil
}

// judge makes evidence of how the tests ended and what they said.
func judge(exit sandbox.Exit, output string) tool.Result {
	passed, failed := count(output)
	e := core.Evidence{Passed: passed, Failed: failed}
	switch {
	case exit.Reason == sandbox.TimedOut:
		e.Text = fmt.Sprintf("the tests took longer than %s", Wall)
	case exit.Reason != sandbox.Exited:
		e.Text = "the tests were killed: " + string(exit.Reason)
	case failed > 0:
		e.Text = fmt.Sprintf("%d of %d tests failed", failed, passed+failed)
	case exit.Code != 0:
		e.Text = fmt.Sprintf("the tests ended with exit code %d", exit.Code)
	case passed == 0:
		e.Text = `no test ran that says so: the last line of the tests' output is to be "N passed, N failed"`
	case passed == 1:
		e.OK, e.Text = true, "1 test passed"
	default:
		e.OK, e.Text = true, fmt.Sprintf("%d tests passed", passed)
	}
	if !e.OK {
		e.Detail = tool.Tail(output, core.MaxInline)
	}
	return judged(e, output)
}

func judged(e core.Evidence, output string) tool.Result {
	e.Kind = "tests"
	e.Text, e.Detail = tool.Tail(e.Text, 500), tool.Tail(e.Detail, core.MaxInline)
	data, _ := json.Marshal(core.TestReport{Passed: e.Passed, Failed: e.Failed}) // plain values
	if output == "" {
		output = e.Detail
	}
	if output != "" {
		output = "\n" + output
	}
	return tool.Result{Output: e.Text + output, Failed: !e.OK, Evidence: &e, Data: data}
}
