package meter_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var orgs atomic.Int64

// newOrg names an org that no other test has.
func newOrg() core.OrgID { return core.OrgID(fmt.Sprintf("org_%d", orgs.Add(1))) }

func openSQLite(t testing.TB) store.Store {
	t.Helper()
	st, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// onBoth runs a test on SQLite and, unless tests are to be quick, on PostgreSQL, for several
// nodes: there each with connections of its own to the one database.
func onBoth(t *testing.T, nodes int, test func(t *testing.T, nodes []store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		st := openSQLite(t)
		all := make([]store.Store, nodes)
		for i := range all {
			all[i] = st
		}
		test(t, all)
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a database server")
		}
		t.Parallel()
		cfg := pgtest.Start(t, pgtest.Config{Fast: true}).Database(t)
		all := make([]store.Store, nodes)
		for i := range all {
			st, err := postgres.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			all[i] = st
		}
		test(t, all)
	})
}

// world is an org with credits, and nodes that meter its calls.
type world struct {
	t      fataler
	st     store.Store // that nothing happens to
	org    core.OrgID
	books  *ledger.Service
	clock  *coretest.Clock
	cost   core.Credits // of each call
	handle func(context.Context, core.Event) error
}

const key core.KeyID = "key_a"

var ctx = context.Background()

// newWorld returns one with so many credits, where a call costs 10.
func newWorld(t fataler, st store.Store, granted core.Credits) *world {
	t.Helper()
	w := &world{t: t, st: st, org: newOrg(), clock: coretest.At(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)), cost: 10}
	w.books = w.ledger(st)
	w.handle = w.books.Handler(nil)
	if granted > 0 {
		if _, err := w.books.Grant(ctx, w.org, ledger.Command{ID: "g", Amount: granted}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.books.SetPrice(ctx, w.org, "model/m", &core.Price{Output: 1_000_000}); err != nil { // one a token
		t.Fatal(err)
	}
	return w
}

func (w *world) ledger(st store.Store) *ledger.Service {
	w.t.Helper()
	s, err := ledger.New(ledger.Config{Books: st, Records: st, Events: st, IDs: core.NewID, Now: w.clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) budget(of ledger.Subject, limit core.Credits) {
	w.t.Helper()
	if _, err := w.books.SetBudget(ctx, w.org, of, limit, ledger.Month); err != nil {
		w.t.Fatal(err)
	}
}

// node returns a meter with its own ledger on a store. Nothing runs there until it is told to.
func (w *world) node(st store.Store, change ...func(*meter.Config)) *meter.Meter {
	w.t.Helper()
	c := meter.Config{Ledger: w.ledger(st), Events: st, Records: st, IDs: core.NewID, Charge: true, Now: w.clock.Now}
	for _, f := range change {
		f(&c)
	}
	m, err := meter.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// ask is for a call that costs at most so much.
func (w *world) ask(most core.Credits) meter.Ask {
	return meter.Ask{
		Scope: core.Scope{Org: w.org, Project: "prj_a", Actor: core.Actor{Kind: core.ActorKey, ID: string(key)}}, Key: key,
		Model: "m", Price: "model/m", Most: core.Usage{Output: int(most)},
	}
}

// used is what a call used that cost so much.
func used(cost core.Credits) meter.Used {
	return meter.Used{Op: "chat", Provider: "p", Model: "m-1", Status: meter.StatusOK, Usage: core.Usage{Input: 7, Output: int(cost)}, Took: 20 * time.Millisecond, First: 5 * time.Millisecond, Attempts: 1}
}

func (w *world) open(m *meter.Meter, most core.Credits) *meter.Ticket {
	w.t.Helper()
	t, err := m.Open(ctx, w.ask(most))
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) refused(m *meter.Meter, most core.Credits) error {
	w.t.Helper()
	_, err := m.Open(ctx, w.ask(most))
	if core.CodeOf(err) != core.Exhausted || core.HintOf(err) == "" {
		w.t.Fatalf("a call for %d: %v", most, err)
	}
	return err
}

// events are all of the org's.
func (w *world) events() (all []core.Event) {
	w.t.Helper()
	for after := int64(0); ; {
		page, err := w.st.ReadOrg(ctx, w.org, after, 200)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all, after = append(all, page...), page[len(page)-1].Position
	}
}

// deliver tells the ledger all that happened.
func (w *world) deliver() {
	w.t.Helper()
	for _, e := range w.events() {
		if err := w.handle(ctx, e); err != nil {
			w.t.Fatal(err)
		}
	}
}

// idle lets a while go by in which nobody calls, and the ledger hear of all.
func (w *world) idle(nodes ...*meter.Meter) {
	w.t.Helper()
	w.clock.Advance(5 * time.Second)
	for _, m := range nodes {
		if n := m.Work(ctx); n != 0 {
			w.t.Fatalf("%d accounts stay", n)
		}
	}
	w.deliver()
}

func (w *world) balance() ledger.Balance {
	w.t.Helper()
	b, err := w.books.Balance(ctx, w.org)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// settled holds the books to what calls cost, with nothing held, and budgets to the same.
func (w *world) settled(granted, spent core.Credits) {
	w.t.Helper()
	if b, want := w.balance(), (ledger.Balance{Available: granted - spent, Spent: spent, Granted: granted}); b != want {
		w.t.Fatalf("%+v, want %+v", b, want)
	}
	w.budgetsAt(spent)
	w.law()
}

// budgetsAt holds all budgets to what was used.
func (w *world) budgetsAt(spent core.Credits) {
	w.t.Helper()
	budgets, err := w.books.Budgets(ctx, w.org)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, b := range budgets {
		if b.Used != spent || b.Held != 0 {
			w.t.Fatalf("of %s %d are used and %d held, want %d and 0", b.Subject, b.Used, b.Held, spent)
		}
	}
}

// law is what holds of the books at every moment, and of what nobody holds any more.
func (w *world) law() {
	w.t.Helper()
	sum := core.Credits(0)
	for after := ""; ; {
		page, err := w.st.Balances(ctx, w.org, "", after, 200)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, b := range page {
			sum, after = sum+b.Amount, b.Account
			if strings.HasPrefix(b.Account, "held/") && b.Amount != 0 {
				w.t.Fatalf("%s is at %d", b.Account, b.Amount)
			}
		}
		if len(page) < 200 {
			break
		}
	}
	if sum != 0 {
		w.t.Fatalf("the books are off by %d", sum)
	}
	left, err := w.st.Records(ctx, core.Installation, "hold", "", "", 200)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range left {
		if strings.Contains(string(r.Data), `"`+string(w.org)+`"`) {
			w.t.Fatalf("a note of a hold stays: %s", r.Data)
		}
	}
}

// sweep ends what dead nodes held.
func (w *world) sweep() int {
	w.t.Helper()
	n, err := meter.Sweep(ctx, w.st, w.st, core.NewID, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
