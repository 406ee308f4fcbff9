package blob_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
)

// TestFolder: what a crash leaves of a change is undone, and another machine has what was kept.
func TestFolder(t *testing.T) {
	t.Parallel()
	s, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	here, there := blob.Folder(filepath.Join(base, "here/x")), blob.Folder(filepath.Join(base, "there/x"))
	file := func(f blob.Folder) string { return filepath.Join(string(f), "a") }
	write := func(f blob.Folder, text string) {
		t.Helper()
		if err := f.Changing(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file(f), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restore := func(f blob.Folder, d core.Digest, want string) {
		t.Helper()
		if err := f.Restore(t.Context(), s, core.DefaultOrg, d); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(file(f)); string(b) != want {
			t.Fatalf("it holds %q, want %q", b, want)
		}
	}
	restore(here, "", "")
	write(here, "one")
	d, err := here.Keep(t.Context(), s, core.DefaultOrg, blob.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	here.Kept(d)
	restore(here, d, "one")
	restore(there, d, "one")
	write(here, "a change that is never kept")
	restore(here, d, "one")
	restore(here, "", "")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(string(there), old, old); err != nil {
		t.Fatal(err)
	}
	blob.Tidy(filepath.Dir(string(there)), time.Minute)
	if _, err := os.Stat(string(there)); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
}
