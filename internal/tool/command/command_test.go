//go:build linux

package command_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/command"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// boxes returns the real driver: a host that can't isolate fails these tests.
func boxes(t testing.TB) sandbox.Driver {
	t.Helper()
	d, err := ns.New(ns.Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func sh(script string) string {
	b, err := json.Marshal(map[string]any{"argv": []string{"sh", "-c", script}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func evidence(ok bool, text string) func(*testing.T, tool.Result) {
	return func(t *testing.T, r tool.Result) {
		e := r.Evidence
		if e == nil || e.Kind != "exit" || e.OK != ok || !strings.Contains(e.Text, text) || len(e.Detail) > core.MaxInline || (e.Detail != "") == ok {
			t.Errorf("evidence %+v, want %t, %q", e, ok, text)
		}
	}
}

func TestRunCommand(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, command.New(boxes(t)),
		tooltest.Case{Name: "reads and writes the workspace", Files: map[string]string{"in": "x"}, Args: sh("pwd; cat in > out; echo done"),
			Output: []string{"/workspace\ndone\n[exit code 0 after "}, After: map[string]string{"out": "x"}, Check: evidence(true, "sh -c pwd; cat in > out; echo done: exit code 0")},
		tooltest.Case{Name: "in a folder", Files: map[string]string{"a/b/": ""}, Args: `{"argv":["pwd"],"dir":"a/b"}`, Output: []string{"/workspace/a/b\n"}},
		tooltest.Case{Name: "fails", Args: sh("echo out; echo why >&2; exit 3"), Failed: true, Output: []string{"out\n", "why\n", "\n[exit code 3 after "},
			Check: func(t *testing.T, r tool.Result) {
				evidence(false, "exit code 3")(t, r)
				// The two streams come through two pipes: their order is open.
				d := r.Evidence.Detail
				if string(r.Data) != `{"code":3,"reason":"exited"}` || d != "out\nwhy" && d != "why\nout" {
					t.Errorf("data %s, detail %q", r.Data, r.Evidence.Detail)
				}
			}},
		tooltest.Case{Name: "is killed by itself", Args: sh("echo x; kill -SEGV $$"), Failed: true, Output: []string{"killed by signal 11"}},
		tooltest.Case{Name: "takes too long", Args: `{"argv":["sh","-c","echo begun; sleep 60"],"timeout_seconds":1}`, Failed: true, Output: []string{"begun", "took longer than 1s"}, Check: evidence(false, "took longer")},
		tooltest.Case{Name: "says much", Args: sh("echo first; seq 1 100000; echo last"), Output: []string{"first\n1\n2\n", "bytes left out", "99999\n100000\nlast\n"}},
		tooltest.Case{Name: "no such program", Args: `{"argv":["no-such-program-here"]}`, Code: core.NotFound, Output: []string{"no-such-program-here", "program"}},
		tooltest.Case{Name: "no such folder", Args: `{"argv":["pwd"],"dir":"nope"}`, Code: core.NotFound, Output: []string{"/workspace/nope"}},
		tooltest.Case{Name: "sees no other file", Args: sh("ls -d /workspace/../outside /root/* /home/* 2>&1; cat /workspace/../outside/canary.txt; true"), Output: []string{"exit code 0"}},
		tooltest.Case{Name: "never ends", Args: sh("trap '' TERM; while :; do sleep 1; done"), Slow: true},
	)
}
