package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

// withoutOrg are the tables that no tenant's data is in.
var withoutOrg = []string{"goose_db_version", "terms"}

// tables returns the tables of the schema and whether each has a column org.
func tables(t *testing.T, admin *pgx.Conn) (tenant, other []string) {
	t.Helper()
	const q = `SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'isekai'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'f', 'v')
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org' AND NOT a.attisdropped) = $1 ORDER BY 1`
	return query[string](t, admin, q, true), query[string](t, admin, q, false)
}

// Every table of the catalogue is either under forced row-level security, with its org
// first in its primary key, or on the list of those without tenants.
func TestEveryTenantTableIsGuarded(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	admin := dial(t, strings.Replace(cfg.MigrateURL, "isekai_owner", "postgres", 1))
	tenant, other := tables(t, admin)
	if len(tenant) < 15 {
		t.Errorf("only %v are tenants' tables", tenant)
	}
	if !slices.Equal(other, withoutOrg) {
		t.Errorf("%v have no org, want %v", other, withoutOrg)
	}
	loose := query[string](t, admin, `SELECT relname FROM pg_class WHERE relnamespace = 'isekai'::regnamespace AND relname = ANY ($1)
		AND NOT (relrowsecurity AND relforcerowsecurity)`, tenant)
	if len(loose) > 0 {
		t.Errorf("without forced row-level security: %v", loose)
	}
	// What the policies for the application say, all the same.
	policies := query[string](t, admin, `SELECT DISTINCT qual || ' / ' || with_check FROM pg_policies
		WHERE schemaname = 'isekai' AND roles && '{isekai_app,public}'`)
	want := `(org = current_setting('isekai.org'::text, true)) / (org = current_setting('isekai.org'::text, true))`
	if len(policies) != 1 || policies[0] != want {
		t.Errorf("policies %q", policies)
	}
	second := query[string](t, admin, `SELECT c.relname || ' ' || i.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
		WHERE c.relname = ANY ($1) AND c.relnamespace = 'isekai'::regnamespace AND a.attname <> 'org' ORDER BY 1`, tenant)
	if !slices.Equal(second, []string{"outbox outbox_pkey", "records records_by_expiry", "turns turns_in_order"}) {
		t.Errorf("indexes that don't begin with the org: %v", second)
	}
	rights := query[string](t, admin, `SELECT DISTINCT table_name || ' ' || privilege_type FROM information_schema.role_table_grants
		WHERE table_schema = 'isekai' AND grantee = 'isekai_relay' ORDER BY 1`)
	if !slices.Equal(rights, []string{"events SELECT", "outbox DELETE", "outbox SELECT", "terms DELETE", "terms INSERT", "terms SELECT", "terms UPDATE"}) {
		t.Errorf("the relay may %v", rights)
	}
	open := query[string](t, admin, `SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'isekai'::regnamespace
		AND (has_function_privilege('public', p.oid, 'EXECUTE') OR p.prosecdef AND NOT coalesce(p.proconfig::text LIKE '%search_path=%', false))`)
	if len(open) > 0 {
		t.Errorf("functions that anybody may call, or that trust a search path: %v", open)
	}
}

