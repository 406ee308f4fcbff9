package platform

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// realFolder returns a folder's path without links, or an invalid error if it
// can't be given to a task or a box: it isn't there, or it holds the data directory
// or lies within it. Who works there could read the token and change the database;
// and the file system's root holds every data directory.
func realFolder(data, path string) (string, error) {
	const op = "workspace"
	real, err := filepath.Abs(path)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return "", core.E(core.Invalid, op, "there is no folder "+path).Because(err)
	}
	if info, err := os.Stat(real); err != nil || !info.IsDir() {
		return "", core.E(core.Invalid, op, path+" isn't a folder").Because(err)
	}
	if d, err := filepath.EvalSymlinks(data); err == nil {
		data = d
	}
	if below(data, real) || below(real, data) {
		return "", core.E(core.Invalid, op, path+" holds Isekai's data directory, or lies within it").
			WithHint("choose the folder of one project; the data directory is " + data)
	}
	return real, nil
}

// below reports whether path is dir or lies within it; both are clean.
func below(path, dir string) bool {
	r, err := filepath.Rel(dir, path)
	return err == nil && r != ".." && !strings.HasPrefix(r, "../")
}
