//go:build linux

package command_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/command"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// repository is a workspace with a commit in it.
func repository(t *testing.T) string {
	t.Helper()
	dir := tooltest.Workspace(t, map[string]string{"file": "one\n"})
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "."},
		{"-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-q", "-m", "the first"},
	} {
		c := exec.Command("git", args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	return dir
}

// files reads a tree: modes and contents by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			content, err = os.ReadFile(path)
		}
		tree[path] = info.Mode().String() + " " + string(content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return tree
}

// call runs a script in a workspace.
func call(t *testing.T, tl tool.Tool, w tool.Workspace, script string) tool.Result {
	t.Helper()
	c := tooltest.Call(w.Dir, sh(script))
	c.Workspace = w
	r, err := tl.Call(t.Context(), c)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return r
}

// What is in .git is run by git on the operator's machine: a command reads it, and
// can't change it.
func TestTheOperatorsGitIsKept(t *testing.T) {
	t.Parallel()
	tl, dir := command.New(boxes(t)), repository(t)
	w := tool.Workspace{Dir: dir}
	before := files(t, filepath.Join(dir, ".git"))
	for _, script := range []string{
		"echo evil > .git/hooks/pre-commit", "echo '[core] fsmonitor = evil' >> .git/config", "git config core.fsmonitor evil",
		"mv .git .git2", "rm -rf .git", "git commit -q --allow-empty -m x", "chmod 777 .git", "git init -q --separate-git-dir=other",
	} {
		if r := call(t, tl, w, script); !r.Failed {
			t.Errorf("%s: it worked: %s", script, r.Output)
		}
	}
	const git = "git -c safe.directory=/workspace "
	r := call(t, tl, w, "echo two > file && "+git+"status --porcelain && "+git+"log --format=%s && "+git+"diff")
	for _, want := range []string{" M file\n", "the first\n", "-one\n+two\n"} {
		if r.Failed || !strings.Contains(r.Output, want) {
			t.Errorf("%q isn't in %s", want, r.Output)
		}
	}
	if diff := cmp.Diff(before, files(t, filepath.Join(dir, ".git"))); diff != "" {
		t.Errorf(".git is changed (-before +after):\n%s", diff)
	}
}

// A workspace that was made for the task is the task's own, its repository too.
func TestAManagedWorkspacesGitIsTheTasks(t *testing.T) {
	t.Parallel()
	r := call(t, command.New(boxes(t)), tool.Workspace{Dir: repository(t), Managed: true},
		"git -c safe.directory=/workspace -c user.name=me -c user.email=me@example.org commit -q --allow-empty -m second")
	if r.Failed {
		t.Error(r.Output)
	}
}
