package app

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// Format is a kind of archive.
type Format string

// The formats.
const (
	Zip   Format = "zip"
	TarGz Format = "tar.gz"
)

// Export writes a version's files as an archive with one folder, named after
// the app and the version. The same version gives the same bytes every time.
// Nothing is written when it fails before the first byte; after a later failure
// the archive is incomplete and says so by ending early.
func (s *Service) Export(ctx context.Context, scope core.Scope, app core.AppID, number int, format Format, w io.Writer) error {
	st, err := s.Get(ctx, scope, app)
	if err != nil {
		return err
	}
	v, err := s.Version(ctx, scope, app, number)
	if err != nil {
		return err
	}
	tree, err := blob.Load(ctx, s.blobs, scope.Org, v.Tree)
	if err != nil {
		return err
	}
	var a archive
	switch format {
	case Zip:
		a = &zipArchive{zip.NewWriter(w), v.At}
	case TarGz:
		a = newTarArchive(w, v.At)
	default:
		return core.E(core.Invalid, "app.export", "unknown format "+string(format)).WithHint("use zip or tar.gz")
	}
	root := fmt.Sprintf("%s-v%d/", st.Name, v.Number)
	for _, path := range tree.Paths() {
		if err := s.exportFile(ctx, scope.Org, a, root+path, tree.Files[path]); err != nil {
			return fmt.Errorf("app.export %s: %w", path, err)
		}
	}
	return a.Close()
}

func (s *Service) exportFile(ctx context.Context, org core.OrgID, a archive, name string, f blob.TreeFile) error {
	r, err := s.blobs.Open(ctx, org, f.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	mode := int64(0o644)
	if f.Exec {
		mode = 0o755
	}
	w, err := a.file(name, f.Size, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// archive is what both formats have in common.
type archive interface {
	file(name string, size, mode int64) (io.Writer, error)
	io.Closer
}

type zipArchive struct {
	*zip.Writer
	at time.Time
}

func (a *zipArchive) file(name string, _, mode int64) (io.Writer, error) {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.at.UTC().Truncate(time.Second)}
	h.SetMode(fs.FileMode(mode))
	return a.CreateHeader(h)
}

type tarArchive struct {
	*tar.Writer
	gz *gzip.Writer
	at time.Time
}

func newTarArchive(w io.Writer, at time.Time) *tarArchive {
	gz := gzip.NewWriter(w)
	return &tarArchive{tar.NewWriter(gz), gz, at}
}

func (a *tarArchive) file(name string, size, mode int64) (io.Writer, error) {
	return a.Writer, a.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: mode, ModTime: a.at.UTC().Truncate(time.Second), Format: tar.FormatPAX,
	})
}

func (a *tarArchive) Close() error {
	if err := a.Writer.Close(); err != nil {
		return err
	}
	return a.gz.Close()
}
