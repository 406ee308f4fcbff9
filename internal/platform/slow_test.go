package platform

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/core/coretest"
)

// slowBook is an empty one, with a clock and a log of its own.
func slowBook() (s *slowQueries, clock *time.Time, log *coretest.Output) {
	log, clock = &coretest.Output{}, new(time.Time)
	*clock = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s = newSlowQueries(slog.New(slog.NewTextHandler(log, nil)), prometheus.NewRegistry())
	s.now = func() time.Time { return *clock }
	return s, clock, log
}

// TestSlowStatementsAreBounded: the one that was slow longest ago makes room, and no text is longer
// than it may be.
func TestSlowStatementsAreBounded(t *testing.T) {
	t.Parallel()
	s, clock, _ := slowBook()
	tell := s.of(onSQLite)
	for i := range maxSlow + 20 {
		*clock = clock.Add(time.Second)
		tell(fmt.Sprintf("SELECT %d", i), time.Second)
		tell("SELECT\n\t\tagain", 2*time.Second)
	}
	tell(strings.Repeat("é", maxStatement), time.Second)
	all := s.list()
	if len(all) != maxSlow || all[0].Statement != "SELECT again" || all[0].Count != maxSlow+20 || all[0].LongestMS != 2000 || all[0].TotalMS != 2000*(maxSlow+20) || !all[0].Last.Equal(*clock) {
		t.Errorf("%d, the first of which is %+v", len(all), all[0])
	}
	for _, q := range all {
		if q.Statement == "SELECT 21" || len(q.Statement) > maxStatement || strings.ToValidUTF8(q.Statement, "") != q.Statement {
			t.Errorf("%d bytes: %.50q", len(q.Statement), q.Statement)
		}
	}
}

// TestSlowStatementsAreLogged: a statement once in ten seconds, and then with how often it was.
func TestSlowStatementsAreLogged(t *testing.T) {
	t.Parallel()
	s, clock, log := slowBook()
	tell := s.of(onPostgres)
	for range 3 {
		tell("SELECT 1", 1234567*time.Microsecond)
	}
	tell("SELECT 2", time.Second)
	*clock = clock.Add(slowPause)
	tell("SELECT 1", time.Second)
	var got []string
	for line := range strings.Lines(log.String()) {
		_, said, _ := strings.Cut(line, "level=")
		got = append(got, strings.TrimSpace(said))
	}
	const say = `WARN msg="a statement was slow" store=postgres took=%s times=%d statement="SELECT %d"`
	want := []string{fmt.Sprintf(say, "1.235s", 1, 1), fmt.Sprintf(say, "1s", 1, 2), fmt.Sprintf(say, "1s", 3, 1)}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSlowStatementsFromManySides are all counted.
func TestSlowStatementsFromManySides(t *testing.T) {
	t.Parallel()
	s, _, _ := slowBook()
	s.log = slog.New(slog.DiscardHandler)
	var all sync.WaitGroup
	for i := range 8 {
		tell := s.of(onSQLite)
		all.Go(func() {
			for k := range 100 {
				tell(fmt.Sprintf("SELECT %d", (i+k)%10), time.Millisecond)
				s.list()
			}
		})
	}
	all.Wait()
	var n int64
	for _, q := range s.list() {
		n += q.Count
	}
	if n != 800 {
		t.Errorf("%d of 800", n)
	}
}
