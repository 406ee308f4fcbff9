package skill_test

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if err == nil || core.CodeOf(err) != code {
		t.Errorf("%s: %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

func scope(org core.OrgID, project core.ProjectID) core.Scope {
	return core.Scope{Org: org, Project: project, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ada"}}
}

var (
	ada   = scope("org_a", "prj_one")
	other = scope("org_a", "prj_two")
	bob   = scope("org_b", "prj_one") // of another org, in a project of the same name
)

// rig is an installation of any number of nodes.
type rig struct {
	t      *testing.T
	store  store.Store
	blobs  blob.Store
	folder string // of the operator's
	clock  *coretest.Clock
	*skill.Service
}

func newRig(t *testing.T) *rig {
	t.Helper()
	blobs := must(local.Open(filepath.Join(t.TempDir(), "blobs")))(t)
	t.Cleanup(func() { _ = blobs.Close() })
	r := &rig{t: t, store: sqlitetest.Open(t, sqlite.Config{}), blobs: blobs, folder: filepath.Join(t.TempDir(), "skills"), clock: coretest.At(time.Now())}
	r.Service = r.node()
	return r
}

// node is another process of the installation.
func (r *rig) node() *skill.Service {
	r.t.Helper()
	return must(skill.New(skill.Config{
		Records: r.store, Blobs: r.blobs, Folder: r.folder, Dir: filepath.Join(r.t.TempDir(), "node"), Now: r.clock.Now,
		Shipped: fstest.MapFS{
			"shipped/SKILL.md":       {Data: []byte(text("shipped", "one"))},
			"shipped/scripts/run.py": {Data: []byte("#!/usr/bin/env python3\nprint('shipped')\n")},
			"about.go":               {Data: []byte("package skills\n")},
		},
	}))(r.t)
}

// text is a SKILL.md.
func text(name, instructions string) string {
	return "---\nname: " + name + "\ndescription: Does what " + name + " is for. Use it when somebody asks for " + name + ".\nallowed-tools: read_file\n---\n\n" + instructions + "\n"
}

// pack makes a zip archive.
func pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := must(w.Create(name))(t)
		_ = must(f.Write([]byte(files[name])))(t)
	}
	ok(t, w.Close())
	return b.Bytes()
}

// simple is an archive of a skill of two files.
func simple(t testing.TB, name, instructions string) []byte {
	t.Helper()
	return pack(t, map[string]string{name + "/SKILL.md": text(name, instructions), name + "/references/more.md": "More of " + name + ".\n"})
}

// add adds a simple skill.
func (r *rig) add(s core.Scope, owner skill.Owner, name, instructions string) skill.Added {
	r.t.Helper()
	return must(r.Add(r.t.Context(), s, owner, simple(r.t, name, instructions), "upload"))(r.t)
}

// put writes a file of the operator's folder.
func (r *rig) put(name, content string) {
	r.t.Helper()
	full := filepath.Join(r.folder, name)
	ok(r.t, os.MkdirAll(filepath.Dir(full), 0o755))
	ok(r.t, os.WriteFile(full, []byte(content), 0o644))
}

// offered are the names that a task of the scope is offered.
func offered(t testing.TB, s *skill.Service, sc core.Scope) string {
	t.Helper()
	var names []string
	for _, o := range must(s.Offered(t.Context(), sc))(t) {
		names = append(names, o.Name)
	}
	return strings.Join(names, " ")
}
