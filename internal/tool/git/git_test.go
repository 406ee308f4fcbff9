package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// begun returns what a task with the repository begins with.
func (r *rig) begun() *core.Checkout {
	r.t.Helper()
	k := r.task()
	k.clone()
	d, err := store.Kind[core.Checkout]("git.checkout").Get(r.t.Context(), r.cfg.Records, core.DefaultOrg, string(k.id))
	if err != nil {
		r.t.Fatal(err)
	}
	return &d.Data
}

// TestTools has each pass the suite.
func TestTools(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	at := r.begun()
	files := map[string]string{"a.txt": "two\n", "dir/b.txt": "b\n", "new.txt": "n\n"}
	tooltest.Run(t, apart{r.tools["git_clone"], nil},
		tooltest.Case{Name: "all of it", Args: `{"url":"` + r.url + `","credential":"git"}`, Output: []string{"2 files of branch main"}, After: map[string]string{"a.txt": "one\n", "dir/b.txt": "b\n"}, Gone: []string{".git"}},
		tooltest.Case{Name: "into a folder", Files: map[string]string{"mine": "x"}, Args: `{"url":"` + r.url + `","credential":"git","dir":"sub/p"}`, Output: []string{"is in sub/p"}, After: map[string]string{"sub/p/a.txt": "one\n", "mine": "x"}},
		tooltest.Case{Name: "a folder that isn't empty", Files: map[string]string{"a.txt": "mine\n"}, Args: `{"url":"` + r.url + `","credential":"git"}`, Failed: true, Output: []string{"isn't empty", "dir"}, After: map[string]string{"a.txt": "mine\n"}, Gone: []string{"dir"}},
		tooltest.Case{Name: "without its credential", Args: `{"url":"` + r.url + `"}`, Failed: true, Output: []string{"isn't public"}},
		tooltest.Case{Name: "no such credential", Args: `{"url":"` + r.url + `","credential":"other"}`, Code: core.NotFound, Output: []string{"no credential other"}},
		tooltest.Case{Name: "in the clear", Args: `{"url":"http://example.com/a.git","credential":"git"}`, Failed: true, Output: []string{"in the clear", "https://"}},
		tooltest.Case{Name: "no such branch", Args: `{"url":"` + r.url + `","credential":"git","branch":"other"}`, Code: core.NotFound, Output: []string{"no branch or tag other"}},
		tooltest.Case{Name: "a path", Args: `{"url":"` + r.bare() + `"}`, Code: core.Invalid},
		tooltest.Case{Name: "a file URL", Args: `{"url":"file://` + r.bare() + `"}`, Code: core.Invalid, Output: []string{"https"}},
		tooltest.Case{Name: "a helper", Args: `{"url":"ext::sh -c touch% /tmp/x"}`, Code: core.Invalid},
		tooltest.Case{Name: "SSH to an unknown host", Args: `{"url":"ssh://git@` + r.ssh.Address + `/team/project.git","credential":"key"}`, Failed: true, Output: []string{"SHA256:", "host_key: ssh-ed25519 "}},
	)
	tooltest.Run(t, apart{r.tools["git_diff"], at},
		tooltest.Case{Name: "the workspace", Files: files, Args: `{}`, Output: []string{"--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n", "new file mode 100644\n--- /dev/null\n+++ b/new.txt"}, Not: []string{"b/dir/b.txt"}},
		tooltest.Case{Name: "one path", Files: files, Args: `{"paths":["/workspace/new.txt"]}`, Output: []string{"b/new.txt"}, Not: []string{"a.txt"}},
		tooltest.Case{Name: "nothing", Files: map[string]string{"a.txt": "one\n", "dir/b.txt": "b\n"}, Args: `{}`, Output: []string{"nothing is changed"}},
		tooltest.Case{Name: "no such commit", Args: `{"from":"1234567"}`, Code: core.NotFound},
	)
	tooltest.Run(t, apart{r.tools["git_log"], at},
		tooltest.Case{Name: "commits", Args: `{}`, Output: []string{"me <me@example.org>", "    change 1"}},
		tooltest.Case{Name: "no such branch", Args: `{"from":"other"}`, Code: core.NotFound, Output: []string{"git_branch"}},
	)
	tooltest.Run(t, apart{r.tools["git_commit"], at},
		tooltest.Case{Name: "all", Files: files, Args: `{"message":"why"}`, Output: []string{"committed 2 files to main", "changed a.txt\nadded new.txt"}},
		tooltest.Case{Name: "some", Files: files, Args: `{"message":"why","paths":["new.txt"]}`, Output: []string{"committed 1 files", "added new.txt"}, Not: []string{"a.txt"}},
		tooltest.Case{Name: "nothing", Files: map[string]string{"a.txt": "one\n", "dir/b.txt": "b\n"}, Args: `{"message":"why"}`, Failed: true, Output: []string{"nothing to commit"}},
		tooltest.Case{Name: "no such path", Files: files, Args: `{"message":"why","paths":["nope"]}`, Code: core.NotFound},
		tooltest.Case{Name: "a path out", Files: files, Args: `{"message":"why","paths":["../x"]}`, Code: core.Invalid},
		tooltest.Case{Name: "no message", Files: files, Args: `{"message":" \n"}`, Code: core.Invalid},
	)
	tooltest.Run(t, apart{r.tools["git_branch"], at},
		tooltest.Case{Name: "new", Files: files, Args: `{"name":"fix/it"}`, Output: []string{"made the branch fix/it"}, After: files},
		tooltest.Case{Name: "list", Files: files, Args: `{}`, Output: []string{"* main "}},
		tooltest.Case{Name: "no name for one", Args: `{"name":"a..b"}`, Code: core.Invalid},
	)
	tooltest.Run(t, apart{r.tools["git_pull"], at},
		tooltest.Case{Name: "nothing new", Files: files, Args: `{}`, Output: []string{"nothing new"}, After: files},
		tooltest.Case{Name: "no such branch", Args: `{"branch":"other"}`, Code: core.NotFound},
	)
	tooltest.Run(t, apart{r.tools["git_push"], at},
		tooltest.Case{Name: "what is there", Args: `{}`, Output: []string{"as it was before"}},
		tooltest.Case{Name: "another branch", Args: `{"branch":"another"}`, Output: []string{"the branch another of " + r.url}},
	)
	tooltest.Run(t, apart{r.tools["git_log"], at}, tooltest.Case{Name: "again", Args: `{"limit":1}`, Output: []string{"change 1"}})
	k := r.task()
	for _, name := range []string{"git_diff", "git_log", "git_branch", "git_pull", "git_push"} {
		if said := k.refused(name, nil); !strings.Contains(said, "git_clone") {
			t.Errorf("%s without a repository: %s", name, said)
		}
	}
}

