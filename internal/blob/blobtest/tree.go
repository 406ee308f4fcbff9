package blobtest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// files are a folder's regular files by path; an executable one ends in "*".
type files map[string]string

// lay writes files below dir.
func lay(t testing.TB, dir string, all files) {
	t.Helper()
	for name, content := range all {
		name, exec := strings.CutSuffix(name, "*")
		mode := fs.FileMode(0o644)
		if exec {
			mode = 0o755
		}
		p := filepath.Join(dir, name)
		ok(t, os.MkdirAll(filepath.Dir(p), 0o755))
		ok(t, os.WriteFile(p, []byte(content), mode))
	}
}

// held reads everything below dir; what isn't a regular file or a folder shows
// as its type, and an empty folder as "/".
func held(t testing.TB, dir string) files {
	t.Helper()
	all := files{}
	ok(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		switch {
		case e.IsDir():
			if entries, err := os.ReadDir(p); err == nil && len(entries) == 0 {
				all[name] = "/"
			}
			return nil
		case !e.Type().IsRegular():
			all[name] = e.Type().String()
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode()&0o111 != 0 {
			name += "*"
		}
		b, err := os.ReadFile(p)
		all[name] = string(b)
		return err
	}))
	return all
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func snapshot(t testing.TB, s blob.Store, dir string) (core.Digest, blob.Tree) {
	t.Helper()
	d, tree, err := blob.Snapshot(t.Context(), s, orgA, dir, blob.Limits{})
	ok(t, err)
	return d, tree
}

var sample = files{"app.py": "print(1)", "run.sh*": "#!/bin/sh", "static/js/app.js": "1", "empty": "", ".hidden/ünï": "x", "big": strings.Repeat("b", 1<<20)}

func testTreeRoundTrip(t *testing.T, s blob.Store) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "new", "folder")
	lay(t, src, sample)
	d, tree := snapshot(t, s, src)
	if len(tree.Files) != len(sample) || len(tree.Skipped) != 0 || !tree.Files["run.sh"].Exec || tree.Files["app.py"].Exec || tree.Files["app.py"].Size != 8 {
		t.Errorf("tree %+v", tree)
	}
	loaded, err := blob.Load(t.Context(), s, orgA, d)
	ok(t, err)
	if diff := cmp.Diff(tree, loaded); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	ok(t, blob.Checkout(t.Context(), s, orgA, d, dst))
	if diff := cmp.Diff(sample, held(t, dst)); diff != "" {
		t.Errorf("checked out (-want +got):\n%s", diff)
	}
	_, err = blob.Load(t.Context(), s, orgB, d)
	wantCode(t, "load another org's tree", err, core.NotFound)
}

// testTreeDigest sees that equal folders have equal digests, and others don't.
func testTreeDigest(t *testing.T, s blob.Store) {
	digest := func(all files, more func(dir string)) core.Digest {
		dir := t.TempDir()
		lay(t, dir, all)
		if more != nil {
			more(dir)
		}
		d, _ := snapshot(t, s, dir)
		return d
	}
	first := digest(sample, nil)
	if again := digest(maps.Clone(sample), func(dir string) { ok(t, os.Mkdir(filepath.Join(dir, "hollow"), 0o700)) }); again != first {
		t.Error("the same files in another folder have another digest")
	}
	for name, change := range map[string]func(dir string){
		"content": func(dir string) { ok(t, os.WriteFile(filepath.Join(dir, "app.py"), []byte("print(2)"), 0o644)) },
		"mode":    func(dir string) { ok(t, os.Chmod(filepath.Join(dir, "app.py"), 0o755)) },
		"name":    func(dir string) { ok(t, os.Rename(filepath.Join(dir, "app.py"), filepath.Join(dir, "app2.py"))) },
		"removal": func(dir string) { ok(t, os.Remove(filepath.Join(dir, "empty"))) },
	} {
		if digest(sample, change) == first {
			t.Errorf("another %s has the same digest", name)
		}
	}
	if digest(nil, nil) == first {
		t.Error("an empty folder has the same digest")
	}
}

