package identity_test

import (
	"os"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// cluster is the PostgreSQL of all tests; nil with -short.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) { os.Exit(pgtest.Beside(m, &cluster).Run()) }

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
	return pgtest.Open(t, cfg)
}

// onSQLite opens a new database in a file of its own.
func onSQLite(t testing.TB, now func() time.Time) backend {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{Now: now})
}
