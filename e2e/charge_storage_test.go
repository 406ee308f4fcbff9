package e2e

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestStorageIsPaidFor: a server has what an org keeps paid for, once a day however often it
// starts, and the command line shows what that has cost.
func TestStorageIsPaidFor(t *testing.T) {
	t.Parallel()
	up := upstream(t, noting)
	d := data{t: t, dir: t.TempDir(), env: append(cleanEnv(), charging(up)...)}
	d.does("credit", "grant", "1000")
	d.does("credit", "price", "set", "model/scripted")
	d.does("credit", "price", "set", "storage", "--gib-day", "100000")
	d.does("task", "run", "note this: there.")
	for range 3 {
		s := serve(t, d.dir, d.env)
		var b client.Balance
		until(t, func() bool {
			var err error
			b, err = s.Balance(t.Context())
			return err == nil && b.Storage > 0
		}, func() string { return "nothing was paid: " + s.errs.String() })
		s.stop(t)
	}
	lines := d.does("credit", "entries", "--account", "storage")
	days := map[string]int{}
	for line := range strings.Lines(lines) {
		if _, note, ok := strings.Cut(line, " GiB on "); ok {
			days[note[:len("2026-11-22")]]++
		}
	}
	if len(days) == 0 || len(days) > 2 { // one, unless it is midnight
		t.Errorf("%v: %s", days, lines)
	}
	for day, n := range days {
		if n != 1 {
			t.Errorf("%s was paid for %d times: %s", day, n, lines)
		}
	}
	if text := d.does("credit", "balance"); !strings.Contains(text, "for storage") {
		t.Error(text)
	}
	// A task of a few kilobytes: what was measured is neither nothing nor far too much.
	s := serve(t, d.dir, d.env)
	b, err := s.Balance(t.Context())
	price := core.Price{GiBDay: 100_000 * core.Credit}
	if least, most := price.Kept(2<<10), price.Kept(4<<20); err != nil || b.Storage < least || b.Storage > most {
		t.Errorf("%d, from %d to %d: %v", b.Storage, least, most, err)
	}
}