func testTreeLimits(t *testing.T, s blob.Store) {
	dir := t.TempDir()
	lay(t, dir, files{"a": "12345", "b": "12345", "c/d": "12345"})
	for _, c := range []struct {
		limits blob.Limits
		code   core.Code
	}{
		{blob.Limits{Files: 3, Bytes: 15}, ""},
		{blob.Limits{Files: 2, Bytes: 15}, core.Exhausted},
		{blob.Limits{Files: 3, Bytes: 14}, core.Exhausted},
	} {
		_, _, err := blob.Snapshot(t.Context(), s, orgA, dir, c.limits)
		wantCode(t, "snapshot", err, c.code)
		if c.code != "" && core.HintOf(err) == "" {
			t.Errorf("%v has no hint", err)
		}
	}
	for i := range 10 { // links and folders count as well
		ok(t, os.Symlink("a", filepath.Join(dir, "c", strings.Repeat("l", i+1))))
	}
	_, _, err := blob.Snapshot(t.Context(), s, orgA, dir, blob.Limits{Files: 5})
	wantCode(t, "snapshot of many links", err, core.Exhausted)
	_, _, err = blob.Snapshot(t.Context(), s, orgA, filepath.Join(dir, "none"), blob.Limits{})
	wantCode(t, "snapshot of nothing", err, core.Unavailable)
}

