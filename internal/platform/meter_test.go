package platform

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	callmeter "github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

// kept is an installation whose orgs keep something, and meters of it.
type kept struct {
	t     *testing.T
	store *sqlite.Store
	files *local.Store
	books *ledger.Service
	mu    sync.Mutex
	at    time.Time
	reads int // pages of events
}

func newKept(t *testing.T) *kept {
	dir := t.TempDir()
	k := &kept{t: t, at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	k.store = sqlitetest.Open(t, sqlite.Config{Path: dir + "/db", Now: k.now})
	var err error
	if k.files, err = local.Open(dir + "/blobs"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.files.Close() })
	if k.books, err = ledger.New(ledger.Config{Books: k.store, Records: k.store, Events: k.store, IDs: core.NewID, Now: k.now}); err != nil {
		t.Fatal(err)
	}
	if err := k.books.SetPrice(t.Context(), core.Installation, ledger.Storage, &core.Price{GiBDay: 1 << 30}); err != nil { // a micro-credit a byte
		t.Fatal(err)
	}
	return k
}

func (k *kept) now() time.Time { k.mu.Lock(); defer k.mu.Unlock(); return k.at }

func (k *kept) later(d time.Duration) { k.mu.Lock(); defer k.mu.Unlock(); k.at = k.at.Add(d) }

// ReadOrg counts, as the events of a meter.
func (k *kept) ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error) {
	k.reads++
	return k.store.ReadOrg(ctx, org, after, limit)
}

func (k *kept) meter(holder string) *meter {
	return &meter{
		storage: true, events: k, streams: k.store, blobs: k.files, keysets: k.store, records: k.store, terms: k.store, books: k.books,
		holder: holder, now: k.now, log: slog.New(slog.DiscardHandler), done: map[core.OrgID]string{},
	}
}

// org makes an org with its keys.
func (k *kept) org(org core.OrgID) {
	k.t.Helper()
	if err := k.store.SetKeyset(k.t.Context(), org, 0, []byte("wrapped")); err != nil {
		k.t.Fatal(err)
	}
}

// keep gives an org n events of 10 bytes, and a blob of as many hundreds.
func (k *kept) keep(org core.OrgID, stream core.StreamID, n int) (bytes core.Credits) {
	k.t.Helper()
	var events []store.NewEvent
	for range n {
		events = append(events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: "x.y", Data: []byte(`{"a":1234}`)})
	}
	scope := core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "test"}}
	if _, err := k.store.Append(k.t.Context(), scope, store.Append{Stream: stream, Events: events}); err != nil {
		k.t.Fatal(err)
	}
	if _, _, err := k.files.Put(k.t.Context(), org, strings.NewReader(strings.Repeat(string(stream)[:1], 100*n)), 1<<20); err != nil {
		k.t.Fatal(err)
	}
	return core.Credits(10*n + 100*n)
}

func (k *kept) tick(m *meter) {
	k.t.Helper()
	if err := m.tick(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kept) paid(org core.OrgID, want core.Credits) {
	k.t.Helper()
	b, err := k.books.Balance(k.t.Context(), org)
	if err != nil || b.Storage != want || b.Spent != want {
		k.t.Errorf("%s has paid %d, want %d: %v", org, b.Storage, want, err)
	}
}

// Each org pays for what it keeps, once a day, whoever measures; what was measured isn't
// read again.
func TestStorageIsMeteredOnceADay(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.org(core.Installation)
	k.org("org_a")
	k.org("org_b")
	k.org("org_empty")
	a, b := k.keep("org_a", "s1", 3), k.keep("org_b", "s1", 7)
	m, other := k.meter("m"), k.meter("other")
	k.tick(m)
	k.tick(other) // which doesn't lead
	k.paid("org_a", a)
	k.paid("org_b", b)
	k.paid("org_empty", 0)
	k.paid(core.Installation, 0)
	read := k.reads
	k.keep("org_a", "t2", 5)
	for range 3 {
		k.later(time.Minute)
		k.tick(m)
	}
	k.later(2 * meterTerm)
	k.tick(other)
	k.paid("org_a", a) // it is the same day
	if k.reads != read {
		t.Errorf("events were read %d times more on the same day", k.reads-read)
	}
	k.later(24 * time.Hour)
	k.tick(m)
	k.tick(other)
	k.paid("org_a", a+a+5*110)
	k.paid("org_b", b+b)
}

// A meter that dies at any write, before or after it took place, leaves a day that the next
// one charges once.
func TestAMeterDiesAnywhere(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	died := 0
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			org := core.OrgID(core.NewID("org"))
			k.org(org)
			bytes := k.keep(org, "s1", 4)
			m := k.meter(core.NewID("m"))
			mortal := &storetest.Mortal{Store: k.store, After: after}
			mortal.Left.Store(n)
			m.records = mortal
			var err error
			if m.books, err = ledger.New(ledger.Config{Books: mortal, Records: k.store, Events: k.store, IDs: core.NewID, Now: k.now}); err != nil {
				t.Fatal(err)
			}
			k.later(2 * meterTerm)
			failed := m.tick(t.Context()) != nil
			k.later(2 * meterTerm)
			k.tick(k.meter(core.NewID("m")))
			k.paid(org, bytes)
			if !failed {
				break
			}
			died++
		}
	}
	if died < 4 {
		t.Errorf("only %d deaths: the test looks at the wrong place", died)
	}
}

// The meter lets grants expire, whether storage is charged or not.
func TestTheMeterLetsGrantsExpire(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.org("org_a")
	if _, err := k.books.Grant(t.Context(), "org_a", ledger.Command{ID: "g", Amount: 100, Expires: k.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	m := k.meter("m")
	m.storage = false
	k.keep("org_a", "s1", 1)
	k.tick(m)
	k.later(time.Hour)
	k.tick(m)
	if b, err := k.books.Balance(t.Context(), "org_a"); err != nil || b != (ledger.Balance{}) {
		t.Errorf("%+v: %v", b, err)
	}
}

// The meter ends the holds of nodes that died, when their time is over: what they had set aside
// for calls of models comes back, but for what those cost that were written down.
func TestTheMeterEndsTheHoldsOfTheDead(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.org("org_a")
	if _, err := k.books.Grant(t.Context(), "org_a", ledger.Command{ID: "g", Amount: 100_000}); err != nil {
		t.Fatal(err)
	}
	dead, err := callmeter.New(callmeter.Config{Ledger: k.books, Events: k.store, Records: k.store, IDs: core.NewID, Charge: true, Now: k.now, Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	scope := core.Scope{Org: "org_a", Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "test"}}
	ask := callmeter.Ask{Scope: scope, Fixed: &core.Price{Call: 10}, Model: "m"}
	if _, err := dead.Open(t.Context(), ask); err != nil { // it dies with the call under way
		t.Fatal(err)
	}
	m := k.meter("m")
	m.storage = false
	handle := k.books.Handler(nil)
	deliver := func() ledger.Balance {
		events, err := k.store.ReadOrg(t.Context(), "org_a", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := handle(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		b, err := k.books.Balance(t.Context(), "org_a")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	k.tick(m)
	if b := deliver(); b.Held != 640 {
		t.Errorf("while it may live %+v", b)
	}
	k.later(2 * time.Minute)
	k.tick(m)
	k.tick(m)
	if b, want := deliver(), (ledger.Balance{Available: 100_000, Granted: 100_000}); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
}
