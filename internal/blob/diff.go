package blob

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/isekai-run/isekai/internal/core"
)

// Bounds of a diff.
const (
	maxDiffFile = 256 << 10 // bytes of a file on either side; a longer one is only named
	maxDiff     = 1 << 20   // bytes of unified text in all
)

// FileDiff is how one file differs between two trees.
type FileDiff struct {
	Path    string `json:"path"`
	Change  Change `json:"change"`
	Unified string `json:"unified,omitempty"` // empty for a binary, a long or an unshown one
	Binary  bool   `json:"binary,omitempty"`
	TooLong bool   `json:"too_long,omitempty"`
}

// Change says what became of a file.
type Change string

// The changes.
const (
	Added    Change = "added"
	Removed  Change = "removed"
	Modified Change = "modified" // its content, or only its mode
)

// Diff returns the files that differ from one tree to another, by path in order, with unified
// text where it is text and not too long. "" is the tree without a file.
func Diff(ctx context.Context, s Store, org core.OrgID, from, to core.Digest) ([]FileDiff, error) {
	var trees [2]Tree
	for i, d := range []core.Digest{from, to} {
		if d == "" {
			continue
		}
		var err error
		if trees[i], err = Load(ctx, s, org, d); err != nil {
			return nil, err
		}
	}
	var out []FileDiff
	room := maxDiff
	for _, p := range pairs(trees[0], trees[1]) {
		d, err := diffFile(ctx, s, org, p)
		if err != nil {
			return nil, err
		}
		if len(d.Unified) > room {
			d.Unified, d.TooLong = "", true
		}
		room -= len(d.Unified)
		out = append(out, d)
	}
	return out, nil
}

// pair is a file on both sides; nil where it isn't.
type pair struct {
	path     string
	from, to *TreeFile
}

// pairs returns the files that differ, in the order of their paths.
func pairs(from, to Tree) []pair {
	byPath := map[string]pair{}
	for path, f := range from.Files {
		byPath[path] = pair{path: path, from: &f}
	}
	for path, f := range to.Files {
		byPath[path] = pair{path: path, from: byPath[path].from, to: &f}
	}
	out := make([]pair, 0, len(byPath))
	for _, p := range byPath {
		if p.from == nil || p.to == nil || *p.from != *p.to {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b pair) int { return cmp.Compare(a.path, b.path) })
	return out
}

func diffFile(ctx context.Context, s Store, org core.OrgID, p pair) (FileDiff, error) {
	d := FileDiff{Path: p.path, Change: Modified}
	oldName, newName := "a/"+d.Path, "b/"+d.Path
	var text [2][]byte
	for i, f := range []*TreeFile{p.from, p.to} {
		if f == nil {
			continue
		}
		if f.Size > maxDiffFile {
			d.TooLong = true
			continue
		}
		var err error
		if text[i], _, err = Head(ctx, s, org, f.Digest, maxDiffFile); err != nil {
			return d, err
		}
		d.Binary = d.Binary || binary(text[i])
	}
	switch {
	case p.from == nil:
		d.Change, oldName = Added, "/dev/null"
	case p.to == nil:
		d.Change, newName = Removed, "/dev/null"
	}
	if !d.Binary && !d.TooLong {
		d.Unified = udiff.Unified(oldName, newName, string(text[0]), string(text[1]))
	}
	return d, nil
}

func binary(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) }
