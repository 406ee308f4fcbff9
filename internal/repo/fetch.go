package repo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// fetchTime bounds how long files are fetched.
const fetchTime = 2 * time.Minute

// Fetch writes the newest files of a folder of a repository, at their paths, below into, which
// is empty, and returns the commit that they are of. The repository is at from's URL, reached
// with its Credential and HostKey, and From is a branch or a tag; "" is the repository's own.
// Folder "" is all of it. The repository is none of the project's, and nothing else is kept of it.
// invalid: the folder has what isn't a file; otherwise what Add says.
func (s *Service) Fetch(ctx context.Context, scope core.Scope, from core.Checkout, folder string, into *os.Root) (commit string, err error) {
	const op = "repository.fetch"
	u, err := Wish{Name: "once", URL: from.URL, Branch: from.From, Credential: from.Credential, HostKey: from.HostKey}.check()
	if err != nil {
		return "", err
	}
	bounded, stop := context.WithTimeout(ctx, fetchTime)
	defer stop()
	r := Repository{URL: u.String(), Credential: from.Credential, HostKey: from.HostKey}
	limits := s.cfg.Limits
	limits.Commits = 1 // of history nothing is wanted
	err = s.opened(bounded, scope, r, limits, func(d *gitdir.Dir, remote gitdir.Remote, _ blob.Folder) error {
		got, err := d.Fetch(bounded, remote, from.From)
		if err != nil {
			return err
		}
		all, err := d.Tree(bounded, got.Commit)
		if err != nil {
			return err
		}
		commit = got.Commit
		wanted := gitdir.Tree{Files: map[string]gitdir.File{}, Others: map[string]gitdir.Other{}}
		for name, f := range all.Files {
			if within(name, folder) {
				wanted.Files[name] = f
			}
		}
		for name, o := range all.Others {
			if within(name, folder) {
				wanted.Others[name] = o
			}
		}
		if left := wanted.Left(); len(left) > 0 {
			return core.E(core.Invalid, op, "the repository has what isn't a file there: "+left[0]).WithHint("have files alone in the folder, and no links or submodules")
		}
		lfs, err := d.Put(bounded, into, gitdir.Tree{}, wanted)
		if err == nil && len(lfs) > 0 {
			err = core.E(core.Invalid, op, "Git LFS keeps a file elsewhere, which isn't fetched: "+lfs[0]).WithHint("have the file itself in the repository")
		}
		return err
	})
	switch {
	case err != nil && bounded.Err() != nil && ctx.Err() == nil:
		err = core.E(core.Unavailable, op, "the repository didn't come within "+fetchTime.String()).WithHint("try again, or give a smaller repository")
	case core.CodeOf(err) == core.Exhausted && core.HintOf(err) == "":
		err = core.E(core.Exhausted, op, "the repository is too large to be fetched").WithHint("give a smaller one, or add the folder from your own machine").Because(err)
	}
	return commit, err
}

// within reports whether a path is a folder's or below it.
func within(name, folder string) bool {
	return folder == "" || name == folder || strings.HasPrefix(name, folder+"/")
}

// opened has use work on a repository in a folder of this call's own, which begins with the
// repository's state. It waits for one of the few places.
func (s *Service) opened(ctx context.Context, scope core.Scope, r Repository, limits gitdir.Limits, use func(*gitdir.Dir, gitdir.Remote, blob.Folder) error) error {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	remote, err := s.remote(ctx, scope, r)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.cfg.Dir, string(scope.Org))
	blob.Tidy(dir, idle)
	f := blob.Folder(filepath.Join(dir, core.NewID("rep")))
	defer f.Remove()
	if err := f.Restore(ctx, s.cfg.Blobs, scope.Org, r.State); err != nil {
		return err
	}
	d, err := gitdir.Open(string(f), limits)
	if err != nil {
		return err
	}
	defer d.Close()
	return use(d, remote, f)
}
