package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	open := func(t testing.TB, now func() time.Time) (store.Store, func() store.Store) {
		path := filepath.Join(t.TempDir(), "isekai.db")
		open := func() store.Store {
			s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		s := open()
		return s, func() store.Store { _ = s.Close(); return open() }
	}
	storetest.Run(t, open)
}
