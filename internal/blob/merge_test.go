package blob_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
)

func merger(t *testing.T) (save func(files string) core.Digest, load func(core.Digest) string, merge func(base, ours, theirs core.Digest) (core.Digest, []string)) {
	t.Helper()
	const org = "org_a"
	s, err := local.Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	save = func(files string) core.Digest {
		tree := blob.Tree{Files: map[string]blob.TreeFile{}}
		for _, f := range strings.Fields(files) {
			path, text, _ := strings.Cut(f, "=")
			d, n, err := s.Put(t.Context(), org, strings.NewReader(text), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			tree.Files[path] = blob.TreeFile{Digest: d, Size: n}
		}
		d, err := tree.Save(t.Context(), s, org)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	load = func(d core.Digest) string {
		tree, err := blob.Load(t.Context(), s, org, d)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, path := range slices.Sorted(maps.Keys(tree.Files)) {
			b, _, err := blob.Head(t.Context(), s, org, tree.Files[path].Digest, 100)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, path+"="+string(b))
		}
		return strings.Join(all, " ")
	}
	merge = func(base, ours, theirs core.Digest) (core.Digest, []string) {
		d, conflicts, err := blob.Merge(t.Context(), s, org, base, ours, theirs)
		if err != nil {
			t.Fatal(err)
		}
		return d, conflicts
	}
	return save, load, merge
}

func TestMerge(t *testing.T) {
	t.Parallel()
	save, load, merge := merger(t)
	for name, c := range map[string]struct{ base, ours, theirs, want, conflicts string }{
		"nothing":                    {"a=1", "a=1", "a=1", "a=1", ""},
		"theirs alone":               {"a=1", "a=1", "a=2 b=1", "a=2 b=1", ""},
		"ours alone":                 {"a=1", "a=2 b=1", "a=1", "a=2 b=1", ""},
		"both, elsewhere":            {"a=1 b=1 c=1", "a=2 b=1 c=1", "a=1 b=1 d=1", "a=2 b=1 d=1", ""},
		"both alike":                 {"a=1", "a=2 b=3", "a=2 b=3 c=1", "a=2 b=3 c=1", ""},
		"both, otherwise":            {"a=1", "a=2", "a=3 b=1", "a=2 b=1", "a"},
		"both added":                 {"", "a=2", "a=3", "a=2", "a"},
		"removed and changed":        {"a=1 b=1", "b=1", "a=2 b=1", "b=1", "a"},
		"changed and removed":        {"a=1 b=1", "a=2 b=1", "b=1", "a=2 b=1", "a"},
		"a folder for a file":        {"a=1", "a=1 b=1", "a/x=1", "a/x=1 b=1", ""},
		"a file for a folder":        {"a/x=1", "a/x=1 b=1", "a=1", "a=1 b=1", ""},
		"a folder and a file":        {"c=1", "a=1 c=1", "a/x/y=1 c=1", "a=1 c=1", "a/x/y"},
		"a file and a folder":        {"c=1", "a/x=1 c=1", "a=1 c=1", "a/x=1 c=1", "a"},
		"a file that has a folder's": {"a/x=1", "a/x=1 a/y=1", "a=1", "a/y=1", "a"},
	} {
		got, conflicts := merge(save(c.base), save(c.ours), save(c.theirs))
		if load(got) != c.want || strings.Join(conflicts, " ") != c.conflicts {
			t.Errorf("%s: %q with conflicts %q, want %q with %q", name, load(got), conflicts, c.want, c.conflicts)
		}
	}
}

// What only one has changed is as they have it, what both have changed is named, and where nothing
// is, the order doesn't matter.
func TestMergeLaws(t *testing.T) {
	t.Parallel()
	save, load, merge := merger(t)
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(what string) string {
			var all []string
			for _, path := range []string{"a", "b", "c/d", "c/e", "f"} {
				if v := rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, what+path); v != "" {
					all = append(all, path+"="+v)
				}
			}
			return strings.Join(all, " ")
		}
		base, ours, theirs := save(draw("base")), save(draw("ours")), save(draw("theirs"))
		one, c1 := merge(base, ours, theirs)
		two, c2 := merge(base, theirs, ours)
		if diff := cmp.Diff(c1, c2); diff != "" || len(c1) == 0 && one != two {
			rt.Fatalf("another way round: %s\n%s\n%s", diff, load(one), load(two))
		}
		if again, _ := merge(base, one, ours); len(c1) == 0 && again != one {
			rt.Fatalf("merged again it is %q, and was %q", load(again), load(one))
		}
	})
}
