package gitdir

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
)

// Change is a file that differs between two trees.
type Change struct {
	Path string `json:"path"`
	Kind string `json:"kind"` // "added", "changed", "deleted"
}

// Changes returns the files that differ, in order.
func Changes(from, to Tree) []Change {
	all := []Change{}
	for name, f := range from.Files {
		switch now, there := to.Files[name]; {
		case !there:
			all = append(all, Change{name, "deleted"})
		case now.Hash != f.Hash || now.Exec != f.Exec:
			all = append(all, Change{name, "changed"})
		}
	}
	for _, name := range slices.Collect(maps.Keys(to.Files)) {
		if _, there := from.Files[name]; !there {
			all = append(all, Change{name, "added"})
		}
	}
	slices.SortFunc(all, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// maxDiffed bounds the files that a diff looks into, in bytes.
const maxDiffed = 1 << 20

// Patch writes changes as git does, so that git apply takes them, up to limit bytes; whole
// reports whether that was all. Bytes come from before and after.
func Patch(from, to Tree, changes []Change, limit int, before, after func(File, string) ([]byte, error)) (text string, whole bool, err error) {
	var b strings.Builder
	for _, c := range changes {
		old, now := from.Files[c.Path], to.Files[c.Path]
		was, err := bytesOf(before, old, c.Path, c.Kind != "added")
		if err != nil {
			return "", false, err
		}
		is, err := bytesOf(after, now, c.Path, c.Kind != "deleted")
		if err != nil {
			return "", false, err
		}
		one := header(c, old, now) + body(c, was, is)
		if b.Len()+len(one) > limit {
			return b.String(), false, nil
		}
		b.WriteString(one)
	}
	return b.String(), true, nil
}

func bytesOf(get func(File, string) ([]byte, error), f File, name string, there bool) ([]byte, error) {
	if !there || f.Size > maxDiffed {
		return nil, nil
	}
	return get(f, name)
}

func header(c Change, old, now File) string {
	mode := func(f File) string {
		if f.Exec {
			return "100755"
		}
		return "100644"
	}
	s := fmt.Sprintf("diff --git a/%s b/%s\n", c.Path, c.Path)
	switch {
	case c.Kind == "added":
		s += "new file mode " + mode(now) + "\n"
	case c.Kind == "deleted":
		s += "deleted file mode " + mode(old) + "\n"
	case old.Exec != now.Exec:
		s += "old mode " + mode(old) + "\nnew mode " + mode(now) + "\n"
	}
	if old.Size > maxDiffed || now.Size > maxDiffed {
		s += "Files differ, and are too large to be compared here\n"
	}
	return s
}

func body(c Change, was, is []byte) string {
	switch {
	case bytes.Equal(was, is):
		return ""
	case isBinary(was) || isBinary(is):
		return fmt.Sprintf("Binary files a/%s and b/%s differ\n", c.Path, c.Path)
	}
	from, to := "a/"+c.Path, "b/"+c.Path
	if c.Kind == "added" {
		from = "/dev/null"
	}
	if c.Kind == "deleted" {
		to = "/dev/null"
	}
	return udiff.Unified(from, to, string(was), string(is))
}

// isBinary reports whether git would take bytes for something else than text.
func isBinary(b []byte) bool {
	return bytes.IndexByte(b[:min(len(b), 8000)], 0) >= 0 || !utf8.Valid(b)
}

// At returns the changes at or below paths; all if there are none.
func At(changes []Change, paths []string) []Change {
	if len(paths) == 0 {
		return changes
	}
	return slices.DeleteFunc(changes, func(c Change) bool {
		return !slices.ContainsFunc(paths, func(p string) bool { return p == "." || c.Path == p || strings.HasPrefix(c.Path, p+"/") })
	})
}
