package postgres_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

// Ten replicas that start at once on an empty database migrate it once, and all work.
func TestTenMigrateOnce(t *testing.T) {
	t.Parallel()
	cfg := cluster.Empty(t)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			s, err := postgres.Open(t.Context(), cfg)
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
				return
			}
			defer func() { _ = s.Close() }()
			add(t, s, "org_a", core.StreamID(fmt.Sprint("tsk_", i)), 0)
		})
	}
	all.Wait()
	applied := query[int64](t, dial(t, cfg.MigrateURL), "SELECT version_id FROM isekai.goose_db_version ORDER BY id")
	if want := []int64{0, 1, 2, 3}; !slices.Equal(applied, want) {
		t.Errorf("applied %v, want %v", applied, want)
	}
}

// Every migration goes down and up again on a database with data in every table, and
// leaves what the one before it made.
func TestEveryMigrationDownAndUp(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	s := open(t, cfg)
	fill(t, s, "org_a", "org_b")
	_ = s.Close()
	conn := dial(t, cfg.MigrateURL)
	_, newest, err := postgres.Versions(t.Context(), cfg)
	if err != nil || newest < 3 {
		t.Fatal(newest, err)
	}
	shapes := map[int64][]string{newest: shape(t, conn)}
	step := func(version int64) {
		t.Helper()
		if err := postgres.Migrate(t.Context(), cfg, version); err != nil {
			t.Fatalf("to %d: %v", version, err)
		}
		if current, _, err := postgres.Versions(t.Context(), cfg); err != nil || current != version {
			t.Fatalf("at %d, want %d (%v)", current, version, err)
		}
		got := shape(t, conn)
		if want, seen := shapes[version]; seen && !slices.Equal(got, want) {
			t.Errorf("version %d isn't what it was (-was +is):\n%s", version, cmp.Diff(want, got))
		}
		shapes[version] = got
	}
	for v := newest - 1; v >= 0; v-- {
		step(v)
		step(v + 1)
		step(v)
		if v == 1 {
			if n := query[int64](t, conn, "SELECT count(*) FROM isekai.events"); n[0] != 2 {
				t.Errorf("at version 1 there are %d events, want 2", n[0])
			}
		}
	}
	if left := shapes[0]; len(left) > 0 {
		t.Errorf("version 0 has %v", left)
	}
	step(newest)
	fill(t, open(t, cfg), "org_a", "org_b")
	for _, version := range []int64{-1, newest + 1} {
		if err := postgres.Migrate(t.Context(), cfg, version); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("to %d: %v", version, err)
		}
	}
}

// shape lists what is in the schema, with its rights and policies.
func shape(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return query[string](t, conn, `
		SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || a.attstorage::text
			FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'isekai'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'goose_db_version'
		UNION ALL SELECT 'relation ' || relname || ' ' || relkind::text || ' ' || relrowsecurity || ' ' || relforcerowsecurity || ' ' || coalesce(relacl::text, '')
			FROM pg_class WHERE relnamespace = 'isekai'::regnamespace AND relname NOT LIKE 'goose%'
		UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || ' ' || cmd || ' ' || roles::text || ' ' || coalesce(qual, '') FROM pg_policies WHERE schemaname = 'isekai'
		UNION ALL SELECT 'function ' || proname || ' ' || pg_get_userbyid(proowner) || ' ' || prosecdef || ' ' || coalesce(proacl::text, '') || ' ' || md5(prosrc)
			FROM pg_proc WHERE pronamespace = 'isekai'::regnamespace
		UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
			WHERE c.relnamespace = 'isekai'::regnamespace AND NOT tgisinternal
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'isekai' AND indexname NOT LIKE 'goose%'
		ORDER BY 1`)
}

func TestFailedMigrationStopsSetup(t *testing.T) {
	t.Parallel()
	cfg := cluster.Empty(t)
	files := fstest.MapFS{"00004_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABLE isekai.half (a int);\nCREATE TABLE isekai.events (a int);\n")}}
	good, err := fs.ReadDir(postgres.Migrations(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range good {
		data, err := fs.ReadFile(postgres.Migrations(), f.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name()] = &fstest.MapFile{Data: data}
	}
	err = postgres.SetupFrom(t.Context(), cfg, files)
	if core.CodeOf(err) != core.Internal || core.HintOf(err) == "" || !strings.Contains(err.Error(), "as it was before") {
		t.Errorf("a broken migration gives %v (hint %q)", err, core.HintOf(err))
	}
	conn := dial(t, cfg.MigrateURL)
	if half := query[bool](t, conn, "SELECT to_regclass('isekai.half') IS NOT NULL"); half[0] {
		t.Error("half of it is there")
	}
	if current, newest, err := postgres.Versions(t.Context(), cfg); err != nil || current != 3 || newest != 3 {
		t.Errorf("the database is at %d of %d (%v)", current, newest, err)
	}
	add(t, open(t, cfg), "org_a", "tsk_1", 0) // it is as this build wants it
}

func TestNewerAndOlderSchemaStopOpen(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	without := cfg
	without.MigrateURL = ""
	add(t, open(t, without), "org_a", "tsk_1", 0)
	conn := dial(t, cfg.MigrateURL)
	mustExec(t, conn, "INSERT INTO isekai.goose_db_version (version_id, is_applied) VALUES (99, true)")
	wantRefused(t, "a newer schema", cfg, core.Unsupported)
	wantRefused(t, "a newer schema, without the owner", without, core.Unsupported)
	if err := postgres.Migrate(t.Context(), cfg, 0); core.CodeOf(err) != core.Unsupported {
		t.Errorf("rolling a newer schema back gives %v", err)
	}
	mustExec(t, conn, "DELETE FROM isekai.goose_db_version WHERE version_id = 99")
	if err := postgres.Migrate(t.Context(), cfg, 1); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "an older schema, without the owner", without, core.Unavailable)
	add(t, open(t, cfg), "org_a", "tsk_1", 1)
}

// Who waits for another's migration can give up.
func TestMigrationWaitsForTheOther(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	holder := dial(t, cfg.MigrateURL)
	mustExec(t, holder, "SELECT pg_advisory_lock(x'6973656b6169'::bigint)")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- postgres.Setup(ctx, cfg) }()
	admin := dial(t, cfg.MigrateURL)
	for query[int64](t, admin, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")[0] == 0 {
		select {
		case err := <-result:
			t.Fatalf("it didn't wait: %v", err)
		default:
		}
	}
	cancel()
	if err := <-result; core.CodeOf(err) != core.Canceled {
		t.Errorf("canceled: %v", err)
	}
}
