// Package tooltest is the suite that every tool passes.
//
// Tests alone import it. Each case and each attack has a workspace of its own,
// with a canary beside it that no tool may read or touch.
package tooltest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Case is one call and what comes of it.
type Case struct {
	Name   string
	Files  map[string]string // of the workspace before; a name that ends in "/" is a folder
	Args   string            // JSON
	Code   core.Code         // of the error; "" is none
	Failed bool
	Output []string                      // what the output, or the error with its hint, holds
	Not    []string                      // what it doesn't hold
	After  map[string]string             // files of the workspace after
	Gone   []string                      // files that aren't there after
	Check  func(*testing.T, tool.Result) // what else is to be true
	Slow   bool                          // it doesn't end by itself: only its ends by ctx are tested
}

// Run runs the suite. The first case that succeeds serves as the pattern for
// the attacks and the concurrent calls.
func Run(t *testing.T, tl tool.Tool, cases ...Case) {
	checked, err := tool.Checked(tl, nil)
	if err != nil {
		t.Fatalf("the spec is wrong: %v", err)
	}
	var pattern *Case
	for _, c := range cases {
		if pattern == nil && c.Code == "" && !c.Slow {
			pattern = &c
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if c.Slow {
				slow(t, checked, c)
				return
			}
			run(t, checked, c)
		})
	}
	if pattern == nil {
		t.Fatal("no case succeeds")
	}
	for name, test := range map[string]func(*testing.T, tool.Tool, Case){
		"bad arguments": badArguments, "escapes": escapes, "no workspace": noWorkspace, "ended context": endedContext, "concurrency": concurrency,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, tl, *pattern)
		})
	}
}

// canary is the content of a file outside of the workspace.
const canary = "canary-5f3a"

// Workspace makes a workspace with files, beside a folder "outside" that holds
// a canary, and returns its folder.
func Workspace(t testing.TB, files map[string]string) string {
	t.Helper()
	base := t.TempDir()
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, base, map[string]string{"outside/canary.txt": canary, "workspace/": ""})
	dir := filepath.Join(base, "workspace")
	write(t, dir, files)
	return dir
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(dir, name)
		folder := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			folder = full
		}
		err := os.MkdirAll(folder, 0o755)
		if folder != full && err == nil {
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Call makes a call with everything that a tool is handed.
func Call(dir, args string) tool.Call {
	return tool.Call{
		Scope: core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorWorker, ID: "test"}},
		Task:  "tsk_test", ID: core.CallID(core.NewID("cal")), Arguments: json.RawMessage(args),
		Workspace: tool.Workspace{Dir: dir}, Facts: tool.Facts{Prompt: "a test"},
	}
}

func run(t *testing.T, tl tool.Tool, c Case) {
	dir := Workspace(t, c.Files)
	r, err := tl.Call(t.Context(), Call(dir, c.Args))
	if core.CodeOf(err) != c.Code || r.Failed != c.Failed {
		t.Fatalf("code %q, failed %t; want %q, %t: %v\n%s", core.CodeOf(err), r.Failed, c.Code, c.Failed, err, r.Output)
	}
	said := r.Output
	if err != nil {
		said = err.Error() + " " + core.HintOf(err)
	}
	for _, s := range c.Output {
		if !strings.Contains(said, s) {
			t.Errorf("it doesn't say %q:\n%s", s, said)
		}
	}
	for _, s := range append(c.Not, canary, dir) {
		if strings.Contains(said, s) {
			t.Errorf("it says %q:\n%s", s, said)
		}
	}
	if len(r.Output) > tool.MaxOutput {
		t.Errorf("%d bytes of output", len(r.Output))
	}
	for name, want := range c.After {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s holds %.200q, want %.200q: %v", name, b, want, err)
		}
	}
	for _, name := range c.Gone {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	if c.Check != nil {
		c.Check(t, r)
	}
}

// slow ends a call by a deadline and by a cancellation.
func slow(t *testing.T, tl tool.Tool, c Case) {
	for want, end := range map[core.Code]func() (context.Context, context.CancelFunc){
		core.Unavailable: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 500*time.Millisecond)
		},
		core.Canceled: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(500*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := end()
		start := time.Now()
		_, err := tl.Call(ctx, Call(Workspace(t, c.Files), c.Args))
		cancel()
		if core.CodeOf(err) != want || time.Since(start) > 15*time.Second {
			t.Errorf("code %q after %v, want %q: %v", core.CodeOf(err), time.Since(start), want, err)
		}
	}
}

// badArguments: what doesn't fit the schema is refused before the tool, and by
// the tool itself without a panic.
func badArguments(t *testing.T, tl tool.Tool, c Case) {
	checked, err := tool.Checked(tl, nil)
	if err != nil {
		t.Fatal(err)
	}
	bad := []string{`[]`, `7`, `null`, `"x"`, `{`, `{"no_such_argument":1}`}
	properties, required := schema(t, tl)
	for _, p := range required {
		bad = append(bad, merge(t, c.Args, p, nil))
	}
	for p, of := range properties {
		container, number := any(map[string]any{}), any(-1.5)
		switch of.Type {
		case "object":
			container = []any{}
		case "number":
			number = "x"
		}
		bad = append(bad, merge(t, c.Args, p, container), merge(t, c.Args, p, number))
	}
	for _, args := range bad {
		dir := Workspace(t, c.Files)
		if _, err := checked.Call(t.Context(), Call(dir, args)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", args, err)
		}
		_, _ = tl.Call(t.Context(), Call(dir, args)) // whatever it does, it doesn't panic
	}
}

func schema(t *testing.T, tl tool.Tool) (properties map[string]struct{ Type string }, required []string) {
	t.Helper()
	var s struct {
		Properties map[string]struct{ Type string }
		Required   []string
	}
	if err := json.Unmarshal(tl.Spec().Schema, &s); err != nil {
		t.Fatal(err)
	}
	return s.Properties, s.Required
}

// merge sets one argument; nil removes it.
func merge(t *testing.T, args, name string, value any) string {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(args), &m); err != nil {
		t.Fatal(err)
	}
	m[name] = value
	if value == nil {
		delete(m, name)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// noWorkspace: a bare tool works without one; any other says that it can't.
func noWorkspace(t *testing.T, tl tool.Tool, c Case) {
	want := core.Invalid
	if tl.Spec().Bare {
		want = ""
	}
	if _, err := tl.Call(t.Context(), Call("", c.Args)); core.CodeOf(err) != want {
		t.Errorf("code %q, want %q: %v", core.CodeOf(err), want, err)
	}
}

func endedContext(t *testing.T, tl tool.Tool, c Case) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for want, ctx := range map[core.Code]context.Context{core.Canceled: canceled, core.Unavailable: expired} {
		dir := Workspace(t, c.Files)
		before := snapshot(t, dir)
		if _, err := tl.Call(ctx, Call(dir, c.Args)); core.CodeOf(err) != want {
			t.Errorf("code %q, want %q: %v", core.CodeOf(err), want, err)
		}
		same(t, before, snapshot(t, dir), "the workspace")
	}
}

func concurrency(t *testing.T, tl tool.Tool, c Case) {
	const n = 8
	var wg sync.WaitGroup
	for range n {
		dir := Workspace(t, c.Files)
		wg.Go(func() {
			if r, err := tl.Call(t.Context(), Call(dir, c.Args)); err != nil || r.Failed != c.Failed {
				t.Errorf("failed %t, %v", r.Failed, err)
			}
		})
	}
	wg.Wait()
}
