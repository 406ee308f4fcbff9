package identity_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// cluster is the PostgreSQL of all tests; nil with -short.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run())
	}
	os.Exit(pgtest.Main(m, &cluster))
}

// kindOfStore opens a new store, whose clock is now.
type kindOfStore func(t testing.TB, now func() time.Time) backend

// onEachStore runs a test on every store that there is: what holds on one by its way to
// lock or to wait has to hold on the other.
func onEachStore(t *testing.T, test func(t *testing.T, on kindOfStore)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			t.Skip("it takes PostgreSQL")
		}
		test(t, onPostgreSQL)
	})
}

// onPostgreSQL opens a new database of the cluster.
func onPostgreSQL(t testing.TB, now func() time.Time) backend {
	t.Helper()
	cfg := cluster.Database(t)
	cfg.Now, cfg.MaxConns = now, 8
	s, err := postgres.Open(t.Context(), cfg)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// migrated is a new database, which takes longer to make than most tests do with it.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "identity-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "isekai.db")
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// onSQLite opens a new database in a file of its own.
func onSQLite(t testing.TB, now func() time.Time) backend {
	t.Helper()
	return openSQLite(t, filepath.Join(t.TempDir(), "isekai.db"), now)
}

func openSQLite(t testing.TB, path string, now func() time.Time) *sqlite.Store {
	t.Helper()
	empty, err := migrated()
	ok(t, err)
	ok(t, os.WriteFile(path, empty, 0o600))
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: now})
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}
