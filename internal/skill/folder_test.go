package skill_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
)

// TestFolderIsReadAgain: what changes in the operator's folder is in the next answer, and
// what is broken there leaves what was.
func TestFolderIsReadAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	later := func() { r.clock.Advance(2 * time.Second) }
	see := func(want string) skill.Skill {
		t.Helper()
		later()
		k := must(r.Load(t.Context(), ada, "own"))(t)
		if k.Body != want {
			t.Errorf("%q, want %q", k.Body, want)
		}
		return k
	}
	if got := offered(t, r.Service, ada); got != "shipped" {
		t.Errorf("without a folder: %q", got)
	}
	r.put("own/SKILL.md", text("own", "One."))
	r.put("own/.git/config", "[core]")
	r.put("README.md", "About these skills.")
	see("One.")
	r.put("own/SKILL.md", text("own", "Two."))
	two := see("Two.")
	if two.Source != "folder" || two.Owner != skill.OfInstallation || len(two.Files) != 1 {
		t.Errorf("%+v", two.Listed)
	}
	r.put("own/references/more.md", "More.")
	if k := see("Two."); k.Digest == two.Digest || len(k.Files) != 2 {
		t.Errorf("%+v", k.Files)
	}
	r.put("own/SKILL.md", "---\nname: own\n---\nThree.")
	if k := see("Two."); !strings.Contains(k.Problem, "description is missing") {
		t.Errorf("the problem is %q", k.Problem)
	}
	if all := must(r.List(t.Context(), ada))(t); all[0].Name != "own" || all[0].Problem == "" {
		t.Errorf("%+v", all)
	}
	r.put("own/SKILL.md", text("own", "Four."))
	if k := see("Four."); k.Problem != "" {
		t.Errorf("the problem is %q", k.Problem)
	}
	r.put("shipped/SKILL.md", "nothing")
	later()
	if k := must(r.Load(t.Context(), ada, "shipped"))(t); k.Body != "one" || k.Problem == "" {
		t.Errorf("%+v", k)
	}
	ok(t, os.RemoveAll(filepath.Join(r.folder, "own")))
	later()
	_, err := r.Load(t.Context(), ada, "own")
	wantCode(t, "removed", err, core.NotFound)
	ok(t, os.RemoveAll(r.folder))
	later()
	if got := offered(t, r.Service, ada); got != "shipped" {
		t.Errorf("without a folder: %q", got)
	}
}

// TestFolderThatIsQuietIsNotRead: what was written long ago is read once.
func TestFolderThatIsQuietIsNotRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put("own/SKILL.md", text("own", "One."))
	main := filepath.Join(r.folder, "own", "SKILL.md")
	before := must(os.Stat(main))(t)
	old := r.clock.Now().Add(-time.Hour)
	date := func() {
		for _, name := range []string{main, filepath.Dir(main)} {
			ok(t, os.Chtimes(name, old, old))
		}
	}
	date()
	_ = must(r.Load(t.Context(), ada, "own"))(t)
	ok(t, os.WriteFile(main, []byte(text("own", "Two.")), before.Mode())) // as long, and as if at the same time
	date()
	r.clock.Advance(2 * time.Second)
	if k := must(r.Load(t.Context(), ada, "own"))(t); k.Body != "One." {
		t.Errorf("it was read: %q", k.Body)
	}
}

// TestFolderWithLinks: nothing outside of it is read.
func TestFolderWithLinks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	secret := filepath.Join(t.TempDir(), "secret")
	ok(t, os.Mkdir(secret, 0o755))
	ok(t, os.WriteFile(filepath.Join(secret, "SKILL.md"), []byte(text("linked", "Secret.")), 0o644))
	r.put("good/SKILL.md", text("good", "Good."))
	r.put("bad/SKILL.md", text("bad", "Bad."))
	ok(t, os.Symlink(secret, filepath.Join(r.folder, "linked")))
	ok(t, os.Symlink(filepath.Join(secret, "SKILL.md"), filepath.Join(r.folder, "bad", "secret.md")))
	ok(t, os.MkdirAll(filepath.Join(r.folder, "main"), 0o755))
	ok(t, os.Symlink(filepath.Join(secret, "SKILL.md"), filepath.Join(r.folder, "main", "SKILL.md")))
	if got := offered(t, r.Service, ada); got != "good shipped" {
		t.Errorf("offered %q", got)
	}
}
