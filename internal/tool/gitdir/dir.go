package gitdir

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/isekai-run/isekai/internal/core"
)

// Dir is the repository in a folder. It isn't safe for concurrent use.
type Dir struct {
	path   string
	store  *filesystem.Storage
	limits Limits
}

// Open opens the repository in a folder, which it makes. The folder is the caller's own: what
// is in it was written by this package.
func Open(path string, limits Limits) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, "objects", "pack"), 0o700); err != nil {
		return nil, core.E(core.Unavailable, "git", "the repository can't be opened").Because(err)
	}
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	fs := osfs.New(path, osfs.WithBoundOS())
	// Alternates would lead out of the folder: there is no file system for them.
	s := filesystem.NewStorageWithOptions(fs, cache.NewObjectLRU(16<<20), filesystem.Options{
		AlternatesFS: osfs.New(filepath.Join(path, "objects"), osfs.WithBoundOS()), LargeObjectThreshold: 8 << 20,
	})
	return &Dir{path: path, store: s, limits: limits}, nil
}

// Close releases the files.
func (d *Dir) Close() error { return d.store.Close() }

// failed makes an error of git's one with a code.
func failed(what string, err error) error {
	var known *core.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, plumbing.ErrObjectNotFound), errors.Is(err, plumbing.ErrReferenceNotFound), errors.Is(err, object.ErrParentNotFound):
		return core.E(core.NotFound, "git", what+": it isn't in the repository").Because(err)
	}
	return core.E(core.Unavailable, "git", what).Because(err)
}

// Head returns the commit that a branch is at, or not_found.
func (d *Dir) Head(branch string) (string, error) {
	ref, err := d.store.Reference(plumbing.NewBranchReferenceName(branch))
	if err != nil {
		return "", failed("the branch "+branch, err)
	}
	return ref.Hash().String(), nil
}

// SetHead has a branch be at a commit.
func (d *Dir) SetHead(branch, commit string) error {
	if err := CheckBranch(branch); err != nil {
		return err
	}
	return failed("the branch can't be set", d.store.SetReference(plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), plumbing.NewHash(commit))))
}

// Branches returns the local branches and the commits that they are at.
func (d *Dir) Branches() (map[string]string, error) {
	all := map[string]string{}
	refs, err := d.store.IterReferences()
	if err != nil {
		return nil, failed("the branches can't be read", err)
	}
	err = refs.ForEach(func(r *plumbing.Reference) error {
		if r.Name().IsBranch() && r.Type() == plumbing.HashReference {
			all[r.Name().Short()] = r.Hash().String()
		}
		return nil
	})
	return all, failed("the branches can't be read", err)
}

// Resolve returns the commit that a branch, a tag, a remote branch or the beginning of a hash
// (at least seven digits) names, or not_found.
func (d *Dir) Resolve(name string) (string, error) {
	if plumbing.IsHash(name) {
		_, err := object.GetCommit(d.store, plumbing.NewHash(name))
		return name, failed("the commit "+name, err)
	}
	for _, ref := range []plumbing.ReferenceName{
		plumbing.NewBranchReferenceName(name), plumbing.NewRemoteReferenceName(remoteName, strings.TrimPrefix(name, remoteName+"/")), plumbing.NewTagReferenceName(name),
	} {
		if r, err := d.store.Reference(ref); err == nil {
			return r.Hash().String(), nil
		}
	}
	if len(name) >= 7 && strings.Trim(name, "0123456789abcdef") == "" {
		if hash, ok := d.begins(name); ok {
			return hash, nil
		}
	}
	return "", core.E(core.NotFound, "git", "there is no branch or commit of this name").WithHint("git_branch lists the branches, git_log the commits")
}

// begins finds the one commit whose hash begins so.
func (d *Dir) begins(prefix string) (hash string, one bool) {
	commits, err := d.store.IterEncodedObjects(plumbing.CommitObject)
	if err != nil {
		return "", false
	}
	n := 0
	_ = commits.ForEach(func(o plumbing.EncodedObject) error {
		if h := o.Hash().String(); strings.HasPrefix(h, prefix) {
			hash, n = h, n+1
		}
		return nil
	})
	return hash, n == 1
}

// Log returns commits from one on, the newest first along first parents and all others, up to
// limit. It ends where history wasn't fetched; more reports whether that, or limit, ended it.
func (d *Dir) Log(from string, limit int) (commits []Commit, more bool, err error) {
	seen := map[plumbing.Hash]bool{}
	next := []plumbing.Hash{plumbing.NewHash(from)}
	for len(next) > 0 {
		h := next[0]
		next = next[1:]
		if seen[h] {
			continue
		}
		seen[h] = true
		c, err := object.GetCommit(d.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) && len(commits) > 0 {
			more = true
			continue
		}
		if err != nil {
			return nil, false, failed("the commit "+h.String(), err)
		}
		if len(commits) == limit {
			return commits, true, nil
		}
		commits = append(commits, commitOf(c))
		next = append(next, c.ParentHashes...)
	}
	return commits, more, nil
}

func commitOf(c *object.Commit) Commit {
	one := Commit{
		Hash: c.Hash.String(), When: c.Author.When, Message: strings.ToValidUTF8(c.Message, "?"),
		Author: strings.ToValidUTF8(c.Author.Name+" <"+c.Author.Email+">", "?"),
	}
	for _, p := range c.ParentHashes {
		one.Parents = append(one.Parents, p.String())
	}
	return one
}

// Descends reports whether a commit has another among its ancestors, or is it.
func (d *Dir) Descends(commit, ancestor string) (bool, error) {
	const most = 100_000
	seen := map[plumbing.Hash]bool{}
	next := []plumbing.Hash{plumbing.NewHash(commit)}
	want := plumbing.NewHash(ancestor)
	for len(next) > 0 && len(seen) < most {
		h := next[0]
		next = next[1:]
		if h == want {
			return true, nil
		}
		if seen[h] {
			continue
		}
		seen[h] = true
		c, err := object.GetCommit(d.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) { // not fetched
			continue
		}
		if err != nil {
			return false, failed("the commit "+h.String(), err)
		}
		next = append(next, c.ParentHashes...)
	}
	return false, nil
}

// Blob returns a file's bytes, up to limit; exhausted if it has more.
func (d *Dir) Blob(hash string, limit int64) ([]byte, error) {
	b, err := object.GetBlob(d.store, plumbing.NewHash(hash))
	if err != nil {
		return nil, failed("a file", err)
	}
	if b.Size > limit {
		return nil, core.E(core.Exhausted, "git", "a file is larger than is read")
	}
	r, err := b.Reader()
	if err != nil {
		return nil, failed("a file", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, limit))
	return text, failed("a file", err)
}
