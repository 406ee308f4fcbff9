package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // for an intruder
	_ "modernc.org/sqlite"

	"github.com/isekai-run/isekai/internal/client"
)

// logged is an installation with an audit log of ten rows, and its database as somebody sees
// it who may write to that.
type logged struct {
	t     *testing.T
	env   []string
	dir   string // of data
	raw   *sql.DB
	sql   *strings.Replacer // SQLite's to the database's
	files string            // where an auditor keeps what he was given
}

func loggedSQLite(t *testing.T) *logged {
	l := &logged{t: t, dir: filepath.Join(t.TempDir(), "data"), files: t.TempDir(), env: cleanEnv(), sql: strings.NewReplacer()}
	l.fill()
	l.open("sqlite", "file:"+filepath.Join(l.dir, "isekai.db")+"?_pragma=busy_timeout(5000)")
	return l
}

func loggedPostgres(t *testing.T) *logged {
	in := install(t, on{})
	l := &logged{t: t, dir: filepath.Join(t.TempDir(), "data"), files: t.TempDir(), env: in.env, sql: strings.NewReplacer(
		`CAST(substr(data, 1, 60) || x'21' || substr(data, 62) AS BLOB)`, `set_byte(data, 60, get_byte(data, 60) # 1)`,
		`kept_`, `aside.kept_`,
	)}
	l.fill()
	at, err := url.Parse(in.db.URL)
	if err != nil {
		t.Fatal(err)
	}
	l.open("pgx", postgresCluster(t).URL("postgres", strings.TrimPrefix(at.Path, "/"))+"&search_path=isekai")
	return l
}

func (l *logged) open(driver, source string) {
	l.t.Helper()
	var err error
	if l.raw, err = sql.Open(driver, source); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = l.raw.Close() })
}

// run runs a command: a process of its own, which opens the installation anew.
func (l *logged) run(args ...string) result {
	l.t.Helper()
	return isekai(l.t, append(l.env, "ISEKAI_DATA_DIR="+l.dir), args...)
}

// does runs a command that has to do well.
func (l *logged) does(args ...string) string {
	l.t.Helper()
	r := l.run(args...)
	if r.code != 0 {
		l.t.Fatalf("%q: %d %s", args, r.code, r.err)
	}
	return r.out
}

