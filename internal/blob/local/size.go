package local

import (
	"context"
	"errors"
	"io/fs"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

var _ blob.Sizer = (*Store)(nil)

// Size implements blob.Sizer.
func (s *Store) Size(ctx context.Context, org core.OrgID) (bytes int64, err error) {
	const op = "blob.size"
	if !core.ValidID("org", string(org)) {
		return 0, core.E(core.Invalid, op, "not an org's id")
	}
	err = fs.WalkDir(s.root.FS(), string(org), func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !e.Type().IsRegular() {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, translate(op, err)
}
