package app

import (
	"context"
	"fmt"
	"strconv"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// maxFile is the longest file that is read into memory whole.
const maxFile = 1 << 20

// File is a file of a version.
type File struct {
	Path       string `json:"path"` // slash-separated, below the app's root
	Size       int64  `json:"size"` // bytes
	Executable bool   `json:"executable,omitempty"`
}

// Files returns a version's files by path, in order; 0 is the current version.
func (s *Service) Files(ctx context.Context, scope core.Scope, app core.AppID, number int) ([]File, error) {
	tree, err := s.tree(ctx, scope, app, number)
	if err != nil {
		return nil, err
	}
	out := make([]File, 0, len(tree.Files))
	for _, path := range tree.Paths() {
		f := tree.Files[path]
		out = append(out, File{Path: path, Size: f.Size, Executable: f.Exec})
	}
	return out, nil
}

// ReadFile returns one file of a version, up to 1 MiB; exhausted if it is longer.
func (s *Service) ReadFile(ctx context.Context, scope core.Scope, app core.AppID, number int, path string) ([]byte, error) {
	tree, err := s.tree(ctx, scope, app, number)
	if err != nil {
		return nil, err
	}
	return s.readFile(ctx, scope.Org, tree, path)
}

// Diff returns the files that differ from version a to version b: see blob.Diff.
func (s *Service) Diff(ctx context.Context, scope core.Scope, app core.AppID, a, b int) ([]blob.FileDiff, error) {
	from, err := s.Version(ctx, scope, app, a)
	if err != nil {
		return nil, err
	}
	to, err := s.Version(ctx, scope, app, b)
	if err != nil {
		return nil, err
	}
	return blob.Diff(ctx, s.blobs, scope.Org, from.Tree, to.Tree)
}

func (s *Service) tree(ctx context.Context, scope core.Scope, app core.AppID, number int) (blob.Tree, error) {
	v, err := s.Version(ctx, scope, app, number)
	if err != nil {
		return blob.Tree{}, err
	}
	return blob.Load(ctx, s.blobs, scope.Org, v.Tree)
}

func (s *Service) readFile(ctx context.Context, org core.OrgID, tree blob.Tree, path string) ([]byte, error) {
	f, ok := tree.Files[path]
	if !ok {
		return nil, core.E(core.NotFound, "app.file", "the version has no file "+strconv.Quote(path)).WithHint("isekai app files lists them")
	}
	if f.Size > maxFile {
		return nil, core.E(core.Exhausted, "app.file", fmt.Sprintf("%s has %d bytes, more than can be shown", path, f.Size)).
			WithHint("export the version to get it")
	}
	return s.readBlob(ctx, org, f.Digest)
}

func (s *Service) readBlob(ctx context.Context, org core.OrgID, d core.Digest) ([]byte, error) {
	data, size, err := blob.Head(ctx, s.blobs, org, d, maxFile)
	if err == nil && size > maxFile {
		err = core.E(core.Internal, "app.file", fmt.Sprintf("a file of %d bytes", size))
	}
	if err != nil {
		return nil, fmt.Errorf("app.file: %w", err)
	}
	return data, nil
}
