package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/memory/postgres"
)

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

// TestTheDatabaseKeepsTenantsApart asks as the application's role for all rows of every table,
// as code would whose conditions were lost.
func TestTheDatabaseKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	x := open(t, cfg)
	d := memory.Document{ID: "doc_1", Stamp: "s", Length: 1, Parts: [][]byte{{1}}, Words: []memory.Word{{Text: []byte("w"), Uses: []byte{1}}}, Space: "m", Vectors: []byte{1}}
	for _, org := range []core.OrgID{"org_a", "org_b"} {
		if err := x.Put(t.Context(), memory.Shelf{Org: org, Project: "prj_one", Kind: "document"}, d); err != nil {
			t.Fatal(err)
		}
	}
	c := dial(t, cfg.URL)
	for _, table := range []string{"shelves", "documents", "parts", "vectors", "words"} {
		for org, want := range map[string]int{"org_a": 1, "org_b": 1, "org_c": 0, "": 0} {
			var n int
			err := pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `SELECT set_config('isekai.org', $1, true)`, org); err != nil {
					return err
				}
				return tx.QueryRow(t.Context(), `SELECT count(*) FROM isekai_memory.`+table).Scan(&n)
			})
			if err != nil || n != want {
				t.Errorf("as %q %s has %d rows, want %d: %v", org, table, n, want, err)
			}
		}
	}
	err := pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT set_config('isekai.org', 'org_a', true)`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO isekai_memory.shelves VALUES ('org_b', 'prj_two', 'document', 1)`)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("a row of another org is written: %v", err)
	}
}

// TestRolesThatSeeAllAreRefused: the owner's, and everybody's once somebody switches the guard off.
func TestRolesThatSeeAllAreRefused(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	open(t, cfg)
	wrong := cfg
	wrong.URL = cfg.MigrateURL
	if _, err := postgres.Open(t.Context(), wrong); core.CodeOf(err) != core.Denied {
		t.Errorf("the owner: %v", err)
	}
	c := dial(t, cfg.MigrateURL)
	if _, err := c.Exec(t.Context(), `ALTER TABLE isekai_memory.words NO FORCE ROW LEVEL SECURITY`); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Open(t.Context(), cfg); core.CodeOf(err) != core.Denied || core.HintOf(err) == "" {
		t.Errorf("without the guard: %v", err)
	}
}

// TestSchemasOfOtherVersions: an older one without its owner, and a newer one, are refused.
func TestSchemasOfOtherVersions(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	alone := cfg
	alone.MigrateURL = ""
	if _, err := postgres.Open(t.Context(), alone); core.CodeOf(err) != core.Unavailable || !strings.Contains(core.HintOf(err), "db migrate") {
		t.Errorf("without a schema: %v", err)
	}
	open(t, cfg)
	open(t, alone)
	c := dial(t, cfg.MigrateURL)
	if _, err := c.Exec(t.Context(), `INSERT INTO isekai_memory.goose_db_version (version_id, is_applied) VALUES (99, true)`); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []postgres.Config{cfg, alone} {
		if _, err := postgres.Open(t.Context(), cfg); core.CodeOf(err) != core.Unsupported {
			t.Errorf("a newer schema: %v", err)
		}
	}
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: "nonsense:/"}); core.CodeOf(err) != core.Invalid {
		t.Errorf("no URL: %v", err)
	}
}
