// Package archive unpacks archives that nobody vouches for, and packs trees of
// files. What goes into and comes out of an app or a workspace as one file goes
// through it.
//
// It knows regular files and folders. It never follows or makes a link, never
// writes outside the root that it is given, never makes a device or a setuid
// program, never keeps an owner, and never unpacks more than its limits, however
// small the archive is.
package archive

import (
	"github.com/isekai-run/isekai/internal/core"
)

// Format is a kind of archive.
type Format string

// The formats.
const (
	Zip   Format = "zip"
	TarGz Format = "tar.gz"
)

// Limits bound what an archive may hold. Zero means the default of
// DefaultLimits.
type Limits struct {
	Packed  int64 // bytes of the archive
	Bytes   int64 // bytes of all files together
	Entries int   // files and folders
	Ratio   int64 // bytes unpacked for each byte packed, after the first MiB
	Depth   int   // folders in each other
}

// DefaultLimits are the bounds of an archive that names none.
var DefaultLimits = Limits{Packed: 64 << 20, Bytes: 256 << 20, Entries: 10_000, Ratio: 200, Depth: 32}

// OrDefault returns l with every zero replaced by the default.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits
	setDefault(&l.Packed, d.Packed)
	setDefault(&l.Bytes, d.Bytes)
	setDefault(&l.Entries, d.Entries)
	setDefault(&l.Ratio, d.Ratio)
	setDefault(&l.Depth, d.Depth)
	return l
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// ratioGrace is how much may be unpacked whatever the ratio: a small archive of
// a few empty lines compresses well and harms nobody.
const ratioGrace = 1 << 20

// most is how many bytes an archive of the given size may unpack to.
func (l Limits) most(packed int64) int64 {
	if packed > (l.Bytes-ratioGrace)/l.Ratio {
		return l.Bytes
	}
	return min(l.Bytes, packed*l.Ratio+ratioGrace)
}

func invalid(msg string) *core.Error { return core.E(core.Invalid, "archive", msg) }

func exhausted(msg string) *core.Error { return core.E(core.Exhausted, "archive", msg) }
