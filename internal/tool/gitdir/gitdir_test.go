package gitdir_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

var me = gitdir.Signature{Name: "A tester", Email: "tester@example.org", When: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

// TestThereAndBack fetches what the real git serves, changes it, and pushes; the real git says
// what came.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(testing.TB, string) gitdir.Remote{"HTTP": overHTTP, "SSH": overSSH} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := upstream(t, map[string]string{"a.txt": "one\n", "dir/b.txt": "b\n"}, map[string]string{"a.txt": "two\n", ".gitignore": "*.log\nbuild/\n"})
			bare := filepath.Join(host, "team/project.git")
			remote, d := serve(t, host), open(t, gitdir.Limits{})
			got, err := d.Fetch(t.Context(), remote, "")
			if err != nil || got.Branch != "main" || got.Commit != git(t, bare, "rev-parse", "main") {
				t.Fatalf("%+v, %v", got, err)
			}
			tree, err := d.Tree(t.Context(), got.Commit)
			if err != nil {
				t.Fatal(err)
			}
			dir, root := workspace(t)
			if _, err := d.Put(t.Context(), root, gitdir.Tree{}, tree); err != nil {
				t.Fatal(err)
			}
			fill(t, dir, map[string]string{"a.txt": "three\n", "new/c.txt": "c\n", "x.log": "ignored", "build/out": "ignored", "new/.gitignore": "d.txt\n", "new/d.txt": "ignored"})
			if err := os.Remove(filepath.Join(dir, "dir/b.txt")); err != nil {
				t.Fatal(err)
			}
			now, err := d.Scan(t.Context(), root, tree, nil, true)
			if err != nil {
				t.Fatal(err)
			}
			want := []gitdir.Change{{"a.txt", "changed"}, {"dir/b.txt", "deleted"}, {"new/.gitignore", "added"}, {"new/c.txt", "added"}}
			if diff := cmp.Diff(want, gitdir.Changes(tree, now)); diff != "" {
				t.Fatal(diff)
			}
			commit, err := d.Commit(now, me, "third\n", got.Commit)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []bool{false, true} { // the second time it is there
				if already, err := d.Push(t.Context(), remote, "fix/it", commit); err != nil || already != want {
					t.Fatalf("push %d: %t, %v", i, already, err)
				}
			}
			git(t, bare, "fsck", "--strict")
			if got := git(t, bare, "show", "--format=%an <%ae> %aI %s", "--name-status", "fix/it"); got != "A tester <tester@example.org> 2026-01-02T03:04:05+00:00 third\n\nM\ta.txt\nD\tdir/b.txt\nA\tnew/.gitignore\nA\tnew/c.txt" {
				t.Error(got)
			}
			log, more, err := d.Log(commit, 2)
			if err != nil || len(log) != 2 || !more || log[0].Message != "third\n" || log[1].Message != "change 2\n" || log[0].Parents[0] != got.Commit {
				t.Errorf("%+v, %t, %v", log, more, err)
			}
		})
	}
}

