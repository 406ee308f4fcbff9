package tooltest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// outs are paths that lead out of the workspace, or look as if they did to
// somebody who decodes them. out is the absolute path of the outside folder.
func outs(out string) []string {
	return []string{
		out + "/canary.txt", out, "/", "/etc/passwd", "..", "../", "../outside", "../outside/canary.txt", "./../outside/canary.txt",
		"a/../../outside/canary.txt", "../workspace/../outside/canary.txt", "....//outside/canary.txt", "..//outside/canary.txt",
		"/workspace/../outside/canary.txt", "/workspace/../../etc/passwd", "/workspacex/canary.txt", "//workspace/x",
		"link/canary.txt", "chain/canary.txt", "leaf", "absolute/canary.txt", "sub/up/canary.txt", "/workspace/link/canary.txt",
		"..%2foutside%2fcanary.txt", "%2e%2e/outside/canary.txt", "..\\outside\\canary.txt", "..\u2215outside", "\uff0e\uff0e/outside/canary.txt",
		"../outside/canary.txt\x00.txt", "x\x00", "\n../outside/canary.txt", "file:///etc/passwd", "~/x", "C:\\x", "/proc/self/root/etc/passwd", "/dev/stdin",
		strings.Repeat("../", 50) + "etc/passwd", strings.Repeat("a/", 3000),
	}
}

// escapes gives each path to each string argument that can be one: path, dir,
// glob. Nothing outside is read, made, changed or removed.
func escapes(t *testing.T, tl tool.Tool, c Case) {
	properties, _ := schema(t, tl)
	for _, name := range []string{"path", "dir", "glob"} {
		if _, ok := properties[name]; !ok {
			continue
		}
		dir := Workspace(t, c.Files)
		out := filepath.Join(filepath.Dir(dir), "outside")
		plantLinks(t, dir, out)
		before := snapshot(t, out)
		for _, p := range outs(out) {
			r, err := tl.Call(t.Context(), Call(dir, merge(t, c.Args, name, p)))
			switch core.CodeOf(err) {
			case "", core.Invalid, core.NotFound:
			default:
				t.Errorf("%s %q: code %q: %v", name, p, core.CodeOf(err), err)
			}
			if said := r.Output + errText(err); strings.Contains(said, canary) || strings.Contains(said, "root:x:0") {
				t.Errorf("%s %q reads outside: %s", name, p, said)
			}
			same(t, before, snapshot(t, out), name+" "+p+": the folder outside")
		}
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 2 {
			t.Errorf("there is more beside the workspace: %v, %v", entries, err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error() + core.HintOf(err)
}

// plantLinks makes links out of the workspace: to a folder, through another
// link, to a file, absolute, and from a folder below.
func plantLinks(t *testing.T, dir, out string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"link": "../outside", "chain": "link", "leaf": "../outside/canary.txt", "absolute": out, "sub/up": "../../outside",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot reads a tree: names, modes and contents.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text = string(b)
		}
		tree[name] = info.Mode().String() + " " + text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func same(t testing.TB, before, after map[string]string, what string) {
	t.Helper()
	if !maps.Equal(before, after) {
		t.Errorf("%s changed:\n%v\n%v", what, before, after)
	}
}
