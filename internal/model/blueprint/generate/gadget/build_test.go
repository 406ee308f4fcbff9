package gadget_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate/gadget"
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

// TestStatic shows that what runs in the browser is the same on both runtimes, so
// that the tests of a Node app speak for a Python app too, and that all of it parses.
func TestStatic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range each() {
		onPython, onNode := static(t, made(name, "python")), static(t, made(name, "node"))
		if diff := cmp.Diff(onPython, onNode); diff != "" {
			t.Errorf("%s: on Python and on Node: %s", name, diff)
		}
		for path, text := range onPython {
			if !strings.HasSuffix(path, ".js") {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name+"-"+filepath.Base(path)), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	const parse = `for (const name of fs.readdirSync(process.argv[1])) {
		const identifier = path.join(process.argv[1], name);
		new vm.SourceTextModule(fs.readFileSync(identifier, "utf8"), { identifier });
	}`
	cmd := exec.CommandContext(t.Context(), "node", "--no-warnings", "--experimental-vm-modules", "--eval", parse, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// static returns the bundle's files for the browser, and its page.
func static(t *testing.T, a spec.App) map[string]string {
	t.Helper()
	b, err := gadget.Files(a)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{"body": b.Body}
	for _, f := range b.Files {
		if strings.HasPrefix(f.Path, "static/") {
			found[f.Path] = f.Text
		}
	}
	return found
}
