package sqlite

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store"
)

// told are statements that somebody was told of.
type told struct {
	mu  sync.Mutex
	all []string
}

func (o *told) slow(statement string, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if took > 0 {
		o.all = append(o.all, statement)
	}
}

func (o *told) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.all
	o.all = nil
	return all
}

// TestASlowStatementIsTold, whichever way it goes, by its text and without its values; a quick
// one isn't.
func TestASlowStatementIsTold(t *testing.T) {
	t.Parallel()
	const counts = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1) SELECT count(*), ?2 FROM c`
	var seen told
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "db"), Slow: seen.slow, SlowAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var n, value string
	args := []any{100_000, "a secret value"} // longer than 1 ms on any machine
	for name, run := range map[string]func() error{
		"a row": func() error { return s.reader.one(t.Context(), counts, args, &n, &value) },
		"rows":  func() error { return s.reader.each(t.Context(), counts, args, func(*sql.Rows) error { return nil }) },
		"a row of the writer's": func() error {
			return s.write(t.Context(), "test", func(tx *tx) error { return tx.one(counts, args, &n, &value) })
		},
		"a change": func() error {
			return s.write(t.Context(), "test", func(tx *tx) error { _, err := tx.exec(counts, args...); return err })
		},
	} {
		seen.take()
		if err := run(); err != nil {
			t.Fatal(name, err)
		}
		all := seen.take()
		if !slices.Contains(all, counts) || strings.Contains(strings.Join(all, ""), "secret") {
			t.Errorf("%s: told of %q", name, all)
		}
	}

	quick, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "db"), Slow: seen.slow, SlowAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = quick.Close() })
	if _, err := quick.Append(t.Context(), scope, store.Append{Stream: "tsk_1", Events: events(1)}); err != nil {
		t.Fatal(err)
	}
	if all := seen.take(); len(all) > 0 {
		t.Errorf("told of %q", all)
	}
}