// fill puts a row of each org into every tenant table.
func fill(t *testing.T, st *postgres.Store, orgs ...core.OrgID) {
	t.Helper()
	for _, org := range orgs {
		add(t, st, org, "tsk_1", 0)
		for _, err := range []error{
			st.Bury(t.Context(), org, store.Letter{Consumer: "c", Mark: store.Mark{Stream: "tsk_1", Version: 1}, Event: "e", Type: "x", Reason: string(org), Tries: 1}),
			st.SetKeyset(t.Context(), org, 0, []byte("wrapped "+org)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		fillState(t, st, org)
		if _, err := st.Apply(t.Context(), org, "tasks", store.Mark{Stream: "tsk_1", Version: 1}, []store.Row{{ID: "tsk_1", Data: []byte(org)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// fillState puts a row of the org into every table of what isn't a stream.
func fillState(t *testing.T, st *postgres.Store, org core.OrgID) {
	t.Helper()
	_, post := st.Post(t.Context(), org, grantOf(core.EventID("evt_"+org)))
	_, _, _, draw := st.Draw(t.Context(), org, "b", 1, store.Rate{Burst: 2, Per: time.Hour})
	write := st.Write(t.Context(), org, store.Change{Kind: "user", ID: "u", Data: []byte(org), Expires: time.Now().Add(time.Hour)})
	if err := errors.Join(post, draw, write, st.SetShare(t.Context(), org, 2)); err != nil {
		t.Fatal(err)
	}
}

// The application's role, with SQL of its own, gets at no row of another org, on any
// tenant table of the catalogue, whether it has named an org or not.
func TestOtherTenantsAreOutOfReach(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	fill(t, st, "org_a", "org_b")
	admin := dial(t, strings.Replace(cfg.MigrateURL, "isekai_owner", "postgres", 1))
	app := dial(t, cfg.URL)
	all, _ := tables(t, admin)
	for _, table := range all {
		snapshot := func() []string {
			return query[string](t, admin, `SELECT r::text FROM isekai.`+table+` r WHERE org = 'org_b' ORDER BY 1`)
		}
		before := snapshot()
		if len(before) == 0 {
			t.Fatalf("%s has no row of org_b", table)
		}
		for _, as := range []string{"org_a", "", "ORG_B", "org_b ", "%", "unset"} {
			for _, sql := range []string{
				`SELECT count(*) FROM isekai.` + table + ` WHERE org <> '` + as + `'`,
				`SELECT count(*) FROM isekai.` + table + ` WHERE org = 'org_b'`,
				`WITH x AS (UPDATE isekai.` + table + ` SET org = org WHERE org = 'org_b' RETURNING 1) SELECT count(*) FROM x`,
				`WITH x AS (UPDATE isekai.` + table + ` SET org = '` + as + `' WHERE org = 'org_b' RETURNING 1) SELECT count(*) FROM x`,
				`WITH x AS (DELETE FROM isekai.` + table + ` WHERE org = 'org_b' RETURNING 1) SELECT count(*) FROM x`,
				`WITH x AS (DELETE FROM isekai.` + table + ` WHERE org <> '` + as + `' RETURNING 1) SELECT count(*) FROM x`,
			} {
				if n, err := as1(t, app, as, sql); err == nil && n > 0 {
					t.Errorf("as %q: %s: %d rows", as, sql, n)
				}
			}
			if _, err := as1(t, app, as, insertOf(t, admin, table)); err == nil {
				t.Errorf("as %q: a row of org_b was put into %s", as, table)
			}
			if _, err := as1(t, app, as, `TRUNCATE isekai.`+table); err == nil {
				t.Errorf("as %q: %s was emptied", as, table)
			}
		}
		if after := snapshot(); !slices.Equal(before, after) {
			t.Errorf("%s changed from %v to %v", table, before, after)
		}
		own, err := as1(t, app, "org_b", `SELECT count(*) FROM isekai.`+table)
		if err == nil && own != int64(len(before)) {
			t.Errorf("org_b sees %d of its %d rows in %s", own, len(before), table)
		}
		if err != nil && table != "outbox" { // which the application can't read at all
			t.Errorf("org_b can't read %s: %v", table, err)
		}
	}
}

// as1 runs a statement in a transaction that has named an org, commits, and returns the
// number that it gives.
func as1(t *testing.T, conn *pgx.Conn, org, sql string) (n int64, err error) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if org != "unset" {
		if _, err := tx.Exec(t.Context(), `SELECT set_config('isekai.org', $1, true)`, org); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasPrefix(sql, "SELECT") || strings.HasPrefix(sql, "WITH") {
		err = tx.QueryRow(t.Context(), sql).Scan(&n)
	} else {
		_, err = tx.Exec(t.Context(), sql)
	}
	if err == nil {
		err = tx.Commit(t.Context())
	}
	return n, err
}

// insertOf returns an INSERT of a row of org_b, whose other columns are new.
func insertOf(t *testing.T, admin *pgx.Conn, table string) string {
	t.Helper()
	columns := query[string](t, admin, `SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
		WHERE attrelid = ('isekai.' || $1)::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''`, table)
	var names, values []string
	for _, c := range columns {
		name, kind, _ := strings.Cut(c, " ")
		value := map[string]string{"text": "'new'", "bigint": "77", "boolean": "true", "bytea": "'x'"}[kind]
		switch {
		case name == "org":
			value = "'org_b'"
		case strings.HasPrefix(kind, "timestamp"):
			value = "now()"
		case value == "":
			t.Fatalf("%s.%s is a %s", table, name, kind)
		}
		names, values = append(names, name), append(values, value)
	}
	return fmt.Sprintf(`INSERT INTO isekai.%s (%s) VALUES (%s)`, table, strings.Join(names, ", "), strings.Join(values, ", "))
}

// An insert that fails for the tenant succeeds for its own org, so that the test above
// fails for the right reason.
func TestOwnRowsCanBeInserted(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	admin := dial(t, strings.Replace(cfg.MigrateURL, "isekai_owner", "postgres", 1))
	app := dial(t, cfg.URL)
	all, _ := tables(t, admin)
	for _, table := range all {
		if _, err := as1(t, app, "org_b", insertOf(t, admin, table)); err != nil {
			t.Errorf("%s: %v", table, err)
		}
	}
}

// The functions that serve all orgs can't be used to see another's data, and no role can
// become another.
func TestNoRoleBecomesAnother(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	fill(t, open(t, cfg), "org_a")
	for _, url := range []string{cfg.URL, cfg.RelayURL} {
		conn := dial(t, url)
		for _, role := range []string{"postgres", "isekai_owner", "isekai_queue"} {
			if _, err := conn.Exec(t.Context(), "SET ROLE "+role); err == nil {
				t.Errorf("%s became %s", conn.Config().User, role)
			}
		}
		for _, sql := range []string{
			"ALTER TABLE isekai.events DISABLE ROW LEVEL SECURITY", "DROP POLICY tenant ON isekai.events", "CREATE TABLE isekai.mine (a int)",
			"SET row_security = off; SELECT count(*) FROM isekai.keysets", "UPDATE isekai.goose_db_version SET version_id = 0",
			"ALTER FUNCTION isekai.begun_orgs() SECURITY INVOKER", "GRANT isekai_queue TO " + conn.Config().User,
		} {
			if _, err := conn.Exec(t.Context(), sql); err == nil {
				t.Errorf("%s may %s", conn.Config().User, sql)
			}
		}
	}
	relay := dial(t, cfg.RelayURL)
	for _, sql := range []string{
		"SELECT FROM isekai.keysets", "SELECT FROM isekai.view_rows", "SELECT FROM isekai.work", "SELECT isekai.claim('w', 1, 1, NULL)",
		"SELECT isekai.keyset_orgs()", "SELECT isekai.tenants()", "SELECT isekai.sweep(1, NULL)", "SELECT FROM isekai.records", "SELECT FROM isekai.entries", "DELETE FROM isekai.events", "UPDATE isekai.outbox SET seq = 1", "SELECT isekai.scrub()",
	} {
		if _, err := relay.Exec(t.Context(), sql); err == nil {
			t.Errorf("the relay may %s", sql)
		}
	}
}

func TestOpenRefusesRoles(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	database := dial(t, cfg.URL).Config().Database
	roles := []string{"isekai_owner", "isekai_relayer"}
	for name, is := range map[string]string{
		"super": "SUPERUSER LOGIN", "bypass": "BYPASSRLS LOGIN IN ROLE isekai_app", "both": "LOGIN IN ROLE isekai_app, isekai_relay", "heir": "LOGIN IN ROLE isekai_app, isekai_owner",
		"nobody": "LOGIN", "maker": "LOGIN CREATEROLE IN ROLE isekai_app", "queue": "LOGIN IN ROLE isekai_app, isekai_queue",
	} {
		role := "refuse_" + name + "_" + database // the cluster's, which has several of these tests
		if err := cluster.Admin(database, "CREATE ROLE "+role+" "+is); err != nil {
			t.Fatal(err)
		}
		roles = append(roles, role)
	}
	cfg.MigrateURL = "" // which would admit a role that has no group
	for _, role := range roles {
		bad := cfg
		bad.URL = cluster.URL(role, database)
		wantRefused(t, role+" as the application", bad, core.Denied)
		if role == "isekai_relayer" {
			continue
		}
		bad = cfg
		bad.RelayURL = cluster.URL(role, database)
		wantRefused(t, role+" as the relay", bad, core.Denied)
	}
}

// An entry of the books stays as it is, and an account above zero, whoever asks: the
// owner of the tables neither.
func TestEntriesNeverChange(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	fill(t, open(t, cfg), "org_a")
	admin := dial(t, strings.Replace(cfg.MigrateURL, "isekai_owner", "postgres", 1))
	before := query[string](t, admin, "SELECT e::text FROM isekai.entries e ORDER BY seq")
	if len(before) != 2 {
		t.Fatalf("%d entries", len(before))
	}
	for _, sql := range []string{
		"UPDATE isekai.entries SET amount = 2 WHERE n = 0", "UPDATE isekai.entries SET note = note", "DELETE FROM isekai.entries", "TRUNCATE isekai.entries",
		"INSERT INTO isekai.entries SELECT * FROM isekai.entries ON CONFLICT (org, seq) DO UPDATE SET amount = 7",
		"INSERT INTO isekai.entries SELECT org, seq + 10, effect, n, kind, project, task, note, account, amount, balance, at FROM isekai.entries",
		"SET session_replication_role = replica; DELETE FROM isekai.entries",
		"UPDATE isekai.accounts SET balance = -1 WHERE account = 'available'", "UPDATE isekai.accounts SET account = ltrim(account, '~')",
	} {
		for _, url := range []string{cfg.URL, cfg.RelayURL, cfg.MigrateURL, admin.Config().ConnString()} {
			conn := dial(t, url)
			if conn.Config().User != "postgres" {
				mustExec(t, conn, "SELECT set_config('isekai.org', 'org_a', false)")
			}
			if _, err := conn.Exec(t.Context(), sql); err == nil {
				t.Errorf("%s did: %s", conn.Config().User, sql)
			}
		}
	}
	if after := query[string](t, admin, "SELECT e::text FROM isekai.entries e ORDER BY seq"); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// The clock of the database counts when no other is given.
func TestDatabaseClock(t *testing.T) {
	t.Parallel()
	st := open(t, cluster.Database(t))
	events := add(t, st, "org_a", "tsk_1", 0)
	if d := time.Since(events[0].At); d < -time.Minute || d > time.Minute {
		t.Errorf("recorded %v ago", d)
	}
	leases, err := st.Claim(t.Context(), "w", 1, time.Hour)
	if err != nil || len(leases) != 1 || time.Until(leases[0].Until) < 59*time.Minute {
		t.Errorf("%+v, %v", leases, err)
	}
	if again, err := st.Claim(t.Context(), "w", 1, time.Hour); err != nil || len(again) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
}
