package skill

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// Fetcher gets files of repositories. Where it may go, and what it may take, is its own to check.
type Fetcher interface {
	// Fetch writes the files of a folder of a repository, at their paths, below into, which is
	// empty, and returns the commit that they are of. From is a branch or a tag of it.
	Fetch(ctx context.Context, scope core.Scope, from core.Checkout, folder string, into *os.Root) (commit string, err error)
}

// AddFrom is Add for the skill in a folder of a repository; "": the repository is the skill.
// Its source is the URL, the commit and the folder. invalid: the folder can't be one, or isn't
// a skill; not_found: there is no such folder.
func (s *Service) AddFrom(ctx context.Context, scope core.Scope, owner Owner, f Fetcher, from core.Checkout, folder string) (Added, error) {
	at, err := gitdir.ParseURL(from.URL)
	if err != nil {
		return Added{}, err
	}
	folder = strings.TrimSuffix(folder, "/")
	if folder != "" && blob.CheckPath(folder) != nil {
		return Added{}, core.E(core.Invalid, "skill.add", "the folder can't be one of a repository").WithHint("name it from the repository's root, as in skills/csv")
	}
	dir := s.lent.path("in")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Added{}, noRoom(err)
	}
	into, err := os.MkdirTemp(dir, "git-*")
	if err != nil {
		return Added{}, noRoom(err)
	}
	defer func() { _ = os.RemoveAll(into) }() // what stays is removed with dir
	root, err := os.OpenRoot(into)
	if err != nil {
		return Added{}, noRoom(err)
	}
	defer func() { _ = root.Close() }()
	commit, err := f.Fetch(ctx, scope, from, folder, root)
	if err != nil {
		return Added{}, err
	}
	pkg, problems, err := readFolder(root, folder)
	if err != nil {
		return Added{}, err
	}
	source := core.Excerpt(at.String(), 300) + "@" + core.Excerpt(commit, 64)
	if folder != "" {
		source += ":" + core.Excerpt(folder, 300)
	}
	out := Added{Problems: problems}
	out.Listed, out.New, err = s.add(ctx, scope, owner, pkg, source)
	return out, err
}

// readFolder reads the skill in a folder of a repository, or in a repository of any name.
func readFolder(root *os.Root, folder string) (*Package, Problems, error) {
	fsys, name := root.FS(), ""
	if folder != "" {
		info, err := root.Lstat(folder)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return nil, nil, core.E(core.NotFound, "skill.add", "the repository has no folder "+core.Excerpt(folder, 200))
		}
		if err != nil {
			return nil, nil, core.E(core.Invalid, "skill.add", "the folder leads out of the repository").Because(err)
		}
		sub, err := fs.Sub(fsys, folder)
		if err != nil {
			return nil, nil, err
		}
		fsys, name = sub, path.Base(folder)
	}
	if _, err := fs.Stat(fsys, Main); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, core.E(core.Invalid, "skill.add", "there is no "+Main+" in "+cmp.Or(core.Excerpt(folder, 200), "the repository's root")).WithHint(elsewhere(fsys, folder))
	}
	pkg, problems, err := Read(fsys, name)
	if err == nil {
		err = problems.Err()
	}
	return pkg, problems, err
}

// elsewhere says where below a folder of a repository skills are: some, if there are many.
func elsewhere(fsys fs.FS, folder string) string {
	const most = 10
	var found []string
	_ = fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error { // what can't be read is none
		switch {
		case err != nil || e.Name() != Main || !e.Type().IsRegular():
			return nil
		case len(found) == most:
			found = append(found, "...")
			return fs.SkipAll
		}
		found = append(found, core.Excerpt(path.Join(folder, path.Dir(name)), 200))
		return nil
	})
	if len(found) == 0 {
		return "a skill is a folder with a file of this very name in it"
	}
	return "name the folder of a skill: " + strings.Join(found, ", ")
}
