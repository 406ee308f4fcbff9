package gadget_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// build writes the whole app into a folder of the test's own and returns it.
func build(t *testing.T, a spec.App) string {
	t.Helper()
	files, err := generate.Files(a)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(f.Text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// manifest reads how the app in dir runs.
func manifest(t *testing.T, dir string) core.Manifest {
	t.Helper()
	var m core.Manifest
	b, err := os.ReadFile(filepath.Join(dir, core.ManifestName))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOwnTests runs the tests that each app brings along, on both runtimes.
func TestOwnTests(t *testing.T) {
	for _, runtime := range []string{"python", "node"} {
		for _, name := range each() {
			t.Run(runtime+"/"+name, func(t *testing.T) {
				t.Parallel()
				dir := build(t, made(name, runtime))
				argv := manifest(t, dir).Test
				cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
				out, err := cmd.CombinedOutput()
				lines := strings.Split(strings.TrimSpace(string(out)), "\n")
				if last := lines[len(lines)-1]; err != nil || !strings.HasSuffix(last, " passed, 0 failed") || strings.HasPrefix(last, "0 ") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// TestBrowserLogic runs the logic that a Python app leaves to the browser, with
// the tests that a Node app of the same gadget brings along.
func TestBrowserLogic(t *testing.T) {
	for _, name := range []string{"pomodoro", "countdown", "stopwatch", "cards", "quiz", "poll", "notes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onNode, onPython := build(t, made(name, "node")), build(t, made(name, "python"))
			static, err := filepath.Glob(filepath.Join(onPython, "static", "*.js"))
			if err != nil || len(static) == 0 {
				t.Fatal(static, err)
			}
			for _, file := range static {
				theirs, err := os.ReadFile(filepath.Join(onNode, "static", filepath.Base(file)))
				if err != nil {
					t.Fatal(err)
				}
				if ours, _ := os.ReadFile(file); string(ours) != string(theirs) {
					t.Errorf("%s differs between the runtimes, so that Node's tests don't speak for it", filepath.Base(file))
				}
				if out, err := exec.CommandContext(t.Context(), "node", "--check", file).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			}
		})
	}
}
