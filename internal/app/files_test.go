package app

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

// twoVersions publishes an app and a change of it.
func twoVersions(t *testing.T) (*rig, core.AppID) {
	r, app := newRig(t), newApp()
	one := r.app("One", "one")
	r.write(one, "server.py", "a\nb\nc\n")
	r.write(one, "gone.txt", "going\n")
	r.write(one, "logo.png", "\x89PNG\x00one")
	r.publish(app, 0, one)
	two := r.app("One", "one")
	r.write(two, "server.py", "a\nB\nc\n")
	r.write(two, "new.txt", "new\n")
	r.write(two, "logo.png", "\x89PNG\x00two")
	r.write(two, "large.txt", strings.Repeat("x\n", 256<<10))
	r.write(two, "run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(two, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.publish(app, 1, two)
	return r, app
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r, app := twoVersions(t)
	files, err := r.Files(t.Context(), r.scope, app, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprint(f.Path, " ", f.Executable))
	}
	want := []string{"isekai.json false", "large.txt false", "logo.png false", "new.txt false", "run.sh true", "server.py false", "static/style.css false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	for version, want := range map[int]string{0: "a\nB\nc\n", 1: "a\nb\nc\n", 2: "a\nB\nc\n"} {
		if b, err := r.ReadFile(t.Context(), r.scope, app, version, "server.py"); err != nil || string(b) != want {
			t.Errorf("version %d: %q, %v", version, b, err)
		}
	}
	for _, path := range []string{"", ".", "..", "../isekai.db", "/etc/passwd", "gone.txt", "static", "static/../server.py"} {
		if _, err := r.ReadFile(t.Context(), r.scope, app, 2, path); core.CodeOf(err) != core.NotFound {
			t.Errorf("%q: %v; want not_found", path, err)
		}
	}
	if _, err := r.Files(t.Context(), r.scope, app, 3); core.CodeOf(err) != core.NotFound {
		t.Errorf("files of a version to come: %v", err)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	r, app := twoVersions(t)
	got, err := r.Diff(t.Context(), r.scope, app, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []blob.FileDiff{
		{Path: "gone.txt", Change: blob.Removed, Unified: "--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-going\n"},
		{Path: "large.txt", Change: blob.Added, TooLong: true},
		{Path: "logo.png", Change: blob.Modified, Binary: true},
		{Path: "new.txt", Change: blob.Added, Unified: "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+new\n"},
		{Path: "run.sh", Change: blob.Added, Unified: "--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n"},
		{Path: "server.py", Change: blob.Modified, Unified: "--- a/server.py\n+++ b/server.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if same, err := r.Diff(t.Context(), r.scope, app, 2, 2); err != nil || len(same) != 0 {
		t.Fatalf("a version differs from itself: %v, %v", same, err)
	}
}

func TestExportIsReproducible(t *testing.T) {
	t.Parallel()
	r, app := twoVersions(t)
	root := r.get(app).Name + "-v2/"
	for format, read := range map[archive.Format]func(*testing.T, []byte) map[string]string{archive.Zip: readZip, archive.TarGz: readTar} {
		var first, second bytes.Buffer
		for _, w := range []*bytes.Buffer{&first, &second} {
			if err := r.Export(t.Context(), r.scope, app, 0, format, w); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: two exports of one version differ", format)
		}
		files := read(t, first.Bytes())
		if len(files) != 7 || files[root+"server.py -rw-r--r--"] != "a\nB\nc\n" || files[root+"run.sh -rwxr-xr-x"] == "" {
			t.Errorf("%s holds %v", format, files)
		}
	}
	var none bytes.Buffer
	if err := r.Export(t.Context(), r.scope, app, 0, "rar", &none); core.CodeOf(err) != core.Invalid || none.Len() != 0 {
		t.Errorf("an unknown format: %v, %d bytes", err, none.Len())
	}
}

func readZip(t *testing.T, b []byte) map[string]string {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name+" "+f.Mode().String()] = string(data)
	}
	return files
}

func readTar(t *testing.T, b []byte) map[string]string {
	gz, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name+" "+h.FileInfo().Mode().String()] = string(data)
	}
}

// TestNobodyElseReadsAnApp: the data directory may have been made readable by
// everybody; what is in it for apps isn't.
func TestNobodyElseReadsAnApp(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.start(app)
	home := r.folder(r.scope.Org, app)
	for _, dir := range []string{filepath.Dir(filepath.Dir(home)), filepath.Dir(home), home, filepath.Join(home, "data")} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o", dir, mode)
		}
	}
}

// TestMissingBlobs: an app whose files are lost is there, and doesn't start.
func TestMissingBlobs(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	empty, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = empty.Close() })
	_, err = r.open(r.store, empty, r.double).Start(t.Context(), r.scope, app, 0)
	if core.CodeOf(err) != core.Internal || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
}
