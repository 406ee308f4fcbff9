package repo_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

type outside struct{ client *http.Client }

func (o outside) Client() *http.Client { return o.client }
func (o outside) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.Unsupported, "outside", "not asked for")
}

func (o outside) Credential(_ context.Context, c tool.Call, _, name, _ string) (tool.Credential, error) {
	if name != "forge" || c.Scope.Project == "" {
		return tool.Credential{}, core.E(core.NotFound, "outside", "the project has no credential "+name)
	}
	return tool.Credential{Secret: gitdirtest.Password}, nil
}

var (
	mine   = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "me"}}
	others = core.Scope{Org: core.DefaultOrg, Project: "prj_other", Actor: mine.Actor}
)

type rig struct {
	*repo.Service
	blobs blob.Store
	host  string
	url   string
	dir   string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	host := gitdirtest.Upstream(t, map[string]string{"a.txt": "one\n", "run.sh": "#!/bin/sh\n", "deep/er/b": "b"})
	s := gitdirtest.HTTP(t, host)
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = records.Close() })
	blobs, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return &rig{repo.New(repo.Config{Records: records, Blobs: blobs, Dir: dir, Outside: outside{s.Client()}}), blobs, host, s.URL + "/team/project.git", dir}
}

func (r *rig) push(t *testing.T, branch string, files map[string]string) string {
	t.Helper()
	work := t.TempDir()
	gitdirtest.Git(t, work, "clone", "-q", filepath.Join(r.host, "team/project.git"), ".")
	gitdirtest.Fill(t, work, files)
	gitdirtest.Git(t, work, "add", ".")
	gitdirtest.Git(t, work, "commit", "-qm", "more")
	gitdirtest.Git(t, work, "push", "-q", "origin", "HEAD:"+branch)
	return gitdirtest.Git(t, work, "rev-parse", "HEAD")
}

func TestRepositories(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, tt := range []struct {
		name string
		w    repo.Wish
		code core.Code
	}{
		{"a bad name", repo.Wish{Name: "Shop!", URL: r.url, Credential: "forge"}, core.Invalid},
		{"a path", repo.Wish{Name: "shop", URL: r.host}, core.Invalid},
		{"a host key for HTTPS", repo.Wish{Name: "shop", URL: r.url, Credential: "forge", HostKey: "ssh-ed25519 AAAA"}, core.Invalid},
		{"SSH without a key", repo.Wish{Name: "shop", URL: "git@example.com:a/b.git"}, core.Invalid},
		{"no credential", repo.Wish{Name: "shop", URL: r.url}, core.Unauthenticated},
		{"no such credential", repo.Wish{Name: "shop", URL: r.url, Credential: "other"}, core.NotFound},
		{"no such branch", repo.Wish{Name: "shop", URL: r.url, Credential: "forge", Branch: "other"}, core.NotFound},
		{"in the clear", repo.Wish{Name: "shop", URL: "http://example.com/a.git", Credential: "forge"}, core.Denied},
		{"fine", repo.Wish{Name: "shop", URL: r.url, Credential: "forge"}, ""},
		{"taken", repo.Wish{Name: "shop", URL: r.url, Credential: "forge"}, core.Conflict},
	} {
		if _, err := r.Add(t.Context(), mine, tt.w); core.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	all, err := r.List(t.Context(), mine)
	if err != nil || len(all) != 1 || all[0].Name != "shop" || all[0].Branch != "main" || strings.Contains(all[0].URL, gitdirtest.Password) {
		t.Fatalf("%+v, %v", all, err)
	}
	if all, err := r.List(t.Context(), others); err != nil || len(all) != 0 {
		t.Errorf("another project sees %+v, %v", all, err)
	}
	if _, err := r.Get(t.Context(), others, "shop"); core.CodeOf(err) != core.NotFound {
		t.Errorf("%v", err)
	}
	now := r.push(t, "main", map[string]string{"new": "n"})
	if got, err := r.Sync(t.Context(), mine, "shop"); err != nil || got.Commit != now {
		t.Errorf("%+v, %v", got, err)
	}
	if err := r.Remove(t.Context(), mine, "shop"); err != nil {
		t.Error(err)
	}
	if err := r.Remove(t.Context(), mine, "shop"); core.CodeOf(err) != core.NotFound {
		t.Errorf("%v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "*", "*")); len(left) != 0 {
		t.Errorf("what was fetched is left: %v", left)
	}
}

// TestBegin: a task has the newest of its branch, whatever was seen before.
func TestBegin(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.Add(t.Context(), mine, repo.Wish{Name: "shop", URL: r.url, Credential: "forge"}); err != nil {
		t.Fatal(err)
	}
	commits := map[string]string{"main": r.push(t, "main", map[string]string{"a.txt": "two\n"}), "side": r.push(t, "side", map[string]string{"a.txt": "three\n"})}
	for branch, want := range map[string]string{"": "two\n", "side": "three\n"} {
		at, tree, err := r.Begin(t.Context(), mine, "shop", branch)
		if err != nil {
			t.Fatal(err)
		}
		if branch == "" {
			branch = "main"
		}
		if at.Repository != "shop" || at.From != branch || at.Base != commits[branch] || at.URL != r.url || at.Credential != "forge" || at.Branch != "" {
			t.Errorf("%+v", at)
		}
		dir := t.TempDir()
		if err := blob.Checkout(t.Context(), r.blobs, mine.Org, tree, dir); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "a.txt")); err != nil || string(b) != want {
			t.Errorf("%q, %v", b, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "deep/er/b")); err != nil || string(b) != "b" {
			t.Errorf("%q, %v", b, err)
		}
	}
	for name, branch := range map[string]string{"other": "", "shop": "nope"} {
		if _, _, err := r.Begin(t.Context(), mine, name, branch); core.CodeOf(err) != core.NotFound {
			t.Errorf("%s %s: %v", name, branch, err)
		}
	}
}
