package catalog_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// cluster is the PostgreSQL of all tests; nil with -short.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		goleak.VerifyTestMain(m)
		return
	}
	os.Exit(pgtest.Main(m, &cluster))
}

const (
	orgA, orgB core.OrgID = "org_a", "org_b"
	house                 = core.Installation
)

// rig is an installation of several nodes.
type rig struct {
	*catalog.Catalog // of the first node
	st               store.Store
	clock            *coretest.Clock
}

// both runs a test on SQLite and, unless tests are to be quick, on PostgreSQL.
func both(t *testing.T, test func(t *testing.T, r *rig)) {
	for name, open := range map[string]func(testing.TB, *coretest.Clock) store.Store{"sqlite": onSQLite, "postgres": onPostgres} {
		if name == "postgres" && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newRig(t, open))
		})
	}
}

func newRig(t testing.TB, open func(testing.TB, *coretest.Clock) store.Store) *rig {
	r := &rig{clock: coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	r.st = open(t, r.clock)
	r.Catalog = r.node(t, nil)
	return r
}

func onSQLite(t testing.TB, c *coretest.Clock) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "isekai.db"), Now: c.Now})
	ok(t, err)
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func onPostgres(t testing.TB, c *coretest.Clock) store.Store {
	t.Helper()
	cfg := cluster.Database(t)
	cfg.Now = c.Now
	st, err := postgres.Open(t.Context(), cfg)
	ok(t, err)
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// node is another process of the installation.
func (r *rig) node(t testing.TB, change func(*catalog.Config)) *catalog.Catalog {
	t.Helper()
	cfg := catalog.Config{Records: r.st, Now: r.clock.Now, Secretive: secretive}
	if change != nil {
		change(&cfg)
	}
	c, err := catalog.New(cfg)
	ok(t, err)
	return c
}

// secretive knows one secret.
func secretive(text string) bool { return strings.Contains(text, "sk-MARKER") }

func (r *rig) put(t testing.TB, org core.OrgID, s catalog.Spec) *catalog.Provider {
	t.Helper()
	p, err := r.PutProvider(t.Context(), org, s, 0)
	ok(t, err)
	return p
}

func (r *rig) route(t testing.TB, org core.OrgID, name string, legs ...catalog.Leg) {
	t.Helper()
	_, err := r.PutRoute(t.Context(), org, catalog.Route{Name: name, Targets: legs}, 0)
	ok(t, err)
}

// empty removes what an org has.
func (r *rig) empty(t testing.TB, org core.OrgID) {
	t.Helper()
	routes, err := r.Routes(t.Context(), org)
	ok(t, err)
	for _, at := range routes {
		ok(t, r.RemoveRoute(t.Context(), org, at.Name, at.Version))
	}
	all, err := r.Providers(t.Context(), org)
	ok(t, err)
	for _, p := range all {
		ok(t, r.RemoveProvider(t.Context(), org, p.Name, p.Version))
	}
}

// of is a provider of a kind that lists models.
func of(name string, kind catalog.Kind, models ...string) catalog.Spec {
	s := catalog.Spec{Name: name, Kind: kind}
	if kind.Address() == "" {
		s.Address = "https://models.example.com/v1"
	}
	for _, m := range models {
		s.Models = append(s.Models, catalog.Model{Name: m})
	}
	return s
}

func view(t testing.TB, c *catalog.Catalog, org core.OrgID) *catalog.View {
	t.Helper()
	v, err := c.Of(t.Context(), org)
	ok(t, err)
	return v
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, core.HintOf(err))
	}
}

// refused fails the test unless err has the code, and a hint on how to go on.
func refused(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code || core.HintOf(err) == "" {
		t.Errorf("%s: got %v (%s, hint %q), want %s with a hint", what, err, core.CodeOf(err), core.HintOf(err), code)
	}
}

// ways writes tiers down: "a/m=1 b/m=2 | c/m=1".
func ways(r catalog.Resolved) string {
	var tiers []string
	for _, tier := range r.Tiers {
		var all []string
		for _, t := range tier {
			all = append(all, string(t.Provider.Org)+":"+t.Provider.Name+"/"+t.Model+"="+strings.Repeat("i", t.Weight))
		}
		tiers = append(tiers, strings.Join(all, " "))
	}
	return strings.Join(tiers, " | ")
}

// empty is a store in which nothing is.
type empty struct{ records }

func (empty) Record(context.Context, core.OrgID, string, string) (store.Record, error) {
	return store.Record{}, core.E(core.NotFound, "store", "nothing")
}
