package auditlog_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault"
)

const orgA, orgB core.OrgID = "org_a", "org_b"

// rig is an installation with logs: a store in a folder, sealed or not, and its database as
// an intruder sees it.
type rig struct {
	*auditlog.Log
	cfg auditlog.Config
	st  *sqlite.Store
	raw *sql.DB

	mu    sync.Mutex
	clock time.Time
}

func newRig(t testing.TB, sealed bool) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "isekai.db")
	r := &rig{clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	r.st = must(sqlite.Open(t.Context(), sqlite.Config{Path: path}))(t)
	r.raw = must(sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"))(t)
	t.Cleanup(func() {
		_ = r.raw.Close()
		_ = r.st.Close()
	})
	var st store.Store = r.st
	if sealed {
		master := filepath.Join(t.TempDir(), "master.json")
		ok(t, vault.GenerateMaster(master))
		st = vault.New(vault.Config{Keysets: r.st, Master: must(vault.OpenMaster(master))(t)}).Store(r.st)
	}
	r.cfg = auditlog.Config{Events: st, Stored: r.st, Records: st, Now: r.now}
	r.Log = auditlog.New(r.cfg)
	return r
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
	res, err := r.raw.ExecContext(t.Context(), statement, args...)
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

// both runs a test on a store as it is, and on one that is sealed.
func both(t *testing.T, test func(t *testing.T, r *rig, sealed bool)) {
	for _, sealed := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "sealed"}[sealed], func(t *testing.T) {
			t.Parallel()
			test(t, newRig(t, sealed), sealed)
		})
	}
}
