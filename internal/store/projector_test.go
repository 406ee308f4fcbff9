package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// journal is a store of one org's events and one view, in memory.
type journal struct {
	store.Events
	store.Views
	mu      sync.Mutex
	visible int // of events: the rest isn't committed yet
	events  []core.Event
	at      int64
	rows    map[string]int // how often each row was written
	fail    error
}

func (j *journal) ReadOrg(_ context.Context, _ core.OrgID, after int64, limit int) (out []core.Event, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events[:j.visible] {
		if e.Position > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, j.fail
}

func (j *journal) Checkpoint(context.Context, core.OrgID, string) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at, nil
}

func (j *journal) Apply(_ context.Context, _ core.OrgID, _ string, position int64, rows []store.Row) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if position <= j.at {
		return false, nil
	}
	j.at = position
	for _, r := range rows {
		j.rows[r.ID]++
	}
	return true, nil
}

func newJournal(n int) (*journal, *store.Projector) {
	j := &journal{rows: map[string]int{}, visible: n}
	for i := range n {
		kind := []string{"a.made", "b.made"}[i%2]
		j.events = append(j.events, core.Event{Org: "org_a", Stream: core.StreamID(fmt.Sprintf("s%d", i/2)), Type: kind, Position: int64(10 * (i + 1))})
	}
	return j, &store.Projector{
		Store: j, View: "v", Wants: func(t string) bool { return t == "a.made" },
		Row: func(_ context.Context, _ core.OrgID, s core.StreamID) (store.Row, error) {
			return store.Row{ID: string(s)}, nil
		},
	}
}

func TestAProjectorAppliesEachEventOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	j, p := newJournal(1000)
	var wg sync.WaitGroup
	for i := len(j.events) - 1; i >= 0; i-- {
		wg.Go(func() {
			for range 2 {
				if err := p.Handle(t.Context(), j.events[i]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(j.rows) != 500 || j.at < 9990 {
		t.Fatalf("%d rows, at %d", len(j.rows), j.at)
	}
	for id, n := range j.rows {
		if n != 1 {
			t.Errorf("row %s was written %d times", id, n)
		}
	}
}

// TestAProjectorNeverSkips: an event that can't be read yet is asked for again,
// and so is one whose row failed.
func TestAProjectorNeverSkips(t *testing.T) {
	t.Parallel()
	j, p := newJournal(10)
	j.visible = 4 // a transaction before event 9 is still open
	if err := p.Handle(t.Context(), j.events[8]); core.CodeOf(err) != core.Unavailable || j.at != 40 {
		t.Fatalf("at %d: %v", j.at, err)
	}
	j.visible = 10
	bad := errors.New("bad row")
	row := p.Row
	p.Row = func(context.Context, core.OrgID, core.StreamID) (store.Row, error) { return store.Row{}, bad }
	if err := p.Handle(t.Context(), j.events[8]); !errors.Is(err, bad) || j.at != 40 {
		t.Fatalf("at %d: %v", j.at, err)
	}
	p.Row = row
	j.fail = bad
	if err := p.CatchUp(t.Context(), "org_a", 0); !errors.Is(err, bad) {
		t.Fatal(err)
	}
	j.fail = nil
	if err := p.Handle(t.Context(), core.Event{Org: "org_a", Type: "b.made", Position: 999}); err != nil || j.at != 40 {
		t.Fatalf("an event that changes nothing: at %d, %v", j.at, err)
	}
	if err := p.CatchUp(t.Context(), "org_a", 0); err != nil || j.at != 100 || len(j.rows) != 5 {
		t.Fatalf("%d rows, at %d: %v", len(j.rows), j.at, err)
	}
}
