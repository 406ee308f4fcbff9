package apptest

import (
	"io"
	"os"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// ReadManifest reads and checks the manifest of the app in a folder. not_found:
// there is none. invalid: it isn't right; the message says why.
func ReadManifest(dir string) (core.Manifest, error) {
	root, err := tool.Workspace{Dir: dir}.Open()
	if err != nil {
		return core.Manifest{}, err
	}
	defer root.Close()
	f, err := root.OpenFile(core.ManifestName, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return core.Manifest{}, tool.FileError(core.ManifestName, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return core.Manifest{}, core.E(core.Invalid, "manifest", core.ManifestName+" isn't a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, core.MaxManifest+1))
	if err != nil {
		return core.Manifest{}, tool.FileError(core.ManifestName, err)
	}
	return core.DecodeManifest(b)
}
