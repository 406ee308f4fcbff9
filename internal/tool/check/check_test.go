//go:build linux

package check_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/check"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// tools returns run_tests and run_linter on the real sandbox: a host that can't isolate fails
// these tests.
func tools(t *testing.T) (tests, linter tool.Tool) {
	t.Helper()
	d, err := ns.New(ns.Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	all := check.Tools(check.Config{Boxes: d, Cache: t.TempDir()})
	return all[0], all[1]
}

func report(want check.Report) func(*testing.T, tool.Result) {
	return func(t *testing.T, r tool.Result) {
		var got check.Report
		if err := json.Unmarshal(r.Data, &got); err != nil {
			t.Fatal(err)
		}
		e := r.Evidence
		if got.Runner != want.Runner || got.Passed != want.Passed || got.Failed != want.Failed || got.Skipped != want.Skipped ||
			e.Kind != "tests" || e.OK == r.Failed || e.Passed != want.Passed || e.Failed != want.Failed || (e.Detail == "") == r.Failed {
			t.Errorf("%+v, evidence %+v, want %+v", got, *e, want)
		}
		for i, f := range want.Failures {
			if i >= len(got.Failures) || got.Failures[i].Name != f.Name || got.Failures[i].File != f.File || got.Failures[i].Line != f.Line {
				t.Errorf("failures %+v, want %+v", got.Failures, want.Failures)
			}
		}
	}
}

var (
	goModule = map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.21\n", "add/add.go": "package add\n\nfunc Add(a, b int) int { return a + b }\n",
		"add/add_test.go": "package add\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Error(\"no\")\n\t}\n}\n",
	}
	pythonTests = map[string]string{"test_a.py": "def test_good():\n    assert 1 == 1\n\ndef test_bad():\n    print('seen')\n    assert 1 == 2\n"}
	nodeTests   = map[string]string{"a.test.js": "const { test } = require('node:test');\ntest('good', () => {});\ntest('bad', () => { throw new Error('why'); });\n"}
)

func with(files map[string]string, name, text string) map[string]string {
	more := map[string]string{name: text}
	for n, s := range files {
		if n != name {
			more[n] = s
		}
	}
	return more
}

func TestRunTests(t *testing.T) {
	t.Parallel()
	tests, _ := tools(t)
	tooltest.Run(t, tests, // the first, which is the pattern of many calls, is quick
		tooltest.Case{Name: "another runner", Files: nil, Args: `{"argv":["sh","-c","echo ok 1 - a; echo not ok 2 - b; exit 1"]}`, Failed: true, Output: []string{"1 of 2 tests failed (TAP)", "FAIL b"}},
		tooltest.Case{Name: "Node", Files: nodeTests, Args: `{"runner":"node"}`, Failed: true, Output: []string{"1 of 2 tests failed (node --test)", "FAIL bad (a.test.js:3)", "why"},
			Check: report(check.Report{Runner: "node --test", Passed: 1, Failed: 1, Failures: []check.Failure{{Name: "bad", File: "a.test.js", Line: 3}}})},
		tooltest.Case{Name: "npm", Files: with(nodeTests, "package.json", `{"scripts":{"test":"node --test"}}`), Args: `{}`, Failed: true, Output: []string{"FAIL bad (a.test.js:3)"},
			Check: report(check.Report{Runner: "npm test", Passed: 1, Failed: 1})},
		tooltest.Case{Name: "npm, another runner", Files: map[string]string{"package.json": `{"scripts":{"test":"node t.js"}}`, "t.js": "console.log('all is well')"}, Args: `{}`,
			Output: []string{"how many there were isn't known", "all is well"}, Check: report(check.Report{Runner: "npm test"})},
		tooltest.Case{Name: "Python", Files: pythonTests, Args: `{}`, Failed: true, Output: []string{"1 of 2 tests failed", "test_bad (test_a.py:6)"},
			Check: report(check.Report{Runner: "pytest", Passed: 1, Failed: 1, Failures: []check.Failure{{Name: "test_bad", File: "test_a.py", Line: 6}}})},
		tooltest.Case{Name: "Python, one file", Files: with(pythonTests, "test_b.py", "def test_b(): pass\n"), Args: `{"targets":["test_b.py"]}`, Output: []string{"1 test passed (pytest)"}},
		tooltest.Case{Name: "unittest", Files: map[string]string{"p/test_u.py": "import unittest\nclass T(unittest.TestCase):\n    def test_ok(self): pass\n"}, Args: `{"dir":"p","runner":"unittest"}`,
			Output: []string{"1 test passed (unittest)"}, Check: report(check.Report{Runner: "unittest", Passed: 1})},
		tooltest.Case{Name: "no test", Files: map[string]string{"pytest.ini": "[pytest]\n"}, Args: `{}`, Failed: true, Output: []string{"exit code 5"}},
		tooltest.Case{Name: "a report that is a link", Args: `{"argv":["sh","-c","ln -s /etc/passwd x; echo no tests here"]}`, Output: []string{"isn't known", "no tests here"}},
		tooltest.Case{Name: "no such runner", Args: `{"argv":["no-such-runner"]}`, Code: core.NotFound, Output: []string{"no-such-runner"}},
		tooltest.Case{Name: "an option as a target", Files: nodeTests, Args: `{"targets":["--eval=1"]}`, Code: core.Invalid, Output: []string{"argv"}},
		tooltest.Case{Name: "nothing", Args: `{}`, Code: core.NotFound, Output: []string{"give the project's folder"}},
		tooltest.Case{Name: "takes too long", Args: `{"argv":["sleep","60"],"timeout_seconds":1}`, Failed: true, Output: []string{"took longer than 1s"}},
		tooltest.Case{Name: "never ends", Args: `{"argv":["sh","-c","while :; do sleep 1; done"]}`, Slow: true},
	)
}

