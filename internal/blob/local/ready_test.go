package local

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// TestWhatIsKnownOfFoldersIsBounded, however many orgs come by.
func TestWhatIsKnownOfFoldersIsBounded(t *testing.T) {
	t.Parallel()
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for i := range maxReady {
		s.ready[fmt.Sprint("org_", i)] = true
	}
	for i := range 3 {
		if _, _, err := s.Put(t.Context(), core.OrgID(fmt.Sprint("org_new", i)), strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		if len(s.ready) > maxReady {
			t.Fatalf("%d folders are known, more than %d", len(s.ready), maxReady)
		}
	}
	if len(s.ready) < 2 {
		t.Errorf("%d folders are known after three new ones", len(s.ready))
	}
}