// TestThePatchIsGits: the real git applies it.
func TestThePatchIsGits(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"a.txt": "one\ntwo\n", "gone.txt": "x\n", "end": "no newline", "bin": "\x00\x01"})
	d, remote := open(t, gitdir.Limits{}), overHTTP(t, host)
	got, err := d.Fetch(t.Context(), remote, "main")
	if err != nil {
		t.Fatal(err)
	}
	before, err := d.Tree(t.Context(), got.Commit)
	if err != nil {
		t.Fatal(err)
	}
	dir, root := workspace(t)
	if _, err := d.Put(t.Context(), root, gitdir.Tree{}, before); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, map[string]string{"a.txt": "one\n2\n", "new.txt": "n\n", "end": "no newline at all"})
	if err := os.Remove(filepath.Join(dir, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	after, err := d.Scan(t.Context(), root, before, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	old := func(f gitdir.File, _ string) ([]byte, error) { return d.Blob(f.Hash, 1<<20) }
	now := func(_ gitdir.File, name string) ([]byte, error) { return gitdir.ReadFile(root, name, 1<<20) }
	patch, whole, err := gitdir.Patch(before, after, gitdir.Changes(before, after), 1<<20, old, now)
	if err != nil || !whole {
		t.Fatal(err, whole)
	}
	clone := t.TempDir()
	git(t, clone, "clone", "-q", filepath.Join(host, "team/project.git"), ".")
	fill(t, clone, map[string]string{"../p.patch": patch})
	git(t, clone, "apply", "--index", filepath.Join(filepath.Dir(clone), "p.patch"))
	tree := git(t, clone, "write-tree")
	commit, err := d.Commit(must(d.Scan(t.Context(), root, before, nil, true))(t), me, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Push(t.Context(), remote, "applied", commit); err != nil {
		t.Fatal(err)
	}
	if got := git(t, filepath.Join(host, "team/project.git"), "rev-parse", "applied^{tree}"); got != tree {
		t.Errorf("the patch makes %s, the workspace %s:\n%s", tree, got, patch)
	}
	if _, whole, _ := gitdir.Patch(before, after, gitdir.Changes(before, after), 100, old, now); whole {
		t.Error("100 bytes hold it all")
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestHistoryMovesOn: what others push comes with the next fetch; what would take it away is
// refused.
func TestHistoryMovesOn(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"a": "1"}, map[string]string{"a": "2"}, map[string]string{"a": "3"})
	bare := filepath.Join(host, "team/project.git")
	d, remote := open(t, gitdir.Limits{Pack: 1 << 20, Objects: 100, Object: 1 << 20, Bytes: 1 << 20, Files: 100, Commits: 2}), overHTTP(t, host)
	first := must(d.Fetch(t.Context(), remote, "main"))(t)
	if log, more, err := d.Log(first.Commit, 10); err != nil || len(log) != 2 || !more {
		t.Errorf("%d commits, %t, %v", len(log), more, err)
	}
	tree := must(d.Tree(t.Context(), first.Commit))(t)
	mine := must(d.Commit(tree, me, "mine", first.Commit))(t)
	other := t.TempDir()
	git(t, other, "clone", "-q", bare, ".")
	fill(t, other, map[string]string{"b": "theirs"})
	git(t, other, "add", ".")
	git(t, other, "commit", "-qm", "theirs")
	git(t, other, "push", "-q", "origin", "main")
	if _, err := d.Push(t.Context(), remote, "main", mine); core.CodeOf(err) != core.Conflict || !strings.Contains(core.HintOf(err), "git_pull") {
		t.Errorf("%v", err)
	}
	second := must(d.Fetch(t.Context(), remote, "main"))(t)
	if ok, err := d.Descends(second.Commit, first.Commit); err != nil || !ok {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := d.Descends(second.Commit, mine); err != nil || ok {
		t.Errorf("%t, %v", ok, err)
	}
	if got := must(d.Tree(t.Context(), second.Commit))(t); len(got.Files) != 2 {
		t.Errorf("%+v", got)
	}
	if _, err := d.Push(t.Context(), remote, "other", mine); err != nil { // from a history that isn't whole
		t.Error(err)
	}
	git(t, bare, "fsck")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"a": strings.Repeat("x", 5000)})
	remote := overHTTP(t, host)
	away := httptest.NewServer(http.RedirectHandler(strings.TrimSuffix(remote.URL.String(), "/team/project.git")+"/team/project.git/info/refs?service=git-upload-pack", http.StatusFound))
	t.Cleanup(away.Close)
	babble := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) }))
	t.Cleanup(babble.Close)
	with := func(change func(*gitdir.Remote)) gitdir.Remote {
		r := remote
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name   string
		remote gitdir.Remote
		branch string
		limits gitdir.Limits
		want   core.Code
	}{
		{"another password", with(func(r *gitdir.Remote) { r.Secret = "wrong" }), "", gitdir.Limits{}, core.Unauthenticated},
		{"no password", with(func(r *gitdir.Remote) { r.Secret = "" }), "", gitdir.Limits{}, core.Unauthenticated},
		{"no such repository", with(func(r *gitdir.Remote) { r.URL.Path = "/team/other.git" }), "", gitdir.Limits{}, core.NotFound},
		{"no such branch", remote, "other", gitdir.Limits{}, core.NotFound},
		{"a redirect", with(func(r *gitdir.Remote) { r.URL = parse(t, away.URL+"/x"); r.Secret = "" }), "", gitdir.Limits{}, core.Denied},
		{"not git", with(func(r *gitdir.Remote) { r.URL = parse(t, babble.URL+"/x") }), "", gitdir.Limits{}, core.Unavailable},
		{"a large pack", remote, "", gitdir.Limits{Pack: 10, Objects: 100, Object: 1 << 20, Bytes: 1 << 20, Files: 10}, core.Exhausted},
		{"many objects", remote, "", gitdir.Limits{Pack: 1 << 20, Objects: 2, Object: 1 << 20, Bytes: 1 << 20, Files: 10}, core.Exhausted},
		{"a large object", remote, "", gitdir.Limits{Pack: 1 << 20, Objects: 100, Object: 4000, Bytes: 1 << 20, Files: 10}, core.Exhausted},
		{"many bytes", remote, "", gitdir.Limits{Pack: 1 << 20, Objects: 100, Object: 1 << 20, Bytes: 5000, Files: 10}, core.Exhausted},
	} {
		_, err := open(t, tt.limits).Fetch(t.Context(), tt.remote, tt.branch)
		if core.CodeOf(err) != tt.want || strings.Contains(err.Error()+core.HintOf(err), "s3cret") {
			t.Errorf("%s: %q, want %q: %v", tt.name, core.CodeOf(err), tt.want, err)
		}
	}
}

func TestSSHHostKeys(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"a": "1"})
	remote := overSSH(t, host)
	good, other := remote.HostKey, ""
	signer, _ := newKey(t)
	other = "ssh-ed25519 " + strings.Fields(marshal(signer))[1]
	for _, tt := range []struct {
		name, key string
		want      core.Code
		hint      string
	}{
		{"unknown", "", core.Denied, "SHA256:"}, {"another", other, core.Denied, strings.TrimSpace(good)}, {"not a key", "ssh-ed25519 AAAA", core.Invalid, "ssh-keyscan"},
		{"of known_hosts", "[127.0.0.1]:22 " + good, "", ""}, {"one of two", other + "\n" + good, "", ""},
	} {
		r := remote
		r.HostKey = tt.key
		_, err := open(t, gitdir.Limits{}).Fetch(t.Context(), r, "main")
		if core.CodeOf(err) != tt.want || !strings.Contains(core.HintOf(err), tt.hint) {
			t.Errorf("%s: %v (%s)", tt.name, err, core.HintOf(err))
		}
	}
	_, stranger := newKey(t)
	for name, tt := range map[string]struct {
		key  []byte
		want core.Code
	}{"a stranger's": {stranger, core.Unauthenticated}, "none": {nil, core.Unauthenticated}, "no key": {[]byte("s3cret"), core.Invalid}} {
		r := remote
		r.Key = tt.key
		if _, err := open(t, gitdir.Limits{}).Fetch(t.Context(), r, "main"); core.CodeOf(err) != tt.want || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
