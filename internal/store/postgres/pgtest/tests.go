package pgtest

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

// Main starts a cluster with syncing off, runs the tests with it, and stops it. It
// returns what is to be given to os.Exit.
func Main(m *testing.M, cluster **Cluster) int {
	c, err := New(Config{Fast: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	defer c.Stop()
	*cluster = c
	return m.Run()
}

// Tests are those of a package of which some take a cluster.
type Tests struct {
	m       *testing.M
	cluster **Cluster
}

// Beside returns tests whose Run is Main; but with -short, when tests are to be quick,
// there is no cluster, and *cluster stays nil.
func Beside(m *testing.M, cluster **Cluster) Tests { return Tests{m, cluster} }

// Run runs the tests, and returns what is to be given to os.Exit. It implements
// goleak.TestingM.
func (t Tests) Run() int {
	if flag.Parse(); testing.Short() {
		return t.m.Run()
	}
	return Main(t.m, t.cluster)
}

// Open opens a store that the test's end closes.
func Open(t testing.TB, cfg postgres.Config) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
