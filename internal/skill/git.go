package skill

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// Repository is a folder of a git repository.
type Repository struct {
	URL        string
	Ref        string // a branch, a tag or a commit; "": the default branch
	Folder     string // of the skill; "": the repository's own
	Credential string // the name of the project's to use; "": none
}

// Fetcher gets repositories. Where it may go, and what it may take, is its own to check.
type Fetcher interface {
	// Fetch writes the files of a commit below into, which is empty, and returns the commit's
	// hash. Links may be among them.
	Fetch(ctx context.Context, scope core.Scope, from Repository, into *os.Root) (commit string, err error)
}

// AddFrom is Add for the skill in a repository. Its source is the URL, without a user or
// password, and the commit. invalid: the folder can't be one, or isn't a skill.
func (s *Service) AddFrom(ctx context.Context, scope core.Scope, owner Owner, f Fetcher, from Repository) (Added, error) {
	at, err := url.Parse(from.URL)
	if err != nil || at.Host == "" {
		return Added{}, core.E(core.Invalid, "skill.add", "it isn't the URL of a repository").WithHint("as in https://git.example.org/team/skills")
	}
	if from.Folder != "" && blob.CheckPath(from.Folder) != nil {
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
	commit, err := f.Fetch(ctx, scope, from, root)
	if err != nil {
		return Added{}, err
	}
	pkg, problems, err := readFolder(root, from.Folder)
	if err != nil {
		return Added{}, err
	}
	at.User, at.RawQuery, at.Fragment = nil, "", ""
	out := Added{Problems: problems}
	out.Listed, out.New, err = s.add(ctx, scope, owner, pkg, clip(at.String(), 300)+"@"+clip(commit, 64))
	return out, err
}

// readFolder reads the skill in a folder of a repository, or in a repository of any name.
func readFolder(root *os.Root, folder string) (*Package, Problems, error) {
	fsys, name := root.FS(), ""
	if folder != "" {
		info, err := root.Lstat(folder)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return nil, nil, core.E(core.NotFound, "skill.add", "the repository has no folder "+clip(folder, 200))
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
	pkg, problems, err := Read(fsys, name)
	if err == nil {
		err = problems.Err()
	}
	return pkg, problems, err
}
