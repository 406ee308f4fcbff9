package skill

import (
	"io"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

// Pack writes the skill as a zip archive that Unpack takes. Equal skills make equal archives.
func (p *Package) Pack(w io.Writer) error {
	z, err := archive.NewWriter(w, archive.Zip, time.Unix(0, 0).AddDate(10, 0, 0)) // zip begins in 1980
	if err != nil {
		return err
	}
	for _, f := range p.Files {
		to, err := z.File(p.Name+"/"+f.Path, f.Size, f.Exec)
		if err == nil {
			_, err = to.Write(f.data)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}
