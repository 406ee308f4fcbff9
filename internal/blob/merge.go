package blob

import (
	"context"
	"maps"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
)

// Merge brings what changed from base to theirs into ours, file by file, and returns the tree
// and the paths, in order, that both have changed in different ways: there ours stays. "" is the
// tree without a file. A file where the other side has a folder is changed by both.
func Merge(ctx context.Context, s Store, org core.OrgID, base, ours, theirs core.Digest) (merged core.Digest, conflicts []string, err error) {
	if theirs == base || theirs == ours {
		return ours, nil, nil
	}
	if ours == base {
		return theirs, nil, nil
	}
	var trees [3]Tree
	for i, d := range []core.Digest{base, ours, theirs} {
		if d == "" {
			continue
		}
		if trees[i], err = Load(ctx, s, org, d); err != nil {
			return "", nil, err
		}
	}
	out := Tree{Files: maps.Clone(trees[1].Files)}
	if out.Files == nil {
		out.Files = map[string]TreeFile{}
	}
	var added []pair
	for _, p := range pairs(trees[0], trees[2]) {
		mine, have := trees[1].Files[p.path]
		is := func(f *TreeFile) bool { return have == (f != nil) && (f == nil || mine == *f) }
		switch {
		case is(p.to):
		case !is(p.from):
			conflicts = append(conflicts, p.path)
		case p.to == nil:
			delete(out.Files, p.path)
		default:
			added = append(added, p)
		}
	}
	folders := out.folders()
	for _, p := range added {
		if folders[p.path] || out.below(p.path) {
			conflicts = append(conflicts, p.path)
			continue
		}
		out.Files[p.path] = *p.to
		for i, c := range p.path {
			if c == '/' {
				folders[p.path[:i]] = true
			}
		}
	}
	slices.Sort(conflicts)
	merged, err = out.Save(ctx, s, org)
	return merged, conflicts, err
}

// below reports whether the tree has a file where path needs a folder.
func (t Tree) below(path string) bool {
	for i, c := range path {
		if _, file := t.Files[path[:i]]; c == '/' && file {
			return true
		}
	}
	return false
}
