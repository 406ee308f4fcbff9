package archive_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

var formats = []archive.Format{archive.Zip, archive.TarGz}

// unpack unpacks b into a new folder, beside which lies a file that must stay as
// it is.
func unpack(t testing.TB, b []byte, f archive.Format, l archive.Limits) (dir string, err error) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(parent, "outside"), []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	err = archive.Unpack(t.Context(), root, bytes.NewReader(b), int64(len(b)), f, l)
	beside, e := os.ReadDir(parent)
	if e != nil || len(beside) != 2 {
		t.Errorf("something was made outside: %v, %v", beside, e)
	}
	if b, e := os.ReadFile(filepath.Join(parent, "outside")); e != nil || string(b) != "untouched" {
		t.Errorf("the file outside is %q, %v", b, e)
	}
	return dir, err
}

// tree is what lies in a folder: content by path, folders with a slash.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			all[name+"/"] = ""
		case !d.Type().IsRegular() || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0:
			t.Errorf("%s is %v", name, info.Mode())
		default:
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			all[name] = string(b)
			if info.Mode()&0o100 != 0 {
				all[name] += " (executable)"
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUnpackGivesBackWhatWasPacked(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		pack := func() []byte {
			var b bytes.Buffer
			w, err := archive.NewWriter(&b, f, time.Unix(1e9, 5))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range []struct {
				name, text string
				exec       bool
			}{{"a.txt", "hello", false}, {"d/e/run", "#!", true}, {"empty", "", false}, {"d/ö 1", strings.Repeat("x", 5000), false}} {
				in, err := w.File(file.name, int64(len(file.text)), file.exec)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := in.Write([]byte(file.text)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		b := pack()
		if !bytes.Equal(b, pack()) {
			t.Errorf("%s: the second archive differs from the first", f)
		}
		dir, err := unpack(t, b, f, archive.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"a.txt": "hello", "d/": "", "d/e/": "", "d/e/run": "#! (executable)", "empty": "", "d/ö 1": strings.Repeat("x", 5000)}
		if d := cmp.Diff(want, tree(t, dir)); d != "" {
			t.Errorf("%s: %s", f, d)
		}
	}
}

func TestWriterRefusesNamesThatUnpackWould(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		w, err := archive.NewWriter(&bytes.Buffer{}, f, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", ".", "..", "../a", "/a", "a/", "./a", "a//b", `a\b`, "a\x00", "a\xff"} {
			if _, err := w.File(name, 0, false); core.CodeOf(err) != core.Invalid {
				t.Errorf("%s: %q: %v", f, name, err)
			}
		}
	}
	if _, err := archive.NewWriter(&bytes.Buffer{}, "rar", time.Unix(0, 0)); core.CodeOf(err) != core.Invalid {
		t.Errorf("rar: %v", err)
	}
}

func TestUnpackRefusesWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		b := forge(t, f, entry{name: "a", text: "1"})
		dir := t.TempDir()
		outside := filepath.Join(t.TempDir(), "target")
		if err := os.Symlink(outside, filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		err = archive.Unpack(t.Context(), root, bytes.NewReader(b), int64(len(b)), f, archive.Limits{})
		if core.CodeOf(err) != core.Conflict {
			t.Errorf("%s: over a link: %v", f, err)
		}
		if _, err := os.Lstat(outside); err == nil {
			t.Errorf("%s: it wrote through the link", f)
		}
	}
}

func TestUnpackEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		b := forge(t, f, entry{name: "a", text: "1"})
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := archive.Unpack(ctx, root, bytes.NewReader(b), int64(len(b)), f, archive.Limits{}); core.CodeOf(err) != core.Canceled {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestUnpackReadsTarsOfOthers(t *testing.T) {
	t.Parallel()
	b := forge(t, archive.TarGz, entry{name: "./", kind: '5'}, entry{name: "./d/", kind: '5'}, entry{name: "./d/a", text: "1", mode: 0o4755}, entry{name: "d/", kind: '5'})
	dir, err := unpack(t, b, archive.TarGz, archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"d/": "", "d/a": "1 (executable)"}, tree(t, dir)); d != "" {
		t.Error(d)
	}
}
