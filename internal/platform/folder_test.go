package platform

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// No task gets the folder with the token and the database, by whatever name.
func TestRealFolder(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	data, project := filepath.Join(home, ".local", "isekai"), filepath.Join(home, "project")
	for _, dir := range []string{filepath.Join(data, "blobs"), project, data + "-other"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link, file := filepath.Join(home, "link"), filepath.Join(home, "file")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]core.Code{
		project: "", data + "-other": "", filepath.Join(home, "..") + "/" + filepath.Base(home) + "/project": "",
		"/": core.Invalid, home: core.Invalid, filepath.Dir(data): core.Invalid, data: core.Invalid, filepath.Join(data, "blobs"): core.Invalid,
		link: core.Invalid, filepath.Join(link, "blobs"): core.Invalid, file: core.Invalid, filepath.Join(home, "nowhere"): core.Invalid,
	} {
		if _, err := realFolder(data, path); core.CodeOf(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	elsewhere := filepath.Join(home, "elsewhere")
	if err := os.Symlink(project, elsewhere); err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(project)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := realFolder(data, elsewhere); err != nil || got != want {
		t.Errorf("a link to %s became %s: %v", want, got, err)
	}
	if _, err := realFolder(link, data); core.CodeOf(err) != core.Invalid {
		t.Errorf("the data directory is named by a link: %v", err)
	}
}
