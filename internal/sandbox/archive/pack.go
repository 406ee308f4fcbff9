package archive

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Writer packs files. The same files in the same order with the same time give
// the same bytes. Close it; it doesn't close what it writes to. Not safe for
// concurrent use.
type Writer struct {
	zip *zip.Writer // one of these is set
	tar *tar.Writer
	gz  *gzip.Writer
	at  time.Time
}

// NewWriter starts an archive in w whose files are all of the time at. An
// unknown format is invalid.
func NewWriter(w io.Writer, format Format, at time.Time) (*Writer, error) {
	at = at.UTC().Truncate(time.Second)
	switch format {
	case Zip:
		return &Writer{zip: zip.NewWriter(w), at: at}, nil
	case TarGz:
		gz := gzip.NewWriter(w)
		return &Writer{tar: tar.NewWriter(gz), gz: gz, at: at}, nil
	}
	return nil, invalid("unknown format " + string(format)).WithHint("use zip or tar.gz")
}

// File begins a file of size bytes. What is written to the result is its
// content, until the next call of File or Close. A name that Unpack would refuse
// is invalid.
func (w *Writer) File(name string, size int64, executable bool) (io.Writer, error) {
	clean, err := cleanName(name, DefaultLimits.Depth)
	if err != nil || clean != name || clean == "." {
		return nil, invalid(fmt.Sprintf("%.80q isn't a name for a file in an archive", name)).Because(err)
	}
	mode := fs.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	if w.zip != nil {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.at}
		h.SetMode(mode)
		return w.zip.CreateHeader(h)
	}
	return w.tar, w.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: int64(mode), ModTime: w.at, Format: tar.FormatPAX,
	})
}

// Close ends the archive. Without it, the archive is damaged.
func (w *Writer) Close() error {
	if w.zip != nil {
		return w.zip.Close()
	}
	if err := w.tar.Close(); err != nil {
		return err
	}
	return w.gz.Close()
}
