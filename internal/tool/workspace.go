package tool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/isekai-run/isekai/internal/core"
)

// Mount is where a sandbox sees the workspace. Paths below it are understood
// everywhere, as models mix the two.
const Mount = "/workspace"

// Open opens the workspace. Nothing that is reached through the result is
// outside: not by "..", not by a link, not by a race with whoever else writes
// there (os.Root resolves each part of a path from an open folder). The caller
// closes it. invalid: the task has no workspace.
func (w Workspace) Open() (*os.Root, error) {
	if w.Dir == "" {
		return nil, core.E(core.Invalid, "workspace", "this task has no workspace")
	}
	r, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, core.E(core.Unavailable, "workspace", "the workspace can't be opened").Because(err)
	}
	return r, nil
}

// Kept returns the folder of the workspace that programs in a sandbox may read and mustn't
// change, if there is one: the .git of a folder of the operator's. What is in there (hooks,
// programs that the configuration names) is run by git on the operator's machine, outside any
// sandbox.
//
// A .git that is a file or a link (a worktree, a submodule) has its content outside the
// workspace, where no program gets; but one can replace it, or make one where there is none,
// since only folders that are there can be kept.
func (w Workspace) Kept() (name string, ok bool) {
	const git = ".git"
	info, err := os.Lstat(filepath.Join(w.Dir, git))
	return git, !w.Managed && err == nil && info.IsDir()
}

// CleanPath returns p as a slash-separated path relative to the workspace; "."
// is the workspace itself. invalid: it leads elsewhere, or can't be a path.
func CleanPath(p string) (string, error) {
	bad := func(why string) (string, error) {
		return "", core.E(core.Invalid, "path", fmt.Sprintf("the path %.100q %s", p, why)).
			WithHint("give a path relative to the workspace, as in src/main.py")
	}
	if len(p) > 4096 {
		return bad("is too long")
	}
	if strings.ContainsFunc(p, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return bad("holds characters that aren't text")
	}
	if p == Mount {
		return ".", nil
	}
	rest := strings.TrimPrefix(p, Mount+"/")
	clean := path.Clean(rest)
	if path.IsAbs(rest) || clean == ".." || strings.HasPrefix(clean, "../") {
		return bad("leads out of the workspace")
	}
	return clean, nil
}

// CheckWrite returns an invalid error for a path that tools mustn't change:
// what is in .git is run by git on the operator's machine, outside any sandbox.
func CheckWrite(clean string) error {
	if clean == "." {
		return core.E(core.Invalid, "path", "the path names the workspace itself, not a file")
	}
	for part := range strings.SplitSeq(clean, "/") {
		if strings.EqualFold(strings.TrimRight(part, ". "), ".git") {
			return core.E(core.Invalid, "path", "files in .git can't be changed by tools")
		}
	}
	return nil
}

// FileError makes an error of the file system one that a model can use: of the
// path that it gave, without the place of the workspace on this machine.
func FileError(clean string, err error) error {
	code, why := core.Invalid, "can't be used"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code, why = core.NotFound, "doesn't exist"
	case errors.Is(err, fs.ErrPermission):
		why = "may not be accessed"
	default:
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		var le *os.LinkError
		if errors.As(err, &le) {
			err = le.Err
		}
		why += ": " + err.Error()
	}
	return core.E(code, "file", clean+" "+why)
}
