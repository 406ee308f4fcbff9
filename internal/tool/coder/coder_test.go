//go:build linux

package coder_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/coder"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

const key = "sk-of-the-project-1234567890"

// program is a small coding agent: it asks its model what to write, with its key, as they do.
const program = `#!/usr/bin/env python3
import json, os, sys, urllib.request as u
task = sys.argv[2] if len(sys.argv) > 2 else sys.stdin.read()
ask = u.Request(os.environ['BASE_URL'] + '/v1/edit', json.dumps({'task': task}).encode(), {'Authorization': 'Bearer ' + os.environ['API_KEY']})
answer = json.load(u.urlopen(ask, timeout=20))
for name, text in answer['files'].items():
    open(name, 'w').write(text.replace('$KEY', os.environ['API_KEY']))
for url in answer.get('also', []):
    try: print(u.urlopen(url, timeout=20).read().decode())
    except Exception as e: print(e)
print('did:', task, 'with', os.environ['API_KEY'])
sys.exit(answer.get('code', 0))
`

// answers are what the model has the agent do.
var answers = map[string]string{
	"greet":  `{"files":{"hello.py":"print('hello')\n","new.txt":"new\n"}}`,
	"leak":   `{"files":{"conf":"key=$KEY\n"}}`,
	"fail":   `{"files":{"half":"x\n"},"code":3}`,
	"wander": `{"files":{},"also":["http://elsewhere.test/"]}`,
}

