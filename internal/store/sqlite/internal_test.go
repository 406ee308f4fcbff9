package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

var scope = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func events(n int) []store.NewEvent {
	return slices.Repeat([]store.NewEvent{{ID: "evt_1", Type: "x.y", Data: []byte(`{}`)}}, n)
}

// exercise calls every method, and so prepares every query.
func exercise(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Append(ctx, scope, store.Append{Stream: "tsk_1", Events: events(2), Work: store.WorkReady})
	ok(err)
	leases, err := s.Claim(ctx, "w", 5, time.Minute)
	ok(err)
	l, err := s.Renew(ctx, leases[0], time.Minute)
	ok(err)
	_, err = s.Append(ctx, scope, store.Append{Stream: "tsk_1", Expected: 2, Events: events(1), Lease: &l})
	ok(err)
	ok(s.Release(ctx, l, 0))
	_, err = s.Append(ctx, scope, store.Append{Stream: "tsk_1", Expected: 3, Work: store.WorkNone})
	ok(err)
	_, err = s.ReadStream(ctx, "org_a", "tsk_1", 0, 5)
	ok(err)
	_, err = s.ReadOrg(ctx, "org_a", 0, 5)
	ok(err)
	_, err = s.Orgs(ctx)
	ok(err)
	pending, err := s.Pending(ctx, 5)
	ok(err)
	ok(s.Published(ctx, []int64{pending[0].Seq}))
	_, err = s.Apply(ctx, "org_a", "v", store.Mark{Stream: "s", Version: 1}, []store.Row{{ID: "a"}, {ID: "b"}, {ID: "c", Deleted: true}})
	ok(err)
	_, err = s.Get(ctx, "org_a", "v", "a")
	ok(err)
	for i := range 16 {
		q := store.Query{Project: "p", Kind: "k", Status: "s", After: store.Cursor{ID: "a"}.String()}
		for bit, clear := range []func(){func() { q.Project = "" }, func() { q.Kind = "" }, func() { q.Status = "" }, func() { q.After = "" }} {
			if i>>bit&1 == 0 {
				clear()
			}
		}
		_, err = s.List(ctx, "org_a", "v", q)
		ok(err)
	}
	ok(s.Drop(ctx, "org_a", "v"))
	exerciseState(t, s)
}

// exerciseState calls every method of what isn't a stream.
func exerciseState(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	var errs []error
	do := func(err error) { errs = append(errs, err) }
	do(s.Write(ctx, "org_a", store.Change{Kind: "k", ID: "a", Data: []byte("1"), Expires: time.Now().Add(-time.Hour)}, store.Change{Kind: "k", ID: "b", Data: []byte("1")}))
	do(s.Write(ctx, "org_a", store.Change{Kind: "k", ID: "b", Expected: 1}))
	_, err := s.Records(ctx, "org_a", "k", "a", "b", 5)
	do(err)
	_, err = s.Sweep(ctx, 5)
	do(err)
	_, err = s.Post(ctx, "org_a", store.Posting{Effect: "e", Kind: "grant", Moves: []store.Move{{Account: "~source", Amount: -1}, {Account: "available", Amount: 1}}})
	do(err)
	_, err = s.Balances(ctx, "org_a", "", "", 5)
	do(err)
	for _, q := range []store.EntryQuery{{Limit: 1}, {Account: "a", Limit: 1}, {Task: "t", Limit: 1}, {Account: "a", Task: "t", Limit: 1}, {Effect: "e", Limit: 1},
		{Newest: true, Limit: 1}, {Newest: true, Account: "a", Limit: 1}, {Newest: true, Task: "t", Limit: 1}, {Newest: true, Account: "a", Task: "t", Limit: 1}} {
		_, err = s.Entries(ctx, "org_a", q)
		do(err)
	}
	_, _, _, err = s.Draw(ctx, "org_a", "b", 1, store.Rate{Burst: 1, Per: time.Second})
	do(err)
	do(s.SetShare(ctx, "org_a", 3))
	_, err = s.Share(ctx, "org_a")
	do(err)
	if _, err := s.Record(ctx, "org_a", "k", "none"); core.CodeOf(err) != core.NotFound {
		do(err)
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The entries of the books never change and never go, whoever asks.
func TestEntriesNeverChange(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "isekai.db"))
	exercise(t, s)
	for _, sql := range []string{
		"UPDATE entries SET amount = 2", "UPDATE entries SET note = note", "DELETE FROM entries",
		"UPDATE accounts SET balance = -1 WHERE account = 'available'", "DELETE FROM accounts",
		"INSERT OR REPLACE INTO entries SELECT * FROM entries", "UPDATE accounts SET account = 'x' || account",
		"INSERT INTO entries SELECT seq + 100, org, effect, n, kind, project, task, note, account, amount, balance, at FROM entries",
	} {
		err := s.write(t.Context(), "test", func(x *tx) error {
			_, err := x.exec(sql)
			return err
		})
		if err == nil {
			t.Errorf("%s was done", sql)
		}
	}
}