func testSnapshotSkips(t *testing.T, s blob.Store) {
	outside := t.TempDir()
	lay(t, outside, files{"secret": "s3cret", "sub/secret": "s3cret"})
	dir := t.TempDir()
	lay(t, dir, files{"a": "x", "d/b": "y"})
	for name, target := range map[string]string{
		"abs": filepath.Join(outside, "secret"), "dir": outside, "in": "a", "dangling": "none", "loop": "loop", "d/up": "../../../../../../../etc",
	} {
		ok(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	ok(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	ok(t, os.WriteFile(filepath.Join(dir, `back\slash`), nil, 0o644))
	ok(t, os.WriteFile(filepath.Join(dir, "not\xffutf8"), nil, 0o644))
	_, tree := snapshot(t, s, dir)
	if got := tree.Paths(); !slices.Equal(got, []string{"a", "d/b"}) {
		t.Errorf("the tree has %q", got)
	}
	want := []string{"abs", `back\slash`, "d/up", "dangling", "dir", "in", "loop", "not\xffutf8", "pipe"}
	slices.Sort(tree.Skipped)
	if !slices.Equal(tree.Skipped, want) {
		t.Errorf("skipped %q, want %q", tree.Skipped, want)
	}
}

// testSnapshotRace swaps files for links to the outside while snapshots are
// made, and sees that nothing from there gets in.
func testSnapshotRace(t *testing.T, s blob.Store) {
	outside, dir := t.TempDir(), t.TempDir()
	lay(t, outside, files{"secret": "s3cret"})
	secret := digestOf(t, s, orgA, []byte("s3cret"))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		file, folder, side := filepath.Join(dir, "f"), filepath.Join(dir, "d"), filepath.Join(dir, ".side")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Mkdir(folder, 0o755)
			_ = os.WriteFile(filepath.Join(folder, "secret"), []byte("fine"), 0o644)
			_ = os.WriteFile(file, []byte("fine"), 0o644)
			_ = os.Symlink(filepath.Join(outside, "secret"), side)
			_ = os.Rename(side, file)
			_ = os.RemoveAll(folder)
			_ = os.Symlink(outside, folder)
			_ = os.Remove(file)
			_ = syscall.Mkfifo(file, 0o644)
			_ = os.Remove(folder)
			_ = os.Remove(file)
		}
	}()
	for range 200 {
		_, tree, err := blob.Snapshot(t.Context(), s, orgA, dir, blob.Limits{})
		if err != nil {
			t.Errorf("snapshot: %v", err)
			break
		}
		for p, f := range tree.Files {
			if f.Digest == secret {
				t.Errorf("%s came from outside", p)
			}
		}
	}
	close(stop)
	<-stopped
	_, err := s.Open(t.Context(), orgA, secret)
	wantCode(t, "open what is outside", err, core.NotFound)
}

func testCheckoutIsExact(t *testing.T, s blob.Store) {
	src, dst := t.TempDir(), t.TempDir()
	lay(t, src, files{"keep": "same", "change": "new", "mode*": "m", "a": "was a folder", "b/c": "was a file", "link": "was a link"})
	d, _ := snapshot(t, s, src)
	lay(t, dst, files{"keep": "same", "change": "old", "mode": "m", "a/x/y": "gone", "b": "gone", "gone": "gone", "gone.d/e/f": "gone"})
	ok(t, os.Symlink("keep", filepath.Join(dst, "link")))
	ok(t, syscall.Mkfifo(filepath.Join(dst, "pipe"), 0o600))
	ok(t, os.MkdirAll(filepath.Join(dst, "hollow", "deep"), 0o500))
	ok(t, os.Chmod(filepath.Join(dst, "gone.d"), 0))
	ok(t, os.Chmod(filepath.Join(dst, "change"), 0o400))
	before, err := os.Stat(filepath.Join(dst, "keep"))
	ok(t, err)
	for range 2 {
		ok(t, blob.Checkout(t.Context(), s, orgA, d, dst))
		if diff := cmp.Diff(held(t, src), held(t, dst)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if after, err := os.Stat(filepath.Join(dst, "keep")); err != nil || !os.SameFile(before, after) {
		t.Errorf("an unchanged file was written again (%v)", err)
	}
}

// testCheckoutStaysInside checks out over links that lead out.
func testCheckoutStaysInside(t *testing.T, s blob.Store) {
	src, dst, outside := t.TempDir(), t.TempDir(), t.TempDir()
	lay(t, src, files{"d/f": "new", "f": "new", "e/f": "new"})
	d, _ := snapshot(t, s, src)
	victim := files{"f": "theirs", "sub/g": "theirs"}
	lay(t, outside, victim)
	ok(t, os.Symlink(outside, filepath.Join(dst, "d")))
	ok(t, os.Symlink(filepath.Join(outside, "f"), filepath.Join(dst, "f")))
	ok(t, os.Symlink(outside, filepath.Join(dst, "gone")))
	ok(t, os.Mkdir(filepath.Join(dst, "e"), 0o755))
	ok(t, os.Link(filepath.Join(outside, "f"), filepath.Join(dst, "e", "f")))
	ok(t, blob.Checkout(t.Context(), s, orgA, d, dst))
	if diff := cmp.Diff(held(t, src), held(t, dst)); diff != "" {
		t.Errorf("checked out (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(victim, held(t, outside)); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

// testCheckoutHeals breaks off a checkout, as a crash would, and repeats it.
func testCheckoutHeals(t *testing.T, s blob.Store) {
	src, dst := t.TempDir(), t.TempDir()
	lay(t, src, sample)
	d, tree := snapshot(t, s, src)
	missing := tree.Files["big"].Digest
	ok(t, s.Delete(t.Context(), orgA, missing))
	wantCode(t, "checkout without a blob", blob.Checkout(t.Context(), s, orgA, d, dst), core.NotFound)
	lay(t, dst, files{".checkout-LEFTOVER": "half a fi", "static/.checkout-LEFTOVER": ""})
	put(t, s, orgA, []byte(sample["big"]))
	ok(t, blob.Checkout(t.Context(), s, orgA, d, dst))
	if diff := cmp.Diff(sample, held(t, dst)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func testLoadRefuses(t *testing.T, s blob.Store) {
	for name, content := range map[string]string{
		"not a tree": "hello",
		"an escape":  `{"files":{"../x":{"digest":"` + string(blob.DigestOf(nil)) + `","size":0}}}`,
		"too long":   strings.Repeat(" ", 17<<20),
	} {
		d := put(t, s, orgA, []byte(content))
		_, err := blob.Load(t.Context(), s, orgA, d)
		wantCode(t, name, err, core.Invalid)
		dir := filepath.Join(t.TempDir(), "x")
		wantCode(t, "checkout of "+name, blob.Checkout(t.Context(), s, orgA, d, dir), core.Invalid)
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s made a folder", name)
		}
	}
	// A tree that says another size than its blob has.
	lie := blob.Tree{Files: map[string]blob.TreeFile{"a": {Digest: put(t, s, orgA, []byte("abc")), Size: 2}}}
	d, err := lie.Save(t.Context(), s, orgA)
	ok(t, err)
	wantCode(t, "a wrong size", blob.Checkout(t.Context(), s, orgA, d, t.TempDir()), core.Internal)
}

// testTreeModel checks random folders out over one another.
func testTreeModel(t *testing.T, s blob.Store) {
	dst := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.MapOfN(
			rapid.SampledFrom([]string{"a", "b*", "c/a", "c/d/a*", "c/d/b", "e/f/g"}),
			rapid.SampledFrom([]string{"", "x", "y", "long"}), 0, 6).Draw(rt, "files")
		if rapid.Bool().Draw(rt, "other shape") { // what was a file is a folder and back
			delete(want, "a")
			want["a/b"], want["c"] = "z", "z"
			maps.DeleteFunc(want, func(p, _ string) bool { return strings.HasPrefix(p, "c/") })
		}
		src, err := os.MkdirTemp(t.TempDir(), "")
		ok(t, err)
		lay(t, src, want)
		d, _ := snapshot(t, s, src)
		ok(t, blob.Checkout(rt.Context(), s, orgA, d, dst))
		if diff := cmp.Diff(files(want), held(t, dst)); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
		if again, _ := snapshot(t, s, dst); again != d {
			rt.Fatalf("a checked out tree has another digest")
		}
	})
}
