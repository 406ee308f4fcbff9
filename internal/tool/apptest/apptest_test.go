//go:build linux

package apptest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/apptest"
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

const (
	pythonManifest = `{"title":"T","runtime":"python","start":["python3","app.py"],"test":["python3","tests.py"]}`
	nodeManifest   = `{"title":"T","runtime":"node","start":["node","app.js"],"test":["node","--test","tests.js"]}`

	// pythonTests starts a server as an app's tests do, and looks at what it is given.
	pythonTests = `
import http.server, os, threading, unittest, urllib.request

class Tests(unittest.TestCase):
    def test_server(self):
        s = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=s.serve_forever, daemon=True).start()
        with urllib.request.urlopen("http://127.0.0.1:%s/isekai.json" % os.environ["PORT"]) as r:
            self.assertEqual(r.status, 200)
        s.shutdown()

    def test_data_is_fresh_and_writable(self):
        data = os.environ["DATA_DIR"]
        self.assertEqual(os.listdir(data), [])
        with open(os.path.join(data, "x"), "w") as f:
            f.write("x")
        os.remove(os.path.join(data, "x"))

    def test_files_cannot_be_changed(self):
        self.assertEqual(os.getcwd(), "/app")
        with self.assertRaises(OSError):
            open("new", "w")
        with self.assertRaises(OSError):
            os.remove("isekai.json")

    def test_nothing_else_is_there(self):
        self.assertFalse(os.path.exists("../outside"))
        self.assertNotIn("HOME_SECRET", os.environ)

unittest.main()
`
)

func wants(ok bool, text string, passed, failed int) func(*testing.T, tool.Result) {
	return func(t *testing.T, r tool.Result) {
		e := r.Evidence
		if e == nil || e.Kind != "tests" || e.OK != ok || !strings.Contains(e.Text, text) || e.Passed != passed || e.Failed != failed || (e.Detail == "") != ok {
			t.Errorf("evidence %+v\n%s", e, r.Output)
		}
	}
}

func app(manifest, name, tests string) map[string]string {
	return map[string]string{core.ManifestName: manifest, name: tests}
}

func TestApp(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, apptest.New(boxes(t)),
		tooltest.Case{Name: "python", Files: app(pythonManifest, "tests.py", pythonTests), Args: `{}`, Output: []string{"4 tests passed", "Ran 4 tests"}, Check: wants(true, "4 tests passed", 4, 0)},
		tooltest.Case{Name: "node", Files: app(nodeManifest, "tests.js", `const {test} = require("node:test"); test("a", () => {}); test("b", () => {})`), Args: `{}`, Check: wants(true, "2 tests passed", 2, 0)},
		tooltest.Case{Name: "node, failing", Files: app(nodeManifest, "tests.js", `const {test} = require("node:test"); test("a", () => {}); test("b", () => { throw new Error("oh no") })`), Args: `{}`,
			Failed: true, Output: []string{"oh no"}, Check: wants(false, "1 of 2 tests failed", 1, 1)},
		tooltest.Case{Name: "our last line", Files: app(pythonManifest, "tests.py", `print("3 passed, 0 failed")`), Args: `{}`, Check: wants(true, "3 tests passed", 3, 0)},
		tooltest.Case{Name: "one fails", Files: app(pythonManifest, "tests.py", `print("why it failed"); print("3 passed, 1 failed"); raise SystemExit(1)`), Args: `{}`,
			Failed: true, Output: []string{"why it failed"}, Check: wants(false, "1 of 4 tests failed", 3, 1)},
		tooltest.Case{Name: "a lie", Files: app(pythonManifest, "tests.py", `print("3 passed, 0 failed"); raise SystemExit(1)`), Args: `{}`, Failed: true, Check: wants(false, "exit code 1", 3, 0)},
		tooltest.Case{Name: "no tests", Files: app(pythonManifest, "tests.py", `pass`), Args: `{}`, Failed: true,
			Check: func(t *testing.T, r tool.Result) {
				if r.Evidence.OK || !strings.Contains(r.Evidence.Text, "no test ran") {
					t.Errorf("%+v", r.Evidence)
				}
			}},
		tooltest.Case{Name: "broken code", Files: app(pythonManifest, "tests.py", `import nothing_like_this`), Args: `{}`, Failed: true, Output: []string{"ModuleNotFoundError"}, Check: wants(false, "exit code 1", 0, 0)},
		tooltest.Case{Name: "no test file", Files: app(pythonManifest, "app.py", ``), Args: `{}`, Failed: true, Output: []string{"tests.py"}, Check: wants(false, "exit code 2", 0, 0)},
		tooltest.Case{Name: "no manifest", Args: `{}`, Failed: true, Output: []string{"isekai.json doesn't exist"},
			Check: func(t *testing.T, r tool.Result) {
				if r.Evidence.Kind != "tests" || r.Evidence.OK {
					t.Errorf("%+v", r.Evidence)
				}
			}},
		tooltest.Case{Name: "a bad manifest", Files: app(`{"title":"T","runtime":"sh","start":["sh","x"],"test":["sh","x"]}`, "x", ""), Args: `{}`, Failed: true, Check: wants(false, "runtime", 0, 0)},
		tooltest.Case{Name: "never ends", Files: app(pythonManifest, "tests.py", "import time\nwhile True: time.sleep(1)"), Args: `{}`, Slow: true},
	)
}

func TestOffered(t *testing.T) {
	t.Parallel()
	tl := apptest.NewOffered(boxes(t))
	if s := tl.Spec(); s.Internal || len(s.Kinds) != 1 || s.Kinds[0] != core.KindApp {
		t.Errorf("%+v", s)
	}
	tooltest.Run(t, tl,
		tooltest.Case{Name: "passes", Files: app(pythonManifest, "tests.py", `print("3 passed, 0 failed")`), Args: `{}`, Output: []string{"3 tests passed"}, Check: wants(true, "3 tests passed", 3, 0)})
}

func TestReadManifest(t *testing.T) {
	t.Parallel()
	dir := tooltest.Workspace(t, map[string]string{core.ManifestName: pythonManifest})
	if m, err := apptest.ReadManifest(dir); err != nil || m.Title != "T" {
		t.Errorf("%+v, %v", m, err)
	}
	linked := tooltest.Workspace(t, nil)
	if err := os.Symlink(filepath.Join("..", "outside", "canary.txt"), filepath.Join(linked, core.ManifestName)); err != nil {
		t.Fatal(err)
	}
	if _, err := apptest.ReadManifest(linked); core.CodeOf(err) != core.Invalid || strings.Contains(err.Error(), "canary-") {
		t.Errorf("a link to the outside: %v", err)
	}
	folder := tooltest.Workspace(t, map[string]string{core.ManifestName + "/": ""})
	if _, err := apptest.ReadManifest(folder); core.CodeOf(err) != core.Invalid {
		t.Errorf("a folder: %v", err)
	}
	if _, err := apptest.ReadManifest(tooltest.Workspace(t, nil)); core.CodeOf(err) != core.NotFound {
		t.Errorf("none: %v", err)
	}
}
