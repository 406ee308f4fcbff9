package postgres_test

import (
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

// TestTheFunctionsTrustNoTemporaryType: a type in the caller's temporary schema, with a
// check that calls the caller's function, isn't met by a function that runs as another role.
func TestTheFunctionsTrustNoTemporaryType(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	fill(t, st, "org_a", "org_b")
	path := filepath.Join(t.TempDir(), "dump")
	if _, err := st.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	restored := cluster.Empty(t)
	if err := postgres.Restore(t.Context(), restored, path); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]postgres.Config{"new": cfg, "restored": restored} {
		conn := dial(t, c.URL)
		mustExec(t, conn, `CREATE TEMP TABLE seen (who pg_catalog.text)`)
		mustExec(t, conn, `GRANT ALL ON seen TO PUBLIC`)
		mustExec(t, conn, `CREATE FUNCTION pg_temp.spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO pg_temp.seen VALUES (current_user); RETURN true; END $$`)
		mustExec(t, conn, `CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.spy())`)
		for _, sql := range []string{`SELECT count(*) FROM isekai.claim('w', 2, 1000000, NULL)`, `SELECT isekai.begun_orgs()`, `SELECT isekai.keyset_orgs()`, `SELECT isekai.scrub()`} {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Errorf("%s: %s: %v", name, sql, err)
			}
		}
		for _, who := range query[string](t, conn, `SELECT DISTINCT who::pg_catalog.text FROM seen`) {
			t.Errorf("%s: the caller's function ran as %s", name, who)
		}
	}
}
