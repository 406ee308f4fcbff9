package postgres_test

import (
	"os"
	"testing"

	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/memory/memorytest"
	"github.com/isekai-run/isekai/internal/memory/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

var cluster *pgtest.Cluster

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, &cluster)) }

// config is a database that is the test's alone.
func config(t testing.TB) postgres.Config {
	t.Helper()
	cfg := cluster.Database(t)
	return postgres.Config{URL: cfg.URL, MigrateURL: cfg.MigrateURL, MaxConns: 4}
}

func open(t testing.TB, cfg postgres.Config) *postgres.Index {
	t.Helper()
	x, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func TestIndex(t *testing.T) {
	t.Parallel()
	memorytest.Run(t, func(t testing.TB) (memory.Index, func() memory.Index) {
		cfg := config(t)
		x := open(t, cfg)
		return x, func() memory.Index { _ = x.Close(); return open(t, cfg) }
	})
}