// TestAFix is the whole of it: clone, branch, change, commit, push; on another machine with
// each step, as a worker that is lost leaves nothing but records and blobs.
func TestAFix(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(*rig) arguments{
		"HTTP": func(r *rig) arguments { return arguments{"url": r.url, "credential": "git"} },
		"SSH": func(r *rig) arguments {
			return arguments{"url": "ssh://git@" + r.ssh.Address + "/team/project.git", "credential": "key", "host_key": r.ssh.HostKey}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			k := r.task()
			k.call("git_clone", way(r))
			r.machine()
			k.call("git_branch", arguments{"name": "fix/a"})
			gitdirtest.Fill(t, k.dir, map[string]string{"a.txt": "fixed\n"})
			r.machine()
			k.call("git_commit", arguments{"message": "Fix a\n\nIt was one."})
			r.machine()
			k.call("git_push", nil)
			if got := gitdirtest.Git(t, r.bare(), "log", "-1", "--format=%an|%B", "fix/a"); got != "Isekai|Fix a\n\nIt was one." {
				t.Error(got)
			}
			if got := gitdirtest.Git(t, r.bare(), "show", "fix/a:a.txt"); got != "fixed" {
				t.Error(got)
			}
			r.machine()
			if got := k.call("git_diff", arguments{"from": "base", "to": "fix/a"}).Output; !strings.Contains(got, "-one\n+fixed") {
				t.Error(got)
			}
			if got := k.call("git_push", nil).Output; !strings.Contains(got, "as it was before") {
				t.Error(got)
			}
		})
	}
}

