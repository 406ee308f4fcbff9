package core_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func TestClip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s       string
		n       int
		clip, e string
	}{
		{"", 0, "", ""}, {"abc", 3, "abc", "abc"}, {"abcd", 3, "abc", "abc…"}, {"abc", 0, "", "…"},
		{"aé", 2, "a", "a…"}, {"aé", 3, "aé", "aé"}, {"世界", 5, "世", "世…"}, {"世", 2, "", "…"}, {"\xff\xfe\xfd", 2, "\xff\xfe", "\xff\xfe…"},
	} {
		if got, e := core.Clip(c.s, c.n), core.Excerpt(c.s, c.n); got != c.clip || e != c.e {
			t.Errorf("%q to %d: %q and %q, want %q and %q", c.s, c.n, got, e, c.clip, c.e)
		}
	}
}