// rig is a sandbox whose every name is a model's server, and what was reached.
type rig struct {
	boxes sandbox.Driver
	dir   string // that holds the agent's program
	mu    sync.Mutex
	told  []sandbox.Reach
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Task string }
		if r.Header.Get("Authorization") != "Bearer "+key || json.NewDecoder(r.Body).Decode(&asked) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(answers[asked.Task]))
	}))
	t.Cleanup(s.Close)
	d, err := ns.New(ns.Config{RunDir: t.TempDir(), Outlet: func(ctx context.Context, _ string, _ uint16) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	r := &rig{boxes: d, dir: tooltest.Workspace(t, nil)}
	if err := os.WriteFile(filepath.Join(r.dir, "agent"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) reached(_ context.Context, _ tool.Call, all []sandbox.Reach) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, all...)
}

// new returns the tool with agents that differ in how they get the task.
func (r *rig) new(t *testing.T, vault outside) tool.Tool {
	t.Helper()
	var agents []coder.Agent
	for name, argv := range map[string][]string{
		"small": {coder.Mount + "/agent", "-p", "{task}"}, "reader": {coder.Mount + "/agent"}, "endless": {"sh", "-c", "trap '' TERM; while :; do sleep 1; done"},
	} {
		a, err := coder.Agent{
			Name: name, Argv: argv, Dir: r.dir, Hosts: []string{"model.test:80"},
			Env: map[string]string{"BASE_URL": "http://model.test"}, Credentials: map[string]string{"API_KEY": "models"},
		}.Check()
		if err != nil {
			t.Fatal(err)
		}
		agents = append(agents, a)
	}
	return coder.New(coder.Config{Boxes: r.boxes, Outside: vault, Agents: agents, Reached: r.reached})
}

// outside has one credential, for the places it lists.
type outside struct {
	tool.Outside
	places string
}

func (o outside) Credential(_ context.Context, _ tool.Call, _, credential, place string) (tool.Credential, error) {
	if credential != "models" {
		return tool.Credential{}, core.E(core.NotFound, "credential", "there is none")
	}
	if !strings.Contains(o.places, place) {
		return tool.Credential{}, core.E(core.Denied, "credential", "it isn't for this host")
	}
	return tool.Credential{Secret: key}, nil
}

func ask(agent, task string) string {
	b, err := json.Marshal(map[string]any{"agent": agent, "task": task})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestRunCoder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tl := r.new(t, outside{places: "http://model.test"})
	t.Run("suite", func(t *testing.T) { // whose cases are parallel
		tooltest.Run(t, tl,
			tooltest.Case{Name: "changes files", Files: map[string]string{"hello.py": "pass\n", "same": "x\n"}, Args: ask("small", "greet"),
				Output: []string{"did: greet with [credential]", "[small: exit code 0; network: model.test:80 1 connections, ", "--- a/hello.py", "-pass\n+print('hello')", "new file mode 100644", "+new"}, Not: []string{key, "a/same"},
				After: map[string]string{"hello.py": "print('hello')\n", "new.txt": "new\n"},
				Check: func(t *testing.T, r tool.Result) {
					if e := r.Evidence; e == nil || !e.OK || e.Kind != "exit" || e.Text != "small: exit code 0, 2 files changed" {
						t.Errorf("evidence %+v", e)
					}
					if want := `"changes":[{"path":"hello.py","kind":"changed"},{"path":"new.txt","kind":"added"}]`; !strings.Contains(string(r.Data), want) {
						t.Errorf("data %s lacks %s", r.Data, want)
					}
				}},
			tooltest.Case{Name: "reads its task", Args: ask("reader", "greet"), Output: []string{"did: greet"}, After: map[string]string{"new.txt": "new\n"}},
			tooltest.Case{Name: "keeps no credential in files", Args: ask("small", "leak"), Output: []string{"credential to conf: that is taken out", "+key=[credential]"}, Not: []string{key}, After: map[string]string{"conf": "key=[credential]\n"}},
			tooltest.Case{Name: "fails", Args: ask("small", "fail"), Failed: true, Output: []string{"exit code 3", "+x"}, Check: func(t *testing.T, r tool.Result) {
				if r.Evidence == nil || r.Evidence.OK || !strings.Contains(r.Evidence.Detail, "did: fail") || strings.Contains(r.Evidence.Detail, key) {
					t.Errorf("evidence %+v", r.Evidence)
				}
			}},
			tooltest.Case{Name: "reaches its hosts alone", Args: ask("small", "wander"), Output: []string{"HTTP Error 403", "elsewhere.test:80 1 refused", "[it changed no file]"}},
			tooltest.Case{Name: "an option for a task", Args: ask("small", "--dangerous"), Code: core.Invalid, Output: []string{"begins with -"}},
			tooltest.Case{Name: "unknown", Args: ask("other", "greet"), Code: core.Invalid},
			tooltest.Case{Name: "never ends", Args: ask("endless", "x"), Slow: true},
			tooltest.Case{Name: "takes too long", Args: `{"agent":"endless","task":"x","timeout_seconds":1}`, Failed: true, Output: []string{"took longer than 1s"}},
		)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		t.Error("nobody was told what was reached")
	}
}

// A credential that isn't for every host of the agent isn't handed to it, and the refusal says
// what mends that.
func TestCredentialsAreForAllHosts(t *testing.T) {
	t.Parallel()
	res, err := newRig(t).new(t, outside{places: "https://model.test"}).Call(t.Context(), tooltest.Call(t.TempDir(), ask("small", "greet")))
	if err != nil || !res.Failed || !strings.Contains(res.Output, "isekai secret set models --host http://model.test") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := coder.Agent{Name: "a", Argv: []string{"x", "{task}"}, Hosts: []string{"a.example.com"}, Credentials: map[string]string{"KEY": "c"}}
	if _, err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*coder.Agent){
		"no name":          func(a *coder.Agent) { a.Name = "" },
		"no program":       func(a *coder.Agent) { a.Argv = nil },
		"task as program":  func(a *coder.Agent) { a.Argv = []string{"{task}"} },
		"task twice":       func(a *coder.Agent) { a.Argv = []string{"x", "{task}", "{task}"} },
		"relative folder":  func(a *coder.Agent) { a.Dir = "x" },
		"no hosts":         func(a *coder.Agent) { a.Hosts = nil },
		"star":             func(a *coder.Agent) { a.Hosts = []string{"*.example.com"} },
		"no host":          func(a *coder.Agent) { a.Hosts = []string{"a b"} },
		"no variable":      func(a *coder.Agent) { a.Env = map[string]string{"A=B": "x"} },
		"a NUL in an argv": func(a *coder.Agent) { a.Argv = []string{"x\x00"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := good
			change(&a)
			if _, err := a.Check(); core.CodeOf(err) != core.Invalid {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "agent"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]bool{"agent": true, "other": false, coder.Mount + "/agent": true, coder.Mount + "/other": false, filepath.Join(dir, "agent"): true} {
		if got := (coder.Agent{Argv: []string{program}, Dir: dir}).Installed([]string{dir}); got != want {
			t.Errorf("%s: %t", program, got)
		}
	}
}