// keep writes what a command prints to a file.
func (l *logged) keep(name string, args ...string) string {
	l.t.Helper()
	path := filepath.Join(l.files, name)
	if err := os.WriteFile(path, []byte(l.does(args...)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// rows is how many the log has.
const rows = 10

func (l *logged) fill() {
	l.t.Helper()
	for i := range rows {
		l.does("project", "create", fmt.Sprint("Project ", i))
	}
}

// exec changes the database behind the product's back.
func (l *logged) exec(statement string) {
	l.t.Helper()
	if _, err := l.raw.ExecContext(l.t.Context(), l.sql.Replace(statement)); err != nil {
		l.t.Fatalf("%s: %v", statement, err)
	}
}

const ofLog = ` org = 'org_default' AND stream = 'aud_log' `

// tampering are things to do to a log, and what is said of it then.
var tampering = map[string]struct {
	by        []string
	kind      string
	row       int64
	elsewhere bool // only a checkpoint that was kept elsewhere shows it
}{
	"deleted":            {[]string{`DELETE FROM events WHERE` + ofLog + `AND version = 4`}, "missing", 4, false},
	"ciphertext changed": {[]string{`UPDATE events SET data = CAST(substr(data, 1, 60) || x'21' || substr(data, 62) AS BLOB) WHERE` + ofLog + `AND version = 5`}, "changed", 5, false},
	"id changed":         {[]string{`UPDATE events SET id = 'evt_other' WHERE` + ofLog + `AND version = 6`}, "changed", 6, false},
	"type changed":       {[]string{`UPDATE events SET type = 'task.created' WHERE` + ofLog + `AND version = 6`}, "changed", 6, false},
	"actor changed":      {[]string{`UPDATE events SET actor_id = 'usr_other' WHERE` + ofLog + `AND version = 7`}, "changed", 7, false},
	"project changed":    {[]string{`UPDATE events SET project = 'prj_other' WHERE` + ofLog + `AND version = 7`}, "changed", 7, false},
	"swapped": {[]string{
		`UPDATE events SET version = -1 WHERE` + ofLog + `AND version = 3`, `UPDATE events SET version = 3 WHERE` + ofLog + `AND version = 8`,
		`UPDATE events SET version = 8 WHERE` + ofLog + `AND version = -1`,
	}, "changed", 3, false},
	"ciphertexts swapped": {[]string{
		`UPDATE events SET data = (SELECT data FROM kept_rows k WHERE k.version = 11 - events.version) WHERE` + ofLog + `AND version IN (2, 9)`,
	}, "changed", 2, false},
	"moved up": {[]string{
		`DELETE FROM events WHERE` + ofLog + `AND version = 4`, `UPDATE events SET version = -version WHERE` + ofLog + `AND version > 4`,
		`UPDATE events SET version = -version - 1 WHERE` + ofLog + `AND version < 0`,
	}, "changed", 4, false},
	"the tail cut": {[]string{`DELETE FROM events WHERE` + ofLog + `AND version > 7`}, "truncated", 8, false},
	"all of it":    {[]string{`DELETE FROM events WHERE` + ofLog}, "truncated", 1, false},
	"the tail and its checkpoint": {[]string{
		`DELETE FROM events WHERE` + ofLog + `AND version > 7`, `DELETE FROM records WHERE org = 'org_default' AND kind = 'audit_checkpoint'`,
	}, "truncated", 8, true},
}

// TestTamperingIsFoundAndNamed: what is done to a log in the real database, while nothing
// runs, is found by the next command, with the row that it was done to.
func TestTamperingIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *logged{"sqlite": loggedSQLite, "postgres": loggedPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			checkpoint := l.keep("checkpoint", "audit", "checkpoint")
			keys := l.keep("keys", "audit", "keys")
			export := filepath.Join(l.files, "audit.jsonl")
			if out := l.does("audit", "verify", "--checkpoint", checkpoint); !strings.Contains(out, "10 good rows, all is as it was written") {
				t.Fatal(out)
			}
			if name == "postgres" {
				l.exec(`CREATE SCHEMA aside`)
			}
			l.exec(`CREATE TABLE kept_rows AS SELECT * FROM events WHERE` + ofLog)
			l.exec(`CREATE TABLE kept_checkpoints AS SELECT * FROM records WHERE org = 'org_default' AND kind = 'audit_checkpoint'`)
			l.exec(`DELETE FROM outbox`)
			for what, c := range tampering {
				for _, statement := range c.by {
					l.exec(statement)
				}
				if !c.elsewhere {
					l.finds(what, c.kind, c.row)
				}
				l.finds(what+", with a checkpoint", c.kind, c.row, "--checkpoint", checkpoint)
				if c.kind == "truncated" && !c.elsewhere { // new rows would cover it up
					if r := l.run("project", "create", "Another"); r.code != 7 || !strings.Contains(r.err, "the audit log lacks it") {
						t.Errorf("%s: a command that can't be recorded: %d %s%s", what, r.code, r.out, r.err)
					}
				}
				l.exec(`DELETE FROM events WHERE` + ofLog)
				l.exec(`INSERT INTO events SELECT * FROM kept_rows`)
				l.exec(`DELETE FROM records WHERE org = 'org_default' AND kind = 'audit_checkpoint'`)
				l.exec(`INSERT INTO records SELECT * FROM kept_checkpoints`)
			}
			l.does("audit", "export", "-o", export) // which is itself recorded
			if out := l.does("audit", "verify", "--file", export, "--keys", keys, "--checkpoint", checkpoint); !strings.Contains(out, "11 good rows, all is as it was written") {
				t.Error(out)
			}
		})
	}
}

// finds fails the test unless the log is said to be bad in that row.
func (l *logged) finds(what, kind string, row int64, flags ...string) {
	l.t.Helper()
	r := l.run(append([]string{"audit", "verify", "--json"}, flags...)...)
	if r.code != 4 {
		l.t.Errorf("%s: exit code %d: %s%s", what, r.code, r.out, r.err)
		return
	}
	report := lines[client.AuditReport](l.t, r.out)[0]
	if f := report.Fault; f == nil || f.Kind != kind || f.Row != row || !strings.Contains(failure(l.t, r).Msg, fmt.Sprint("row ", row)) {
		l.t.Errorf("%s: %+v, %s; want %s in row %d", what, report.Fault, r.err, kind, row)
	}
}
