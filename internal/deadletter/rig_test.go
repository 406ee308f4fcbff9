package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

var errBad = errors.New("a bug")

// rig is a store with a consumer behind a guard.
type rig struct {
	st      store.Store
	guard   *deadletter.Guard
	service *deadletter.Service
	scope   core.Scope

	mu      sync.Mutex
	applied map[core.StreamID][]int64 // in order
	fail    func(e core.Event) error  // before it is applied; may be nil
	ack     func(e core.Event) error  // after it was applied; may be nil
	calls   int
	fault   string
}

func openStore(t testing.TB) store.Store {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{})
}

func newRig(st store.Store, wait bool) *rig {
	r := &rig{
		st: st, applied: map[core.StreamID][]int64{},
		scope: core.Scope{
			Org: core.OrgID(core.NewID("org")), Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"},
		},
	}
	r.guard = &deadletter.Guard{
		Consumer: "one", Next: r.handle, Letters: st, Wait: wait, Tries: 3, Backoff: time.Nanosecond, MaxBackoff: time.Nanosecond,
	}
	r.service = &deadletter.Service{Letters: st, Carried: st, Readable: st, Consumers: []*deadletter.Guard{r.guard}}
	return r
}

// handle is a consumer that is idempotent. One that waits relies on the order, too.
func (r *rig) handle(_ context.Context, e core.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	done := r.applied[e.Stream]
	if !slices.Contains(done, e.Version) {
		if r.fail != nil {
			if err := r.fail(e); err != nil {
				return err
			}
		}
		if r.guard.Wait && e.Version != int64(len(done))+1 {
			r.fault = fmt.Sprintf("version %d of %s came after %v", e.Version, e.Stream, done)
		}
		r.applied[e.Stream] = append(done, e.Version)
	}
	if r.ack != nil {
		return r.ack(e)
	}
	return nil
}

// append stores versions 1 to n of a stream.
func (r *rig) append(t rapid.TB, stream core.StreamID, n int) []core.Event {
	t.Helper()
	var events []store.NewEvent
	for range n {
		events = append(events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: "thing.happened", Data: []byte(`{}`)})
	}
	stored, err := r.st.Append(context.Background(), r.scope, store.Append{Stream: stream, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// letters returns the dead letters' versions by stream.
func (r *rig) letters(t rapid.TB) map[core.StreamID][]int64 {
	t.Helper()
	letters, err := r.service.List(context.Background(), r.scope, "one", store.Letter{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	m := map[core.StreamID][]int64{}
	for _, l := range letters {
		m[l.Stream] = append(m[l.Stream], l.Version)
	}
	return m
}

func (r *rig) deliver(t rapid.TB, events ...core.Event) {
	t.Helper()
	for _, e := range events {
		if err := r.guard.Handle(context.Background(), e); err != nil {
			t.Fatalf("version %d: %v", e.Version, err)
		}
	}
}

// failing returns a fail that refuses some versions.
func failing(versions ...int64) func(core.Event) error {
	return func(e core.Event) error {
		if slices.Contains(versions, e.Version) {
			return errBad
		}
		return nil
	}
}
