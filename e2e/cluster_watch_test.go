package e2e

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// Tasks that one node accepts are done by any, and a reader at another node than the
// worker's sees every event, in order, as it comes.
func TestReadersAndWorkersOnDifferentNodes(t *testing.T) {
	t.Parallel()
	thinking := newGate()
	defer thinking.let()
	in := install(t, on{kafka: true, model: upstream(t, func(n int, r modeltest.Request) modeltest.Answer {
		if kind, turn := turnOf(r); kind == working && turn == 1 && lastWord(r) == "watched" {
			thinking.wait()
		}
		return noting(n, r)
	})})
	a := in.node(t)
	id := a.create(t, "note this: watched")
	thinking.reached(t)
	b := in.node(t) // which hasn't claimed it
	seen, attached := make(chan delays, 1), make(chan struct{})
	go func() { seen <- watch(t, b, id, sync.OnceFunc(func() { close(attached) })) }()
	<-attached
	thinking.let()
	got := <-seen
	if err := whole(got.events); err != nil {
		t.Error(err)
	}
	if names := workers(got.events); len(names) != 1 {
		t.Errorf("it was worked on by %q", names)
	}
	t.Logf("from an event's time until a reader at another node has it: median %v, longest %v", got.median(), got.longest())

	var ids []core.TaskID
	for range 24 {
		ids = append(ids, a.create(t, "note this: any"))
	}
	by := map[string]int{}
	for _, id := range ids {
		b.ended(t, id)
		for _, name := range workers(b.story(t, id)) {
			by[name]++
		}
	}
	if len(by) < 2 {
		t.Errorf("of two nodes %d worked: %v", len(by), by)
	}
	b.agrees(t)
	if n := len(b.allTasks(t)); n != len(ids)+1 {
		t.Errorf("%d tasks in the list, not %d", n, len(ids)+1)
	}
}

// delays are events as a reader got them, and how old each was.
type delays struct {
	events []core.Event
	after  []time.Duration // of those that came live
}

func (d delays) sorted() []time.Duration { return slices.Sorted(slices.Values(d.after)) }

func (d delays) median() time.Duration { return d.sorted()[len(d.after)/2] }

func (d delays) longest() time.Duration { return d.sorted()[len(d.after)-1] }

// watch reads a task's events to the end, and calls got with each.
func watch(t *testing.T, s *server, id core.TaskID, got func()) (d delays) {
	from := time.Now()
	for e, err := range s.TaskEvents(t.Context(), id, 0) {
		if err != nil {
			t.Error(err)
			return d
		}
		d.events = append(d.events, e)
		got()
		if e.At.After(from) {
			d.after = append(d.after, time.Since(e.At))
		}
	}
	return d
}