// TestACallThatIsMadeAgain does what it did once.
func TestACallThatIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := r.task()
	k.clone()
	gitdirtest.Fill(t, k.dir, map[string]string{"a.txt": "2"})
	c := k.next(arguments{"message": "once"})
	var said []string
	for range 2 {
		r.machine()
		got, err := r.tools["git_commit"].Call(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, got.Output)
	}
	if said[0] != said[1] || strings.Count(k.call("git_log", nil).Output, "once") != 1 {
		t.Errorf("%q", said)
	}
	k2 := r.task()
	c = k2.next(arguments{"url": r.url, "credential": "git"})
	for range 2 {
		if got, err := r.tools["git_clone"].Call(t.Context(), c); err != nil || got.Failed {
			t.Fatal(err, got.Output)
		}
		if b, err := os.ReadFile(filepath.Join(k2.dir, "a.txt")); err != nil || string(b) != "one\n" {
			t.Fatal(err, string(b))
		}
		if err := os.Remove(filepath.Join(k2.dir, "a.txt")); err != nil { // as if it hadn't come so far
			t.Fatal(err)
		}
	}
	if said := k2.refused("git_clone", arguments{"url": r.url, "credential": "git"}); !strings.Contains(said, "git_pull") {
		t.Error(said)
	}
}

func (r *rig) others(files map[string]string) {
	r.t.Helper()
	work := r.t.TempDir()
	gitdirtest.Git(r.t, work, "clone", "-q", r.bare(), ".")
	gitdirtest.Fill(r.t, work, files)
	gitdirtest.Git(r.t, work, "add", ".")
	gitdirtest.Git(r.t, work, "commit", "-qm", "theirs")
	gitdirtest.Git(r.t, work, "push", "-q", "origin", "HEAD:main")
}

// TestOthersMoveOn: what they did comes by a pull, and nothing is lost by it.
func TestOthersMoveOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := r.task()
	k.clone()
	r.others(map[string]string{"a.txt": "theirs\n", "c.txt": "c\n"})
	gitdirtest.Fill(t, k.dir, map[string]string{"a.txt": "mine\n"})
	if said := k.refused("git_pull", nil); !strings.Contains(said, "a.txt is changed in the workspace") {
		t.Error(said)
	}
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(k.dir, name))
		return string(b)
	}
	if read("a.txt") != "mine\n" || read("c.txt") != "" {
		t.Errorf("%q, %q", read("a.txt"), read("c.txt"))
	}
	gitdirtest.Fill(t, k.dir, map[string]string{"a.txt": "one\n"})
	if said := k.call("git_pull", nil).Output; !strings.Contains(said, "main moved on from") || read("a.txt") != "theirs\n" || read("c.txt") != "c\n" {
		t.Errorf("%s: %q, %q", said, read("a.txt"), read("c.txt"))
	}
	gitdirtest.Fill(t, k.dir, map[string]string{"d.txt": "d\n"})
	k.call("git_commit", arguments{"message": "mine"})
	r.others(map[string]string{"e.txt": "e\n"})
	if said := k.refused("git_push", nil); !strings.Contains(said, "commits that aren't here") {
		t.Error(said)
	}
	if said := k.call("git_pull", nil).Output; !strings.Contains(said, "neither was changed") || read("e.txt") != "" {
		t.Error(said)
	}
	k.call("git_push", arguments{"branch": "mine"})
	k.call("git_branch", arguments{"name": "side"})
	gitdirtest.Fill(t, k.dir, map[string]string{"d.txt": "other\n"})
	k.call("git_commit", arguments{"message": "side"})
	k.call("git_branch", arguments{"name": "main"})
	if read("d.txt") != "d\n" {
		t.Error(read("d.txt"))
	}
}

// TestAnOperatorsRepository isn't touched.
func TestAnOperatorsRepository(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := r.task()
	gitdirtest.Git(t, k.dir, "init", "-q")
	c := k.next(arguments{"url": r.url, "credential": "git"})
	c.Workspace.Managed = false
	got, err := r.tools["git_clone"].Call(t.Context(), c)
	if err != nil || !got.Failed || !strings.Contains(got.Output, "operator's") {
		t.Errorf("%+v, %v", got, err)
	}
}