// No query of the driver reads a table from end to end, or sorts.
func TestEveryQueryHasItsIndex(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "isekai.db"))
	exercise(t, s)
	queries := slices.Concat(slices.Collect(maps.Keys(s.writer.stmts)), slices.Collect(maps.Keys(s.reader.stmts)))
	if len(queries) < 60 {
		t.Errorf("only %d queries were prepared", len(queries))
	}
	for _, q := range queries {
		rows, err := s.reader.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q, make([]any, strings.Count(q, "?"))...)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "TEMP B-TREE") || strings.HasPrefix(detail, "SCAN") && !strings.HasPrefix(detail, "SCAN json_each") {
				t.Errorf("%s\n\t%s", q, detail)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPragmas(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "with ?#% in its name.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var reader, writer string
		if err := s.reader.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&reader); err != nil {
			t.Fatal(err)
		}
		err := s.write(t.Context(), "test", func(x *tx) error {
			return x.w.conn.QueryRowContext(context.Background(), "PRAGMA "+pragma).Scan(&writer)
		})
		if err != nil || reader != want || writer != want {
			t.Errorf("%s is %s for readers and %s for the writer, want %s (%v)", pragma, reader, writer, want, err)
		}
	}
	if _, err := s.reader.db.ExecContext(t.Context(), "DELETE FROM events"); err == nil {
		t.Error("a reader can write")
	}
}

// A write that fails in the middle of a shared transaction costs the others
// nothing.
func TestFailureSparesItsCompanions(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "isekai.db"))
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if i%4 == 0 {
				err := s.write(t.Context(), "test", func(x *tx) error {
					if _, err := x.exec(sqlOrg, "org_broken", 0); err != nil {
						return err
					}
					_, err := x.exec(sqlMessage, 1_000_000, "org_broken") // no such event
					return err
				})
				if core.CodeOf(err) != core.Internal {
					t.Errorf("a broken reference gives %v", err)
				}
				return
			}
			stream := core.StreamID("tsk_" + strings.Repeat("x", i))
			if _, err := s.Append(t.Context(), scope, store.Append{Stream: stream, Events: events(2)}); err != nil {
				t.Errorf("a companion failed: %v", err)
			}
		})
	}
	all.Wait()
	got, err := s.ReadOrg(t.Context(), "org_a", 0, 100)
	if err != nil || len(got) != 60 {
		t.Errorf("%d events, want 60 (%v)", len(got), err)
	}
	if orgs, err := s.Orgs(t.Context()); err != nil || len(orgs) != 1 {
		t.Errorf("orgs %v (%v)", orgs, err)
	}
}

