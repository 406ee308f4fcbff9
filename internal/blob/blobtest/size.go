package blobtest

import (
	"bytes"
	"testing"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// testSize: what is stored counts once, of one org, until it is deleted. A store that can't
// be measured has nothing to hold.
func testSize(t *testing.T, s blob.Store) {
	sizer, ok := s.(blob.Sizer)
	if !ok {
		return
	}
	size := func(org core.OrgID, want int64) {
		t.Helper()
		if n, err := sizer.Size(t.Context(), org); err != nil || n != want {
			t.Errorf("%s takes %d, want %d: %v", org, n, want, err)
		}
	}
	put := func(org core.OrgID, n int, seed uint64) core.Digest {
		t.Helper()
		d, _, err := s.Put(t.Context(), org, bytes.NewReader(bytesOf(n, seed)), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	size(orgA, 0)
	put(orgA, 1000, 1)
	put(orgA, 1000, 1)
	d := put(orgA, 70_000, 2)
	put(orgB, 5, 3)
	size(orgA, 71_000)
	size(orgB, 5)
	if err := s.Delete(t.Context(), orgA, d); err != nil {
		t.Fatal(err)
	}
	size(orgA, 1000)
	if _, err := sizer.Size(t.Context(), "../org"); core.CodeOf(err) != core.Invalid {
		t.Errorf("an org that isn't one: %v", err)
	}
}
