package repo

import (
	"bytes"
	"context"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// tree stores a commit's files as a tree of blobs: what a task's workspace begins with.
func (s *Service) tree(ctx context.Context, org core.OrgID, d *gitdir.Dir, commit string) (core.Digest, error) {
	files, err := d.Tree(ctx, commit)
	if err != nil {
		return "", err
	}
	t := blob.Tree{Files: make(map[string]blob.TreeFile, len(files.Files))}
	for _, name := range files.Paths() {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		f := files.Files[name]
		text, err := d.Blob(f.Hash, s.cfg.Limits.Object)
		if err != nil {
			return "", err
		}
		digest, size, err := s.cfg.Blobs.Put(ctx, org, bytes.NewReader(text), int64(len(text)))
		if err != nil {
			return "", err
		}
		t.Files[name] = blob.TreeFile{Digest: digest, Size: size, Exec: f.Exec}
	}
	return t.Save(ctx, s.cfg.Blobs, org)
}
