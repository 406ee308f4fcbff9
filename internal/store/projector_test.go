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
	store.ProjectorStore
	mu     sync.Mutex
	events []core.Event
	marks  map[core.StreamID]int64
	rows   map[string]int // how often each row was written
}

func (j *journal) ReadOrg(_ context.Context, _ core.OrgID, after int64, limit int) (out []core.Event, err error) {
	for _, e := range j.events {
		if e.Position > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (j *journal) ReadStream(_ context.Context, _ core.OrgID, s core.StreamID, after int64, limit int) (out []core.Event, err error) {
	for _, e := range j.events {
		if e.Stream == s && e.Version > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (j *journal) Apply(_ context.Context, _ core.OrgID, _ string, of store.Mark, rows []store.Row) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if of.Version <= j.marks[of.Stream] {
		return false, nil
	}
	j.marks[of.Stream] = of.Version
	for _, r := range rows {
		j.rows[r.ID]++
	}
	return true, nil
}

func newJournal(n int) (*journal, *store.Projector) {
	j := &journal{rows: map[string]int{}, marks: map[core.StreamID]int64{}}
	for i := range n {
		kind := []string{"a.made", "b.made"}[i%2]
		j.events = append(j.events, core.Event{
			Org: "org_a", Stream: core.StreamID(fmt.Sprintf("s%d", i/4)), Version: int64(i%4 + 1), Type: kind, Position: int64(10 * (i + 1)),
		})
	}
	return j, &store.Projector{
		Store: j, View: "v", Wants: func(t string) bool { return t == "a.made" },
		Row: func(events []core.Event) (store.Row, error) {
			return store.Row{ID: string(events[0].Stream)}, nil
		},
	}
}

func TestAProjectorAppliesEachEventOnce(t *testing.T) {
	t.Parallel()
	j, p := newJournal(400)
	for range 2 {
		for _, e := range j.events {
			if err := p.Handle(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(j.rows) != 100 {
		t.Fatalf("%d rows", len(j.rows))
	}
	for id, n := range j.rows {
		if n != 2 { // two of its four events are wanted
			t.Errorf("row %s was written %d times", id, n)
		}
	}
}

// TestCatchingUpFoldsAStreamOnce: however many of its events there are.
func TestCatchingUpFoldsAStreamOnce(t *testing.T) {
	t.Parallel()
	j, p := newJournal(400)
	for range 2 {
		at, err := p.CatchUp(t.Context(), "org_a", 0)
		if err != nil || at != 4000 {
			t.Fatalf("at %d, %v", at, err)
		}
	}
	for id, n := range j.rows {
		if n != 1 {
			t.Errorf("row %s was written %d times", id, n)
		}
	}
	if len(j.rows) != 100 {
		t.Errorf("%d rows", len(j.rows))
	}
}

func TestAProjectorPassesOnWhatFails(t *testing.T) {
	t.Parallel()
	j, p := newJournal(4)
	bad := errors.New("bad row")
	p.Row = func([]core.Event) (store.Row, error) { return store.Row{}, bad }
	if err := p.Handle(t.Context(), j.events[0]); !errors.Is(err, bad) || len(j.marks) != 0 {
		t.Errorf("%v, marks %v", err, j.marks)
	}
	if _, err := p.CatchUp(t.Context(), "org_a", 0); !errors.Is(err, bad) {
		t.Errorf("%v", err)
	}
	if err := p.Handle(t.Context(), j.events[1]); err != nil {
		t.Errorf("an event that changes nothing: %v", err)
	}
}
