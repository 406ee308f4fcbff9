package postgres_test

import (
	"os"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

var cluster *pgtest.Cluster

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		appendForever(os.Args[1])
	}
	os.Exit(pgtest.Main(m, &cluster))
}

// open opens a store that the test's end closes.
func open(t testing.TB, cfg postgres.Config) *postgres.Store {
	t.Helper()
	return pgtest.Open(t, cfg)
}

func TestStore(t *testing.T) {
	t.Parallel()
	fresh := func(t testing.TB, now func() time.Time) (store.Store, func() store.Store) {
		cfg := cluster.Database(t)
		cfg.Now = now
		s := open(t, cfg)
		return s, func() store.Store { _ = s.Close(); return open(t, cfg) }
	}
	storetest.Run(t, fresh)
}