// TestGo compiles within the sandbox: the second call has what the first left in the cache. It
// is beside no other test: compiling takes all there is.
func TestGo(t *testing.T) {
	tests, linter := tools(t)
	call := func(tl tool.Tool, files map[string]string) tool.Result {
		t.Helper()
		r, err := tl.Call(t.Context(), tooltest.Call(tooltest.Workspace(t, files), `{}`))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := call(tests, goModule)
	if r.Failed || !strings.HasPrefix(r.Output, "1 test passed (go test)") {
		t.Fatal(r.Output)
	}
	wrong := with(goModule, "add/add.go", "package add\n\nimport \"os\"\n\n  func Add(a, b int) int { os.Exit; return a - b }\n")
	wrong["add/more_test.go"] = "package add\n\nimport _ \"example.org/other\"\n"
	r = call(tests, wrong)
	for _, want := range []string{"FAIL example.org/m/add", "example.org/other"} {
		if !r.Failed || !strings.Contains(r.Output, want) {
			t.Errorf("%q isn't in %s", want, r.Output)
		}
	}
	delete(wrong, "add/more_test.go")
	r = call(linter, wrong)
	for _, want := range []string{"go vet", "add/add.go:5:", "add/add.go: it isn't formatted"} {
		if !r.Failed || !strings.Contains(r.Output, want) {
			t.Errorf("%q isn't in %s", want, r.Output)
		}
	}
}

func TestRunLinter(t *testing.T) {
	t.Parallel()
	_, linter := tools(t)
	found := func(n int, linters ...string) func(*testing.T, tool.Result) {
		return func(t *testing.T, r tool.Result) {
			var got check.Findings
			if err := json.Unmarshal(r.Data, &got); err != nil || got.Total != n || len(got.Linters) != len(linters) || r.Evidence.Kind != "lint" || r.Evidence.OK != (n == 0) {
				t.Errorf("%+v, %+v, %v", got, r.Evidence, err)
			}
		}
	}
	tooltest.Run(t, linter,
		tooltest.Case{Name: "fine", Files: map[string]string{"a.js": "let x = 1;\n"}, Args: `{}`, Output: []string{"nothing found by node"}, Check: found(0, "node")},
		tooltest.Case{Name: "JavaScript", Files: map[string]string{"a.js": "let x = ;\n", "b.js": "let y = 1;\n", "node_modules/m/c.js": "let = ;"}, Args: `{}`, Failed: true,
			Output: []string{"a.js:1:1: SyntaxError", "1 finding by node"}, Not: []string{"b.js", "c.js"}, Check: found(1, "node")},
		tooltest.Case{Name: "Python", Files: map[string]string{"a.py": "def f(:\n", "b.py": "x = 1\n"}, Args: `{}`, Failed: true, Output: []string{"a.py:1:"}, Not: []string{"b.py"}},
		tooltest.Case{Name: "in a folder", Files: map[string]string{"a.py": "def f(:\n", "s/b.js": "let x = 1;\n"}, Args: `{"dir":"s"}`, Output: []string{"nothing found"}},
		tooltest.Case{Name: "nothing to look at", Files: map[string]string{"a.txt": "x"}, Args: `{}`, Code: core.NotFound, Output: []string{"run_command"}},
	)
}
