package postgres_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

// TestASlowStatementIsTold once, by itself or within a transaction, also if it failed: by its text,
// and without its values. A quick one isn't.
func TestASlowStatementIsTold(t *testing.T) {
	t.Parallel()
	const (
		sleeps = `SELECT pg_sleep($1::float8), $2::text`
		quick  = `SELECT $1::text`
		fails  = `SELECT 1 / $1::int`
		absent = `SELECT $1 FROM nothing`
		nap    = 0.1 // seconds
		value  = "a secret value"
	)
	cfg := cluster.Database(t)
	for name, c := range map[string]struct {
		after time.Duration
		run   func(*postgres.Store) error
		fails bool
		want  string // what is told, if it is
		tells int
	}{
		"a transaction": {after: 100 * time.Millisecond, run: func(s *postgres.Store) error {
			return s.Run(t.Context(), "org_a", func(b *pgx.Batch) {
				b.Queue(quick, value)
				b.Queue(sleeps, nap, value)
				b.Queue(sleeps, 0, value)
			})
		}, want: quick + ";\n" + sleeps, tells: 1},
		"a statement": {after: 100 * time.Millisecond, run: func(s *postgres.Store) error { return s.Exec(t.Context(), sleeps, nap, value) }, want: sleeps, tells: 1},
		"one that fails": {after: 100 * time.Millisecond, run: func(s *postgres.Store) error {
			return s.Run(t.Context(), "org_a", func(b *pgx.Batch) { b.Queue(sleeps, nap, value); b.Queue(fails, 0) })
		}, fails: true, want: sleeps + ";\n" + fails, tells: 1},
		"one that is refused": {after: 1, run: func(s *postgres.Store) error {
			return s.Run(t.Context(), "org_a", func(b *pgx.Batch) { b.Queue(absent, value) })
		}, fails: true, want: absent, tells: 1},
		"a quick one": {after: time.Hour, run: func(s *postgres.Store) error { return s.Exec(t.Context(), quick, value) }, want: quick},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var told []string
			cfg := cfg
			cfg.SlowAfter = c.after
			cfg.Slow = func(statement string, took time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				if took < c.after {
					t.Errorf("%s took %s", statement, took)
				}
				told = append(told, statement)
			}
			s := open(t, cfg)
			if err := c.run(s); (err != nil) != c.fails {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			n := len(slices.DeleteFunc(slices.Clone(told), func(s string) bool { return s != c.want })) // a busy machine is slow at other things, too
			if n != c.tells {
				t.Errorf("told %d times of %q in %q", n, c.want, told)
			}
		})
	}
}
