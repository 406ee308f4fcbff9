package steps

import (
	"context"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Finishes are streams that tell when tasks have ended, as their last event is stored.
type Finishes struct {
	store.Events
	mu      sync.Mutex
	waiting map[core.StreamID]chan core.TaskStatus
}

// NewFinishes returns the streams of st.
func NewFinishes(st store.Events) *Finishes {
	return &Finishes{Events: st, waiting: map[core.StreamID]chan core.TaskStatus{}}
}

// of returns a channel that gets the task's end, whether that has been or comes.
func (f *Finishes) of(stream core.StreamID) chan core.TaskStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.waiting[stream]
	if c == nil {
		c = make(chan core.TaskStatus, 1)
		f.waiting[stream] = c
	} else {
		delete(f.waiting, stream)
	}
	return c
}

// Append implements store.Events.
func (f *Finishes) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	events, err := f.Events.Append(ctx, scope, a)
	if n := len(events); err == nil && n > 0 && events[n-1].Type == (core.TaskFinished{}).EventType() {
		p, err := events[n-1].Payload()
		if err != nil {
			return nil, err
		}
		f.of(a.Stream) <- p.(core.TaskFinished).Status
	}
	return events, err
}
