package auditlog_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // for an intruder

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/vault/vaulttest"
)

const orgA, orgB core.OrgID = "org_a", "org_b"

// rig is an installation with logs: a store, sealed or not, and its database as an intruder
// sees it.
type rig struct {
	*auditlog.Log
	cfg auditlog.Config
	raw *sql.DB
	in  dialect

	mu    sync.Mutex
	clock time.Time
}

// newRig is a rig on SQLite.
func newRig(t testing.TB, sealed bool) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "isekai.db")
	st := sqlitetest.Open(t, sqlite.Config{Path: path})
	raw := must(sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"))(t)
	return rigOn(t, st, raw, asWritten, sealed)
}

// newPostgres is a rig on PostgreSQL.
func newPostgres(t testing.TB, sealed bool) *rig {
	t.Helper()
	cfg := cluster.Database(t)
	name := must(url.Parse(cfg.URL))(t).Path
	st := pgtest.Open(t, cfg)
	raw := must(sql.Open("pgx", cluster.URL("postgres", strings.TrimPrefix(name, "/"))+"&search_path=isekai"))(t)
	return rigOn(t, st, raw, inPostgres, sealed)
}

func rigOn(t testing.TB, st store.Store, raw *sql.DB, in dialect, sealed bool) *rig {
	r := &rig{clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), raw: raw, in: in}
	t.Cleanup(func() { _ = raw.Close() })
	seen := st
	if sealed {
		seen = vaulttest.Seal(t, st)()
	}
	r.cfg = auditlog.Config{Events: seen, Stored: st, Records: seen, Now: r.now}
	r.Log = auditlog.New(r.cfg)
	return r
}

// dialect makes a statement of SQLite's one of a database.
type dialect func(string) string

func asWritten(s string) string { return s }

func inPostgres(s string) string {
	s = strings.NewReplacer(
		`CAST(replace(CAST(data AS TEXT), 'usr_ann', 'usr_bob') AS BLOB)`, `convert_to(replace(convert_from(data, 'UTF8'), 'usr_ann', 'usr_bob'), 'UTF8')`,
		`CAST(substr(data, 1, 40) || x'21' || substr(data, 42) AS BLOB)`, `set_byte(data, 40, get_byte(data, 40) # 1)`,
		`x'7b7d'`, `'\x7b7d'::bytea`, `x'00'`, `'\x00'::bytea`,
		`(org, project, stream, version, id,`, `(org, project, stream, version, position, id,`, `stream, 21, 'evt_copy'`, `stream, 21, 1000, 'evt_copy'`,
	).Replace(s)
	for n := 1; strings.Contains(s, "?"); n++ {
		s = strings.Replace(s, "?", fmt.Sprint("$", n), 1)
	}
	return s
}

// now is a clock that goes on by a second with each look.
func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = r.clock.Add(time.Second)
	return r.clock
}

// restart is another process's view of the logs.
func (r *rig) restart() *auditlog.Log { return auditlog.New(r.cfg) }

// fill records n entries at once, in any order.
func (r *rig) fill(t testing.TB, org core.OrgID, n int) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- r.Record(t.Context(), org, entry(fmt.Sprint("key_", i))) }()
	}
	for range n {
		ok(t, <-errs)
	}
}

// exec changes the database behind the store's back.
func (r *rig) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	res, err := r.raw.ExecContext(t.Context(), r.in(statement), args...)
	ok(t, err)
	if n := must(res.RowsAffected())(t); n == 0 {
		t.Fatalf("%s changes nothing", statement)
	}
}

func (r *rig) verify(t testing.TB, org core.OrgID, known ...[]byte) auditlog.Report {
	t.Helper()
	return must(r.restart().Verify(t.Context(), org, known...))(t)
}

func (r *rig) checkpoint(t testing.TB, org core.OrgID) []byte {
	t.Helper()
	return must(r.Checkpoint(t.Context(), org))(t)
}

func (r *rig) keys(t testing.TB) []string {
	t.Helper()
	return must(r.PublicKeys(t.Context()))(t)
}

func entry(target string) auditlog.Entry {
	return auditlog.Entry{
		Action: "key.create", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}, Target: target, Address: "192.0.2.1:4711",
		Detail: map[string]string{"name": "<ci & cd>"},
	}
}

// wantFault fails the test unless the report names that row for that reason.
func wantFault(t testing.TB, rep auditlog.Report, kind auditlog.FaultKind, row int64) {
	t.Helper()
	if rep.Fault == nil || rep.Fault.Kind != kind || rep.Fault.Row != row {
		t.Fatalf("got %+v (%+v), want %s at row %d", rep, rep.Fault, kind, row)
	}
	if kind != auditlog.Rewritten && rep.Rows != row-1 {
		t.Errorf("%d rows are said to be good before row %d", rep.Rows, row)
	}
}

func wantGood(t testing.TB, rep auditlog.Report, rows int64) {
	t.Helper()
	if rep.Fault != nil || rep.Rows != rows {
		t.Fatalf("got %+v (%+v), want %d good rows", rep, rep.Fault, rows)
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Fatalf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// both runs a test on stores that are sealed, as they all are in an installation, and on one
// that isn't, where the log has nothing but its own defences.
func both(t *testing.T, test func(t *testing.T, r *rig, sealed bool)) {
	on(t, true, func(t *testing.T, r *rig) { test(t, r, true) })
	t.Run("sqlite plain", func(t *testing.T) {
		t.Parallel()
		test(t, newRig(t, false), false)
	})
}

// on runs a test on SQLite, and unless tests are to be quick on PostgreSQL.
func on(t *testing.T, sealed bool, test func(t *testing.T, r *rig)) {
	how := map[bool]string{false: "plain", true: "sealed"}[sealed]
	for name, open := range map[string]func(testing.TB, bool) *rig{"sqlite": newRig, "postgres": newPostgres} {
		if name == "postgres" && cluster == nil {
			continue
		}
		t.Run(name+" "+how, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, sealed))
		})
	}
}
