package repo_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

// take fetches into a folder of the test's own, and returns the files in it.
func take(t *testing.T, s *repo.Service, from core.Checkout, folder string) (commit string, files []string, err error) {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if commit, err = s.Fetch(t.Context(), mine, from, folder, root); err != nil {
		return "", nil, err
	}
	walked := fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if walked != nil {
		t.Fatal(walked)
	}
	return commit, files, nil
}

// keyed is a way out with a private key.
type keyed struct {
	outside
	key string
}

func (k keyed) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{Secret: k.key}, nil
}

// TestFetch: the newest files of a folder come, and nothing of the repository is kept.
func TestFetch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	from := core.Checkout{URL: r.url, Credential: "forge"}
	commit, files, err := take(t, r.Service, from, "deep")
	if err != nil || len(commit) != 40 || !slices.Equal(files, []string{"deep/er/b"}) {
		t.Errorf("%s, %v, %v", commit, files, err)
	}
	now := r.push(t, "side", map[string]string{"new": "n"})
	gitdirtest.Git(t, filepath.Join(r.host, "team/project.git"), "tag", "-a", "v1", "-m", "one", "side")
	for _, ref := range []string{"side", "v1"} {
		commit, files, err := take(t, r.Service, core.Checkout{URL: r.url, Credential: "forge", From: ref}, "")
		if err != nil || commit != now || !slices.Equal(files, []string{"a.txt", "deep/er/b", "new", "run.sh"}) {
			t.Errorf("%s: %s, %v, %v", ref, commit, files, err)
		}
	}
	for name, tt := range map[string]struct {
		from core.Checkout
		code core.Code
	}{
		"no credential":      {core.Checkout{URL: r.url}, core.Unauthenticated},
		"no such credential": {core.Checkout{URL: r.url, Credential: "other"}, core.NotFound},
		"no such branch":     {core.Checkout{URL: r.url, Credential: "forge", From: "nope"}, core.NotFound},
		"an option":          {core.Checkout{URL: r.url, Credential: "forge", From: "--upload-pack=x"}, core.Invalid},
		"a path":             {core.Checkout{URL: r.host}, core.Invalid},
		"a helper":           {core.Checkout{URL: "ext::sh -c id"}, core.Invalid},
	} {
		if _, _, err := take(t, r.Service, tt.from, ""); core.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := r.List(t.Context(), mine); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "*", "*")); len(left) != 0 {
		t.Errorf("what was fetched is left: %v", left)
	}
}

// TestFetchTakesFilesAlone: a link or what Git LFS keeps elsewhere is no file; outside of the
// folder that is wanted it is in nobody's way.
func TestFetchTakesFilesAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	work := t.TempDir()
	gitdirtest.Git(t, work, "clone", "-q", filepath.Join(r.host, "team/project.git"), ".")
	gitdirtest.Fill(t, work, map[string]string{"lfs/big": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "links/x": "x"})
	if err := os.Symlink("/etc/passwd", filepath.Join(work, "links/SKILL.md")); err != nil {
		t.Fatal(err)
	}
	gitdirtest.Git(t, work, "add", ".")
	gitdirtest.Git(t, work, "commit", "-qm", "links")
	gitdirtest.Git(t, work, "push", "-q", "origin", "HEAD:main")
	from := core.Checkout{URL: r.url, Credential: "forge"}
	for folder, said := range map[string]string{"": "links/SKILL.md (link)", "links": "links/SKILL.md (link)", "links/SKILL.md": "(link)", "lfs": "lfs/big"} {
		if _, _, err := take(t, r.Service, from, folder); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", folder, err)
		}
	}
	if _, files, err := take(t, r.Service, from, "deep"); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestFetchIsBounded: what is too large isn't unpacked, and an address that the guard refuses isn't
// reached, nor is one to which another redirects.
func TestFetchIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	small := repo.New(repo.Config{Dir: t.TempDir(), Outside: outside{http.DefaultClient}, Limits: gitdir.Limits{Pack: 64, Objects: 10, Object: 10, Bytes: 10, Files: 10, Commits: 1}})
	if _, _, err := take(t, small, core.Checkout{URL: r.url, Credential: "forge"}, ""); core.CodeOf(err) != core.Exhausted {
		t.Errorf("%v", err)
	}
	guard, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer guard.Close()
	ssh := gitdirtest.SSH(t, r.host)
	guarded := repo.New(repo.Config{Dir: t.TempDir(), Outside: keyed{outside{guard.Client()}, string(ssh.Key)}, Dial: guard.DialContext})
	for _, from := range []core.Checkout{
		{URL: r.url}, {URL: "http://169.254.169.254/team/project.git"}, {URL: "https://10.0.0.1/team/project.git"}, {URL: "https://[::1]/team/project.git"},
		{URL: "ssh://git@" + ssh.Address + "/team/project.git", Credential: "key", HostKey: ssh.HostKey},
	} {
		if _, _, err := take(t, guarded, from, ""); core.CodeOf(err) != core.Denied {
			t.Errorf("%s: %v", from.URL, err)
		}
	}
	if _, _, err := take(t, repo.New(repo.Config{Dir: t.TempDir(), Outside: keyed{outside{http.DefaultClient}, string(ssh.Key)}, Dial: (&net.Dialer{}).DialContext}),
		core.Checkout{URL: "ssh://git@" + ssh.Address + "/team/project.git", Credential: "key"}, ""); core.CodeOf(err) != core.Denied || !strings.Contains(core.HintOf(err), "fingerprint") {
		t.Errorf("a host whose key isn't known: %v", err)
	}
	away := httptest.NewServer(http.RedirectHandler(r.url+"/info/refs?service=git-upload-pack", http.StatusFound))
	defer away.Close()
	if _, _, err := take(t, r.Service, core.Checkout{URL: away.URL + "/team/project.git"}, ""); err == nil {
		t.Error("a redirect was followed")
	}
}
