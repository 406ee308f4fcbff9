package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

// Export writes a version's files as an archive with one folder, named after
// the app and the version. The same version gives the same bytes every time.
// Nothing is written when it fails before the first byte; after a later failure
// the archive is incomplete and says so by ending early.
func (s *Service) Export(ctx context.Context, scope core.Scope, app core.AppID, number int, format archive.Format, w io.Writer) error {
	st, err := s.Get(ctx, scope, app)
	if err != nil {
		return err
	}
	v, err := s.Version(ctx, scope, app, number)
	if err != nil {
		return err
	}
	return ExportTree(ctx, s.blobs, scope.Org, v.Tree, fmt.Sprintf("%s-v%d", st.Name, v.Number), v.At, format, w)
}

// ExportTree writes the files of a tree as an archive with one folder. See Export.
func ExportTree(ctx context.Context, blobs blob.Store, org core.OrgID, d core.Digest, folder string, at time.Time, format archive.Format, w io.Writer) error {
	tree, err := blob.Load(ctx, blobs, org, d)
	if err != nil {
		return err
	}
	a, err := archive.NewWriter(w, format, at)
	if err != nil {
		return err
	}
	for _, path := range tree.Paths() {
		if err := exportFile(ctx, blobs, org, a, folder+"/"+path, tree.Files[path]); err != nil {
			return fmt.Errorf("export %s: %w", path, err)
		}
	}
	return a.Close()
}

func exportFile(ctx context.Context, blobs blob.Store, org core.OrgID, a *archive.Writer, name string, f blob.TreeFile) error {
	r, err := blobs.Open(ctx, org, f.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := a.File(name, f.Size, f.Exec)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}
