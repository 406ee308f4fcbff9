package postgres_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// wantRefused sees that Open fails with a code and a hint.
func wantRefused(t *testing.T, what string, cfg postgres.Config, code core.Code) {
	t.Helper()
	s, err := postgres.Open(t.Context(), cfg)
	if err == nil {
		_ = s.Close()
	}
	if core.CodeOf(err) != code || core.HintOf(err) == "" {
		t.Errorf("%s: %v (%s, hint %q), want %s", what, err, core.CodeOf(err), core.HintOf(err), code)
	}
	if err != nil && strings.Contains(err.Error()+core.HintOf(err), "secret") {
		t.Errorf("%s: the error shows the password: %v", what, err)
	}
}

func TestOpenRefusesAddresses(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	cfg.MigrateURL = ""
	database := dial(t, cfg.URL).Config().Database
	role := "refuse_password_" + database
	if err := cluster.Admin(database, "CREATE ROLE "+role+" LOGIN PASSWORD 'other' IN ROLE isekai_app"); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		url  string
		code core.Code
	}{
		"none":             {"", core.Invalid},
		"nonsense":         {"postgres://u:secret@host:port/x?%%", core.Invalid},
		"nobody there":     {"postgres://u:secret@127.0.0.1:1/x", core.Unavailable},
		"a wrong password": {cluster.TCP(role, "secret", database), core.Unauthenticated},
		"no such database": {cluster.URL("isekai_server", "none"), core.Unavailable},
	} {
		bad := cfg
		bad.URL = c.url
		wantRefused(t, what, bad, c.code)
		bad = cfg
		bad.RelayURL = c.url
		wantRefused(t, what+" for the relay", bad, c.code)
		bad = cfg
		if bad.MigrateURL = c.url; c.url != "" {
			wantRefused(t, what+" for the owner", bad, c.code)
		}
	}
	empty := cluster.Empty(t)
	empty.MigrateURL = ""
	wantRefused(t, "an empty database", empty, core.Unavailable)
}

// Setup makes the roles in the URLs, with their passwords, when they aren't there.
func TestSetupMakesRoles(t *testing.T) {
	t.Parallel()
	cfg := cluster.Empty(t)
	database := dial(t, cfg.MigrateURL).Config().Database
	cfg.URL = cluster.TCP(`setup "app" `+database, "sécret 'app'", database)
	cfg.RelayURL = cluster.TCP("setup_relay_"+database, "secret relay", database)
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_1", 0)
	open(t, cfg) // again, which changes nothing
	for what, url := range map[string]string{
		"another password": cluster.TCP("setup_relay_"+database, "secret", database), "no password": cluster.TCP("setup_relay_"+database, "", database),
	} {
		bad := cfg
		bad.RelayURL = url
		wantRefused(t, what, bad, core.Unauthenticated)
	}
	weakling, oldest, other := "setup_weak_"+database, "setup_old_"+database, "setup_plain_"+database
	if err := cluster.Admin("postgres", "CREATE ROLE "+weakling+" LOGIN", "CREATE ROLE "+oldest+" LOGIN"); err != nil {
		t.Fatal(err)
	}
	old := cfg
	old.URL = cluster.URL(oldest, database) // it exists, without its group
	add(t, open(t, old), "org_a", "tsk_2", 0)
	weak := cfg // an owner that may not make roles, of a database of its own
	if err := cluster.Admin("postgres", "CREATE DATABASE "+weakling+" OWNER "+weakling); err != nil {
		t.Fatal(err)
	}
	weak.MigrateURL = cluster.URL(weakling, weakling)
	wantRefused(t, "an owner without rights", weak, core.Denied)

	// An administrator has made all roles: the owner needs no right to.
	if err := cluster.Admin("postgres", "CREATE ROLE "+other+" LOGIN IN ROLE isekai_queue", "CREATE DATABASE "+other+" OWNER "+other); err != nil {
		t.Fatal(err)
	}
	plain := postgres.Config{
		URL: cluster.URL(pgtest.Server, other), RelayURL: cluster.URL(pgtest.Relay, other), MigrateURL: cluster.URL(other, other),
	}
	add(t, open(t, plain), "org_a", "tsk_1", 0)
}

// What keeps tenants apart is looked at before anything is served.
func TestOpenRefusesWhatIsOpen(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	owner := dial(t, cfg.MigrateURL)
	for _, c := range [][2]string{{"NO FORCE", "FORCE"}, {"DISABLE", "ENABLE"}} {
		mustExec(t, owner, "ALTER TABLE isekai.letters "+c[0]+" ROW LEVEL SECURITY")
		wantRefused(t, c[0], cfg, core.Denied)
		mustExec(t, owner, "ALTER TABLE isekai.letters "+c[1]+" ROW LEVEL SECURITY")
	}
	open(t, cfg)
	database := owner.Config().Database
	for _, group := range []string{"pg_execute_server_program", "pg_read_server_files"} {
		role := "refuse_" + group[3:] + "_" + database
		if err := cluster.Admin(database, "CREATE ROLE "+role+" LOGIN IN ROLE isekai_app, "+group); err != nil {
			t.Fatal(err)
		}
		bad := cfg
		bad.URL = cluster.URL(role, database)
		wantRefused(t, group, bad, core.Denied)
	}
}

// A backup doesn't keep an org's keys from being destroyed.
func TestShredWhileADumpRuns(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_1", 0)
	if err := st.SetKeyset(t.Context(), "org_a", 0, []byte("wrapped")); err != nil {
		t.Fatal(err)
	}
	dump := dial(t, cfg.MigrateURL)
	mustExec(t, dump, "BEGIN")
	defer mustExec(t, dump, "ROLLBACK")
	for _, table := range query[string](t, dump, `SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'isekai'::regnamespace AND c.relkind = 'r'
		AND c.relname NOT IN ('keysets', 'terms')`) { // as pg_dump does with what it isn't told to leave out
		mustExec(t, dump, "LOCK TABLE "+table+" IN ACCESS SHARE MODE")
	}
	if err := st.Shred(t.Context(), "org_a"); err != nil {
		t.Error(err)
	}
}
