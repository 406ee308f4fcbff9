package identity_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// watchedRecords counts the writes of API keys, and holds them up while it is told to.
type watchedRecords struct {
	backend
	writes atomic.Int32
	hold   chan struct{} // nil: nothing is held up
	fails  atomic.Bool
}

func (w *watchedRecords) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	for _, c := range changes {
		if c.Kind != "key" {
			continue
		}
		if w.hold != nil {
			select {
			case <-w.hold:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		w.writes.Add(1)
		if w.fails.Load() {
			return core.E(core.Unavailable, "store.write", "it is down")
		}
	}
	return w.backend.Write(ctx, org, changes...)
}

// running starts a node that keeps when keys were used.
func (r *rig) running(records store.Records) *identity.Service {
	r.t.Helper()
	cfg := r.cfg
	cfg.Records = records
	s, err := identity.New(cfg)
	ok(r.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r.t.Cleanup(func() { stop(); ok(r.t, <-ended) })
	return s
}

// used returns when the owner's first key was used last.
func (r *rig) used() time.Time {
	r.t.Helper()
	list, _, err := r.Keys(r.t.Context(), r.owner.Principal, r.owner.User, "", 10)
	ok(r.t, err)
	return list[0].Used
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestTheLastUseOfAKeyIsKept(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		text := r.key(r.owner.Principal, identity.NewKey{Expires: r.clock.Now().Add(24 * time.Hour)})
		want(t, "before", r.used().IsZero(), true)
		w := &watchedRecords{backend: r.store}
		nodes := []*identity.Service{r.running(w), r.running(w)}
		for round := range 3 {
			at := r.clock.Now()
			var wait sync.WaitGroup
			for i := range 40 {
				wait.Go(func() {
					if _, err := bearer(t.Context(), nodes[i%2], text); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			eventually(t, "the use is kept", func() bool { return r.used().Equal(at) })
			if n := int(w.writes.Load()); n > 2*(round+1) { // one, or one of each node at the same moment
				t.Fatalf("%d writes after %d rounds", n, round+1)
			}
			r.clock.Advance(10 * time.Minute)
		}
		_, err := bearer(t.Context(), nodes[0], text) // as good as it was
		ok(t, err)
	})
}

// A store that takes no writes delays no request, and fails none.
func TestKeepingAUseHoldsNothingUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	var texts []string
	for range 3 {
		texts = append(texts, r.key(r.owner.Principal, identity.NewKey{}))
	}
	w := &watchedRecords{backend: r.store, hold: make(chan struct{})}
	node := r.running(w)
	for range 1000 {
		for _, text := range texts {
			_, err := bearer(t.Context(), node, text)
			ok(t, err)
		}
	}
	want(t, "writes", w.writes.Load(), 0)
	w.fails.Store(true)
	close(w.hold)
	eventually(t, "each is tried", func() bool { return w.writes.Load() == 3 })
	want(t, "kept", r.used().IsZero(), true)
	w.fails.Store(false)
	r.clock.Advance(10 * time.Minute)
	_, err := bearer(t.Context(), node, texts[0])
	ok(t, err)
	eventually(t, "the next use is kept", func() bool { return !r.used().IsZero() })
}

// A use that is written late doesn't bring a revoked key back.
func TestALateUseBringsNoKeyBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	k, text, err := r.CreateKey(t.Context(), r.owner.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
	ok(t, err)
	w := &watchedRecords{backend: r.store, hold: make(chan struct{})}
	node := r.running(w)
	_, err = bearer(t.Context(), node, text)
	ok(t, err)
	ok(t, r.RevokeKey(t.Context(), r.owner.Principal, k.ID))
	close(w.hold)
	_, err = bearer(t.Context(), r.node(), text)
	wantCode(t, "the key", err, core.Unauthenticated)
	list, _, err := r.Keys(t.Context(), r.owner.Principal, "", "", 10)
	ok(t, err)
	want(t, "keys", len(list), 0)
}

// fill gives a user of DefaultOrg so many keys, which are nothing but there.
func (r *rig) fill(user core.UserID, keys int) {
	r.t.Helper()
	var changes []store.Change
	for range keys {
		changes = append(changes, store.Change{Kind: "key", ID: string(user) + "/" + core.NewID("key"), Data: []byte("{}")})
	}
	ok(r.t, r.store.Write(r.t.Context(), core.DefaultOrg, changes...))
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		nodes := []*identity.Service{r.Service, r.node()}
		n := identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}}
		r.fill(r.owner.User, identity.MostKeysOfUser-4)
		mine, _, err := r.CreateKey(ctx, r.owner.Principal, n)
		ok(t, err)
		short := n
		short.Expires = r.clock.Now().Add(time.Hour)
		r.key(r.owner.Principal, short)
		var made atomic.Int32 // six who want the last two
		var wait sync.WaitGroup
		for i := range 6 {
			wait.Go(func() {
				_, _, err := nodes[i%2].CreateKey(ctx, r.owner.Principal, n)
				if err == nil {
					made.Add(1)
				} else if core.CodeOf(err) != core.Exhausted || core.HintOf(err) == "" {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		want(t, "made", made.Load(), 2)
		mia := r.member("mia", core.Member)
		r.key(mia.Principal, n) // another user's room is his own
		ok(t, r.RevokeKey(ctx, r.owner.Principal, mine.ID))
		r.key(r.owner.Principal, n)
		_, _, err = r.CreateKey(ctx, r.owner.Principal, n)
		wantCode(t, "full again", err, core.Exhausted)
		r.clock.Advance(time.Hour)
		r.key(r.owner.Principal, n) // in the place of the one that has expired
	})
}

func TestTheKeysOfAnOrgAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	for i := range 10 {
		r.fill(core.UserID(fmt.Sprint("usr_", i)), identity.MostKeysOfOrg/10)
	}
	_, _, err := r.CreateKey(t.Context(), r.owner.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
	wantCode(t, "one more", err, core.Exhausted)
	r.key(r.org("acme").Principal, identity.NewKey{}) // another org's room is its own
}

// What others keep for a key goes with it, wherever the process dies meanwhile.
func TestWhatBelongsToAKeyEndsWithIt(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, s *identity.Service, owner identity.Principal, k identity.Key) error{
		"revoked": func(ctx context.Context, s *identity.Service, owner identity.Principal, k identity.Key) error {
			return s.RevokeKey(ctx, owner, k.ID)
		},
		"of a member who is removed": func(ctx context.Context, s *identity.Service, owner identity.Principal, k identity.Key) error {
			return s.RemoveMember(ctx, owner, k.User)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for after := range 12 {
				var mu sync.Mutex
				kept := map[core.KeyID]bool{}
				r := newRig(t, onSQLite, func(c *identity.Config) {
					c.KeyEnded = func(_ context.Context, org core.OrgID, id core.KeyID) error {
						mu.Lock()
						defer mu.Unlock()
						want(t, "org", org, core.DefaultOrg)
						delete(kept, id)
						return nil
					}
				})
				mia := r.member("mia", core.Member)
				k, text, err := r.CreateKey(t.Context(), mia.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
				ok(t, err)
				kept[k.ID] = true
				cfg := r.cfg
				cfg.Records = &failingRecords{backend: r.store, left: after}
				broken, err := identity.New(cfg)
				ok(t, err)
				failure := end(t.Context(), broken, r.owner.Principal, k)
				if _, err := bearer(t.Context(), r.node(), text); err == nil && !kept[k.ID] {
					t.Fatal("the key is good, and its budget is gone")
				}
				if err := end(t.Context(), r.Service, r.owner.Principal, k); err != nil {
					wantCode(t, "a repeat of what was done", err, core.NotFound)
				}
				want(t, "kept", len(kept), 0)
				if r.heard("key.revoke", "ok")+r.heard("member.remove", "ok") == 0 {
					t.Fatal("the audit log wasn't told")
				}
				list, _, err := r.Keys(t.Context(), r.owner.Principal, "", "", 10)
				ok(t, err)
				want(t, "keys", len(list), 0)
				_, err = bearer(t.Context(), r.node(), text)
				wantCode(t, "the key", err, core.Unauthenticated)
				if failure == nil && after > 6 {
					return
				}
			}
			t.Fatal("it never came to an end")
		})
	}
}