// A full file refuses, keeps what it has, and works again when there is room.
// TestPanicSparesTheWriter: who panics takes the blame, and the next write works.
func TestPanicSparesTheWriter(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "isekai.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	func() {
		defer func() {
			if p := recover(); p != "bug" {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = s.write(t.Context(), "bad", func(t *tx) error {
			if _, err := t.exec(sqlSetKeyset, []byte("x"), "org_a", 1); err != nil {
				return err
			}
			panic("bug")
		})
	}()
	if err := s.SetKeyset(t.Context(), "org_a", 0, []byte("x")); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestFullFile(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "isekai.db"))
	limit := func(pages string) {
		if err := s.write(t.Context(), "test", func(x *tx) error {
			_, err := x.w.conn.ExecContext(context.Background(), "PRAGMA max_page_count="+pages)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit("100")
	big := []store.NewEvent{{ID: "e", Type: "x.y", Data: make([]byte, 10_000)}}
	var mu sync.Mutex
	acknowledged, refused := 0, 0
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			stream := core.StreamID("tsk_" + strings.Repeat("x", i))
			for v := range int64(10) {
				_, err := s.Append(t.Context(), scope, store.Append{Stream: stream, Expected: v, Events: big})
				mu.Lock()
				if err == nil {
					acknowledged++
				}
				mu.Unlock()
				if err == nil {
					continue
				}
				if core.CodeOf(err) != core.Exhausted || core.HintOf(err) == "" {
					t.Errorf("a full file gives %v", err)
				}
				mu.Lock()
				refused++
				mu.Unlock()
				return
			}
		})
	}
	all.Wait()
	got, err := s.ReadOrg(t.Context(), "org_a", 0, 1000)
	if err != nil || len(got) != acknowledged || refused == 0 {
		t.Errorf("%d events, %d acknowledged, %d refused (%v)", len(got), acknowledged, refused, err)
	}
	half := []store.Change{{Kind: "k", ID: "a", Data: []byte("1")}, {Kind: "k", ID: "b", Data: make([]byte, 500_000)}}
	if err := s.Write(t.Context(), "org_a", half...); core.CodeOf(err) != core.Exhausted {
		t.Errorf("a record that doesn't fit: %v", err)
	}
	if _, err := s.Record(t.Context(), "org_a", "k", "a"); core.CodeOf(err) != core.NotFound {
		t.Errorf("half of a write is there: %v", err)
	}
	limit("1000000")
	if err := s.Write(t.Context(), "org_a", half...); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if _, err := s.Append(t.Context(), scope, store.Append{Stream: "tsk_new", Events: big}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestMigrateDownAndUp(t *testing.T) {
	t.Parallel()
	cfg := Config{Path: filepath.Join(t.TempDir(), "isekai.db")}
	exercise(t, open(t, cfg.Path))
	s := open(t, cfg.Path)
	_ = s.Close()
	current, newest, err := Versions(t.Context(), cfg)
	if err != nil || current != newest || newest < 1 {
		t.Fatalf("versions %d and %d (%v)", current, newest, err)
	}
	for _, version := range []int64{0, newest} {
		if err := Migrate(t.Context(), cfg, version); err != nil {
			t.Fatalf("migrate to %d: %v", version, err)
		}
		if current, _, err := Versions(t.Context(), cfg); err != nil || current != version {
			t.Errorf("version %d, want %d (%v)", current, version, err)
		}
	}
	for _, version := range []int64{-1, newest + 1} {
		if err := Migrate(t.Context(), cfg, version); core.CodeOf(err) != core.Invalid {
			t.Errorf("migrate to %d: %v", version, err)
		}
	}
	exercise(t, open(t, cfg.Path))
}

func TestFailedMigrationStopsOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "isekai.db")
	db, err := openWriter(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	good, err := embedded.ReadFile("migrations/00001_streams.sql")
	if err != nil {
		t.Fatal(err)
	}
	err = migrateFrom(t.Context(), db, fstest.MapFS{
		"00001_streams.sql": {Data: good},
		"00002_broken.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE half (a INTEGER);\nCREATE TABLE events (a INTEGER);\n")},
	})
	if core.CodeOf(err) != core.Internal || core.HintOf(err) == "" {
		t.Errorf("a broken migration gives %v (hint %q)", err, core.HintOf(err))
	}
	var n int
	err = db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("half of it is there: %d, %v", n, err)
	}
	_ = db.Close()
	exercise(t, open(t, path)) // which is at version 1, as this build wants it
}

func TestNewerSchemaStopsOpen(t *testing.T) {
	t.Parallel()
	cfg := Config{Path: filepath.Join(t.TempDir(), "isekai.db")}
	s := open(t, cfg.Path)
	_ = s.Close()
	db, err := sql.Open("sqlite", cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	_, err = Open(t.Context(), cfg)
	if core.CodeOf(err) != core.Unsupported || core.HintOf(err) == "" {
		t.Errorf("a newer file gives %v", err)
	}
	if err := Migrate(t.Context(), cfg, 0); core.CodeOf(err) != core.Unsupported {
		t.Errorf("rolling a newer file back gives %v", err)
	}
}

// Several processes, here several stores, may open one file, new as it is, and
// write to it in turn.
func TestStoresShareAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "isekai.db")
	const stores, each = 4, 10
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			s, err := Open(t.Context(), Config{Path: path})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			defer func() { _ = s.Close() }()
			stream := core.StreamID("tsk_" + strings.Repeat("x", i))
			for v := range int64(each) {
				if _, err := s.Append(t.Context(), scope, store.Append{Stream: stream, Expected: v, Events: events(1)}); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	all.Wait()
	if got, err := open(t, path).ReadOrg(t.Context(), "org_a", 0, 1000); err != nil || len(got) != stores*each {
		t.Errorf("%d events, want %d (%v)", len(got), stores*each, err)
	}
}

func TestOpensAndClosesWithoutALeak(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "isekai.db")
	for range 10 {
		s, err := Open(t.Context(), Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = s.Claim(t.Context(), "w", 1, time.Minute) }) // may find it closed
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
	}
	goleak.VerifyNone(t, before)
}
