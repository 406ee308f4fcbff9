//go:build linux

package mcp_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/tool"
)

func TestAProgramsToolsAreATasks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	tools := r.tools()
	echo := tools["py_echo"]
	if echo == nil || tools["py_env"] == nil {
		t.Fatalf("the tools are %v", maps.Keys(tools))
	}
	spec := echo.Spec()
	if spec.Effect != core.Once || !spec.Contained || !spec.Bare || !strings.Contains(spec.Description, "MCP server py") || !strings.Contains(spec.Description, "Says what it is told.") {
		t.Errorf("the spec is %+v", spec)
	}
	got, err := echo.Call(t.Context(), r.use(`{"text":"hello"}`))
	ok(t, err)
	if got.Output != "you said hello" || got.Failed {
		t.Errorf("it said %+v", got)
	}
	if _, err := echo.Call(t.Context(), r.use(`{"text":1}`)); core.CodeOf(err) != core.Invalid {
		t.Errorf("arguments that don't fit: %v", err)
	}
}

func TestAProgramIsInABoxWithWhatItsRecordNames(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.outside.secrets["github"] = "s3cr3t"
	r.program("py", "", func(s *mcp.Spec) {
		s.Env, s.Secrets = map[string]string{"MODE": "test"}, map[string]string{"GITHUB_TOKEN": "github"}
	})
	var env map[string]string
	ok(t, json.Unmarshal([]byte(r.says("py", "Env", "")), &env))
	if env["MODE"] != "test" || env["GITHUB_TOKEN"] != "s3cr3t" || env["HOME"] != "/tmp" {
		t.Errorf("its environment is %v", env)
	}
	for name := range env {
		switch name {
		case "MODE", "GITHUB_TOKEN", "HOME", "PATH", "LANG", "TMPDIR", "LC_CTYPE", "PWD":
		default:
			t.Errorf("it has the variable %s", name)
		}
	}
	if used := r.outside.used; len(used) != 1 || used[0].Task != "tsk_a" || used[0].Scope != r.scope {
		t.Errorf("the credential's use is on record as %+v", used)
	}
	for path, may := range map[string]bool{"/tmp/x": true, "/server/x": false, "/etc/x": false} {
		got, err := r.call("py", "write", `{"path":"`+path+`"}`)
		if err != nil || got.Failed == may {
			t.Errorf("writing %s: %+v, %v", path, got, err)
		}
	}
}

func TestACredentialThatIsntThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "", func(s *mcp.Spec) { s.Secrets = map[string]string{"TOKEN": "gone"} })
	if _, err := r.call("py", "echo", `{"text":"x"}`); core.CodeOf(err) != core.NotFound || !strings.Contains(err.Error(), "gone") {
		t.Errorf("it was started: %v", err)
	}
}

func TestNothingIsStartedByARecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mcp.Config) { c.Boxes = nobody{boxes, t} })
	r.program("py", "")
	if _, err := r.Servers(t.Context(), r.scope); err != nil {
		t.Fatal(err)
	}
}

func TestOneSessionServesAllCallsAndANewOneFollowsAnError(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	first := r.says("py", "pid", "")
	for range 3 {
		if again := r.says("py", "pid", ""); again != first {
			t.Fatal("each call has a session of its own")
		}
	}
	_, err := r.call("py", "die", "")
	if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "isn't known") || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("killed in the middle of a call: %v", err)
	}
	if next := r.says("py", "pid", ""); next == first {
		t.Error("the dead session was used again")
	}
}

func TestAChangedServerHasANewSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	srv := r.program("py", "")
	first, tools := r.says("py", "pid", ""), r.tools()
	srv.Spec.Tools = []string{"pid"}
	_, err := r.Put(t.Context(), r.scope, srv.Spec, srv.Version)
	ok(t, err)
	if r.says("py", "pid", "") == first {
		t.Error("it has the old session")
	}
	if _, err := tools["py_echo"].Call(t.Context(), r.use(`{"text":"x"}`)); core.CodeOf(err) != core.Denied {
		t.Errorf("a tool that was taken away since the task began: %v", err)
	}
	if got := r.tools(); len(got) != 1 || got["py_pid"] == nil {
		t.Errorf("the tools are %v", got)
	}
	srv.Spec.Off = true
	_, err = r.Put(t.Context(), r.scope, srv.Spec, 0)
	ok(t, err)
	if _, err := tools["py_pid"].Call(t.Context(), r.use("")); core.CodeOf(err) != core.NotFound {
		t.Errorf("a tool of a server that is off: %v", err)
	}
	ok(t, r.Remove(t.Context(), r.scope, "py", 0))
	if _, err := tools["py_pid"].Call(t.Context(), r.use("")); core.CodeOf(err) != core.NotFound {
		t.Errorf("a tool of a server that is gone: %v", err)
	}
}

