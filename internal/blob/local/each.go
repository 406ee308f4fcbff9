package local

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

var _ blob.Lister = (*Store)(nil)

// Each implements blob.Lister.
func (s *Store) Each(ctx context.Context, f func(org core.OrgID, d core.Digest) error) error {
	const op = "blob.each"
	orgs, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return translate(op, err)
	}
	for _, o := range orgs {
		org := core.OrgID(o.Name())
		if !core.ValidID("org", o.Name()) || !o.IsDir() {
			continue
		}
		err := fs.WalkDir(s.root.FS(), o.Name(), func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !e.Type().IsRegular() {
				return ctx.Err()
			}
			if err != nil {
				return err
			}
			d, err := blob.ParseDigest(core.Digest("sha256:" + path.Base(name)))
			if err != nil {
				return nil // no blob of ours
			}
			return f(org, core.Digest("sha256:"+d))
		})
		if err != nil {
			return translate(op, err)
		}
	}
	return nil
}
