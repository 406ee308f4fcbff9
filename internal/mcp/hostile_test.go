//go:build linux

package mcp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// nobody is a sandbox in which nothing may be started.
type nobody struct {
	sandbox.Driver
	t *testing.T
}

func (n nobody) Create(context.Context, core.Scope, sandbox.Spec) (sandbox.Box, error) {
	n.t.Error("a box was made")
	return nil, core.E(core.Unsupported, "test", "no boxes here")
}

// Servers that misbehave before or while they are asked fail the call soon, say why, and cost
// the host little.
func TestHostilePrograms(t *testing.T) {
	t.Parallel()
	for how, why := range map[string]string{
		"silent":  "in time",
		"deaf":    "",
		"garbage": "",
		"endless": "",
		"deep":    "",
		"notes":   "too much",
		"much":    "too much",
		"exits":   "exit code 7",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *mcp.Config) {
				if how == "silent" || how == "deaf" {
					c.Connect = 2 * time.Second
				}
			})
			r.program("py", how)
			began := time.Now()
			_, err := r.call("py", "echo", `{"text":"x"}`)
			if took := time.Since(began); core.CodeOf(err) != core.Unavailable && core.CodeOf(err) != core.Exhausted || took > patience/2 || !strings.Contains(err.Error(), why) {
				t.Errorf("after %s: %v (%s)", took, err, core.HintOf(err))
			}
			if how == "exits" && !strings.Contains(core.HintOf(err), "left-pad") {
				t.Errorf("its last words aren't told: %q", core.HintOf(err))
			}
		})
	}
}

func TestHugeAnswersAreCut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "large")
	if got := r.says("py", "echo", `{"text":"x"}`); len(got) > tool.MaxOutput || !strings.Contains(got, "cut here") {
		t.Errorf("%d bytes", len(got))
	}
}

func TestHugeListsAreCut(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"huge", "pages"} {
		r := newRig(t)
		r.program("py", how)
		tools, err := r.Tools(t.Context(), r.scope, "tsk_a")
		if core.CodeOf(err) != "" && core.CodeOf(err) != core.Exhausted && core.CodeOf(err) != core.Unavailable || len(tools) > 128 {
			t.Errorf("%s: %d tools, %v", how, len(tools), err)
		}
		for _, tl := range tools {
			if n := len(tl.Spec().Description); n > 1700 {
				t.Errorf("%s: a description of %d bytes", how, n)
			}
		}
	}
}

// What a server says of its tools is data: cut, without what isn't seen, and never a name that
// is another's.
func TestDescriptionsAreData(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mcp.Config) { c.Taken = func(name string) bool { return name == "py_run_it_now" } })
	r.program("py", "inject")
	tools := r.tools()
	if tools["py_a"] == nil || tools["py_run_it_now"] != nil || len(tools) != 6 {
		t.Errorf("the tools are %v", tools)
	}
	for name, tl := range tools {
		s := tl.Spec()
		for what, text := range map[string]string{"description": s.Description, "schema": string(s.Schema)} {
			if strings.ContainsAny(text, "\x1b\u202e\u200b\U000e0041") || strings.Contains(text, `\u200b`) || strings.Contains(text, "evil.example/s.json") || strings.Contains(text, "$comment") {
				t.Errorf("the %s of %s holds what isn't seen: %q", what, name, text)
			}
		}
		if len(s.Description) > 1700 || len(s.Schema) > 1000 {
			t.Errorf("%s has %d and %d bytes", name, len(s.Description), len(s.Schema))
		}
	}
}

// A server that fails again and again is left alone for a while, and tried again then.
func TestTheBreaker(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mcp.Config) { c.Failures, c.OpenFor = 2, 300*time.Millisecond })
	r.program("py", "exits")
	for range 2 {
		if _, err := r.call("py", "echo", `{"text":"x"}`); !strings.Contains(err.Error(), "exit code 7") {
			t.Fatal(err)
		}
	}
	if _, err := r.call("py", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "left alone") {
		t.Errorf("%v", err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := r.call("py", "echo", `{"text":"x"}`); strings.Contains(err.Error(), "exit code 7") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it isn't tried again")
		}
	}
}

// A server that is too slow for a call costs its session, and nobody else's call.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program("py", "", func(s *mcp.Spec) { s.Timeout = 500 * time.Millisecond })
	r.program("other", "")
	first := r.says("other", "pid", "")
	for { // it may not have begun in time, under load
		if _, err := r.call("py", "pid", ""); err == nil {
			break
		} else if core.CodeOf(err) != core.Unavailable {
			t.Fatal(err)
		}
	}
	if _, err := r.call("py", "slow", ""); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "isn't known") {
		t.Errorf("%v", err)
	}
	if r.says("other", "pid", "") != first {
		t.Error("another server's session was ended")
	}
}

// As many sessions as there can be: the one that nobody uses makes room, one that is used
// doesn't.
func TestThePoolIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mcp.Config) { c.PerProject = 1 })
	r.outside.secrets["seen"] = "x"
	r.program("one", "")
	r.program("two", "", func(s *mcp.Spec) { s.Secrets = map[string]string{"SEEN": "seen"} })
	first := r.says("one", "pid", "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.Call(ctx, r.use(""), "two", "slow")
		ended <- err
	}()
	r.until("two has begun", func() bool { return r.outside.uses() > 0 })
	if _, err := r.call("one", "pid", ""); core.CodeOf(err) != core.Exhausted {
		t.Errorf("there is room for both: %v", err)
	}
	cancel()
	if err := <-ended; core.CodeOf(err) != core.Canceled {
		t.Error(err)
	}
	if r.says("one", "pid", "") == first {
		t.Error("the session that made room is still there")
	}
}

func TestIdleSessionsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mcp.Config) { c.Idle = time.Millisecond })
	r.program("py", "")
	first := r.says("py", "pid", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for deadline := time.Now().Add(patience); r.says("py", "pid", "") == first; time.Sleep(300 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it doesn't end")
		}
	}
	cancel()
	ok(t, <-done)
}