func TestHintsCountWhereTheProjectTrusts(t *testing.T) {
	t.Parallel()
	for trust, want := range map[bool][3]core.Effect{false: {core.Once, core.Once, core.Once}, true: {core.Pure, core.Idempotent, core.Once}} {
		r := newRig(t)
		r.program("py", "", func(s *mcp.Spec) { s.Trust = trust })
		tools := r.tools()
		if got := [3]core.Effect{tools["py_echo"].Spec().Effect, tools["py_env"].Spec().Effect, tools["py_die"].Spec().Effect}; got != want {
			t.Errorf("with trust %t the effects are %q", trust, got)
		}
	}
}

// A tool that may be called twice is called again by itself, one that may not isn't.
func TestWhatMayHappenTwiceIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "", func(s *mcp.Spec) { s.Trust = true })
	tools := r.tools()
	if got, err := tools["py_count"].Call(t.Context(), r.use("")); err != nil || got.Output != "1" {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := tools["py_die"].Call(t.Context(), r.use("")); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "isn't known") {
		t.Errorf("%v", err)
	}
	if got, err := tools["py_count"].Call(t.Context(), r.use("")); err != nil || got.Output != "1" {
		t.Errorf("after a death it counts %+v, %v", got, err)
	}
}

func TestAListThatChangesIsReadAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "changes")
	if r.tools()["py_new"] != nil {
		t.Fatal("it is there already")
	}
	r.says("py", "more", "")
	r.until("the new tool is seen", func() bool { return r.tools()["py_new"] != nil })
}

func TestResultsAreText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	got, err := r.call("py", "parts", "")
	ok(t, err)
	const want = "one\n[image image/png, 3 bytes, left out]\n[resource file:///x]\ntwo\n[resource file:///y a/b, 3 bytes, left out]\n[resource zed: file:///z]"
	if got.Output != want || string(got.Data) != `{"n":1}` {
		t.Errorf("%q\n%s", got.Output, got.Data)
	}
	if _, err := r.call("py", "bad", ""); core.CodeOf(err) != core.Invalid || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%v", err)
	}
	if got, err := r.call("py", "nothing", ""); err != nil || !got.Failed || !strings.Contains(got.Output, "unknown tool") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatServersAskForIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	if got := r.says("py", "ask", ""); got != `{"9000": -32601, "9001": -32601, "9002": -32601, "9003": "ok"}` {
		t.Error(got)
	}
}

func TestACallThatIsCalledOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	first := r.says("py", "pid", "")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := r.Call(ctx, r.use(`{"seconds":0.2}`), "py", "slow"); core.CodeOf(err) != core.Canceled {
		t.Errorf("%v", err)
	}
	if r.says("py", "pid", "") != first {
		t.Error("it cost the session, which others may use")
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	errs := make(chan error, 64)
	for range cap(errs) {
		go func() {
			_, err := r.Call(t.Context(), r.use(`{"text":"x"}`), "py", "echo")
			errs <- err
		}()
	}
	for range cap(errs) {
		ok(t, <-errs)
	}
}

// Projects have sessions, names and tools of their own.
func TestProjectsAreApart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "")
	other := tool.Call{Scope: scope("prj_b"), ID: "cal_b"}
	if _, err := r.Call(t.Context(), other, "py", "pid"); core.CodeOf(err) != core.NotFound {
		t.Errorf("another project's server: %v", err)
	}
	foreign := r.tools()["py_pid"]
	if _, err := foreign.Call(t.Context(), other); core.CodeOf(err) != core.NotFound {
		t.Errorf("a tool that was offered to another project: %v", err)
	}
	first := r.says("py", "pid", "")
	r.scope = scope("prj_b")
	r.program("py", "")
	if r.says("py", "pid", "") == first {
		t.Error("two projects share a session")
	}
}
