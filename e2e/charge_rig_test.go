package e2e

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// payer is an installation that charges: with credits, prices and a budget.
type payer struct {
	env    []string
	dir    string // the data directory of whoever runs next
	driver string // of database/sql
	source string
	schema string
}

const granted = 1000 * core.Credit

// charging is the configuration of it.
func charging(up *modeltest.Upstream) []string {
	return append(modelEnv(up), "ISEKAI_CREDITS_CHARGE=true", "ISEKAI_STORE_MAX_CONNS=4")
}

// prepare gives the org credits, prices that leave no sum whole by chance, and a budget.
func (p payer) prepare(t *testing.T) {
	t.Helper()
	d := data{t: t, dir: p.dir, env: p.env}
	d.does("credit", "grant", granted.String(), "--id", "first")
	d.does("credit", "price", "set", "model/scripted", "--input", "2.000001", "--cached", "1", "--output", "5")
	d.does("credit", "price", "set", "tool/*", "--call", "0.000031", "--second", "0.001")
	d.does("credit", "price", "set", "storage")
	d.does("credit", "budget", "set", "org", "900", "--window", "none")
}

// payerOnSQLite makes one of a data directory, which payerLike copies.
func payerOnSQLite(t *testing.T, up *modeltest.Upstream) payer {
	t.Helper()
	key := filepath.Join(t.TempDir(), "master.key") // elsewhere, for a copy has other modes
	newMasterKey(t, key)
	p := payer{env: append(cleanEnv("ISEKAI_KEYS_FILE="+key), charging(up)...), dir: t.TempDir(), driver: "sqlite"}
	p.prepare(t)
	return p
}

// copied is a payer of its own that is as p.
func (p payer) copied(t *testing.T) payer {
	t.Helper()
	from := p.dir
	p.dir = filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(p.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.source = filepath.Join(p.dir, "isekai.db")
	return p
}

// payerOnPostgres makes one on a new database.
func payerOnPostgres(t *testing.T, up *modeltest.Upstream) payer {
	t.Helper()
	in := install(t, on{env: charging(up)})
	p := payer{env: in.env, dir: t.TempDir(), driver: "pgx", source: in.db.MigrateURL, schema: "isekai."}
	p.prepare(t)
	return p
}

// restarted is p as another process sees it: on PostgreSQL with a data directory of its own.
func (p payer) restarted(t *testing.T) payer {
	if p.driver == "pgx" {
		p.dir = t.TempDir()
	}
	return p
}

// laws are what holds of the books at any time: none of these counts anything.
var laws = map[string]string{
	"accounts below zero":              `SELECT count(*) FROM {accounts} WHERE balance < 0 AND account NOT LIKE '~%'`,
	"effects that don't balance":       `SELECT count(*) FROM (SELECT org, effect FROM {entries} GROUP BY org, effect HAVING sum(amount) <> 0) AS x`,
	"balances that aren't their sums":  `SELECT count(*) FROM {accounts} a WHERE a.balance <> (SELECT coalesce(sum(e.amount), 0) FROM {entries} e WHERE e.org = a.org AND e.account = a.account)`,
	"balances that aren't of the last": `SELECT count(*) FROM {accounts} a JOIN {entries} e ON e.org = a.org AND e.account = a.account WHERE e.balance <> a.balance AND e.seq = (SELECT max(m.seq) FROM {entries} m WHERE m.org = a.org AND m.account = a.account)`,
	"lines of an effect that are two":  `SELECT count(*) FROM (SELECT org, effect, n FROM {entries} GROUP BY org, effect, n HAVING count(*) > 1) AS x`,
	"moves of one effect that are two": `SELECT count(*) FROM (SELECT org, effect, account FROM {entries} GROUP BY org, effect, account HAVING count(*) > 1) AS x`,
}

// nothingHeld holds when no task runs.
const nothingHeld = `SELECT count(*) FROM {accounts} WHERE balance <> 0 AND (account LIKE 'held/%' OR account LIKE '~budget/%/held')`

// count asks the database itself.
func (p payer) count(t *testing.T, query string) (n int) {
	t.Helper()
	db, err := sql.Open(p.driver, p.source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query = strings.NewReplacer("{accounts}", p.schema+"accounts", "{entries}", p.schema+"entries").Replace(query)
	if err := db.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// lawful checks the books with the database's own words.
func (p payer) lawful(t *testing.T, when string) {
	t.Helper()
	for what, query := range laws {
		if n := p.count(t, query); n != 0 {
			t.Errorf("%s: %d %s", when, n, what)
		}
	}
	if n := p.count(t, nothingHeld); n != 0 {
		t.Errorf("%s: something is held in %d accounts", when, n)
	}
}

// costs are those of a task's calls, by the event that settled each.
func costs(events []core.Event) (map[string]core.Credits, error) {
	all := map[string]core.Credits{}
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return nil, err
		}
		switch p := p.(type) {
		case core.ModelSettled:
			all[string(e.ID)] = p.Cost
		case core.ToolSettled:
			all[string(e.ID)] = p.Cost
		}
	}
	return all, nil
}

// consumed are what was taken for a task's calls, by the event.
func (s *server) consumed(t *testing.T, task core.TaskID) map[string]core.Credits {
	t.Helper()
	all := map[string]core.Credits{}
	for o := (client.EntryOptions{Task: task}); ; {
		page, err := s.Entries(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			if e.Kind == "consume" && e.Account == "spent" {
				all[e.Effect] += e.Amount
			}
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			return all
		}
	}
}
