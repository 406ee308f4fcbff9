package postgres_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// After Shred no file of the database has the keyset's bytes, old or new, neither those
// of a row nor those that are stored beside one.
func TestShredLeavesNoBytes(t *testing.T) {
	t.Parallel()
	c := pgtest.Start(t, pgtest.Config{Fast: true})
	cfg := c.Database(t)
	st := open(t, cfg)
	small, large, other := []byte("planted-marker-small"), bytes.Repeat([]byte("planted-marker-large"), 500), []byte("planted-other-org")
	database := dial(t, cfg.URL).Config().Database
	for i, wrapped := range [][]byte{small, large} {
		if err := st.SetKeyset(t.Context(), "org_a", int64(i), wrapped); err != nil {
			t.Fatal(err)
		}
		if err := c.Admin(database, "CHECKPOINT"); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.SetKeyset(t.Context(), "org_b", 0, other); err != nil {
		t.Fatal(err)
	}
	if err := c.Admin(database, "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{"planted-marker-small", "planted-marker-large", "planted-other"} {
		if len(filesWith(t, c, marker)) == 0 {
			t.Fatalf("%s isn't in the files before: the test looks at the wrong place", marker)
		}
	}
	if err := st.Shred(t.Context(), "org_a"); err != nil {
		t.Fatal(err)
	}
	if err := c.Admin(database, "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, c, "planted-marker"); len(found) > 0 {
		t.Errorf("the keyset is in %v", found)
	}
	if k, err := st.Keyset(t.Context(), "org_b"); err != nil || !bytes.Equal(k.Wrapped, other) {
		t.Errorf("the other org has %+v, %v", k, err)
	}
}

// filesWith returns the files of the databases that hold the text.
func filesWith(t *testing.T, c *pgtest.Cluster, text string) (paths []string) {
	t.Helper()
	base := filepath.Join(c.Dir(), "data", "base")
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
