// Package sqlitetest opens stores in SQLite for the tests of those that stand on a store.
// It is no part of the product, and never looks into the database.
package sqlitetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// Open opens a store that the test's end closes: in cfg.Path, or if that is "" in a file
// that is the test's alone. A file that isn't there yet is a new database. It may be called
// by many tests at once.
func Open(t testing.TB, cfg sqlite.Config) *sqlite.Store {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "isekai.db")
	}
	s, err := open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(ctx context.Context, cfg sqlite.Config) (*sqlite.Store, error) {
	if _, err := os.Stat(cfg.Path); errors.Is(err, fs.ErrNotExist) {
		empty, err := migrated()
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(cfg.Path, empty, 0o600); err != nil {
			return nil, err
		}
	}
	return sqlite.Open(ctx, cfg)
}

// migrated is a new database, which takes longer to make than most tests do with it.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sqlitetest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "isekai.db")
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
