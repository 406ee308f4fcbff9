package vault

import (
	"context"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Store returns inner with everything in it sealed: the data of events, of rows and of
// records, and the reasons of letters. The books stay readable: ids, kinds and amounts. The outbox stays sealed, so that the relay carries ciphertext;
// Handler opens it. Terms and Keysets are inner's. It is a store.Waker if inner is one;
// what else a driver offers, platform asks of the driver.
//
// All that reads or writes an org's content is not_found when the org was shredded; what
// only removes, or tells places alone (Blocked), works, so that its rows can be swept up.
// Work of it isn't given out.
func (v *Vault) Store(inner store.Store) store.Store {
	s := &sealed{Store: inner, vault: v}
	if w, ok := inner.(store.Waker); ok {
		return &struct {
			*sealed
			store.Waker
		}{s, w}
	}
	return s
}

// sealed is the decorator. TestEveryMethodIsDecidedUpon holds it to every method of the
// port: what isn't here is inner's as it is.
type sealed struct {
	store.Store
	vault *Vault
}

// Append implements store.Events.
func (s *sealed) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	if err := a.Check(scope); err != nil {
		return nil, err
	}
	keys, err := s.vault.keysToWrite(ctx, scope.Org)
	if err != nil {
		return nil, err
	}
	plain := a.Events
	a.Events = make([]store.NewEvent, len(plain))
	for i, e := range plain {
		place := eventPlace(&core.Event{
			ID: e.ID, Org: scope.Org, Project: scope.Project, Stream: a.Stream, Version: a.Expected + 1 + int64(i),
			Type: e.Type, Actor: scope.Actor,
		})
		if e.Data, err = keys.seal(e.Data, place); err != nil {
			return nil, err
		}
		a.Events[i] = e
	}
	stored, err := s.Store.Append(ctx, scope, a)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		stored[i].Data = plain[i].Data
	}
	return stored, nil
}

// Orgs implements store.Events: those that aren't gone.
func (s *sealed) Orgs(ctx context.Context) ([]core.OrgID, error) {
	all, err := s.Store.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	with, err := s.Store.KeysetOrgs(ctx)
	if err != nil {
		return nil, err
	}
	alive := map[core.OrgID]bool{}
	for _, org := range with {
		alive[org] = true
	}
	return slices.DeleteFunc(all, func(org core.OrgID) bool { return !alive[org] }), nil
}

// ReadStream implements store.Events.
func (s *sealed) ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error) {
	events, err := s.Store.ReadStream(ctx, org, stream, after, limit)
	return s.openEvents(ctx, org, events, err)
}

// ReadOrg implements store.Events.
func (s *sealed) ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error) {
	events, err := s.Store.ReadOrg(ctx, org, after, limit)
	return s.openEvents(ctx, org, events, err)
}

// openEvents opens what was read. The keys are looked at afterwards: those of every event
// that is there are then known.
func (s *sealed) openEvents(ctx context.Context, org core.OrgID, events []core.Event, err error) ([]core.Event, error) {
	if err != nil {
		return nil, err
	}
	o, err := s.vault.opener(ctx, org)
	if err != nil {
		return nil, err
	}
	for i := range events {
		if events[i].Data, err = o.event(ctx, &events[i]); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func (o *opening) event(ctx context.Context, e *core.Event) ([]byte, error) {
	plain, err := o.open(ctx, e.Data, eventPlace(e))
	if err != nil {
		return nil, unopened("event "+string(e.ID)+" of stream "+string(e.Stream), err)
	}
	return plain, nil
}

// Claim implements store.Work. Work of an org that is gone is removed instead of given out.
func (s *sealed) Claim(ctx context.Context, worker string, n int, ttl time.Duration) ([]store.Lease, error) {
	leases, err := s.Store.Claim(ctx, worker, n, ttl)
	if err != nil {
		return nil, err
	}
	kept := leases[:0]
	for _, l := range leases {
		if _, err := s.vault.keys(ctx, l.Org); core.CodeOf(err) != core.NotFound {
			kept = append(kept, l) // what else is wrong with it, its worker finds out
			continue
		}
		if err := s.retire(ctx, l); err != nil && ctx.Err() == nil {
			s.vault.cfg.Log.WarnContext(ctx, "work of an org that is gone stays", "org", l.Org, "stream", l.Stream, "error", err)
		}
	}
	return kept, nil
}

// retire removes a stream's work.
func (s *sealed) retire(ctx context.Context, l store.Lease) error {
	const page = 1024
	for head := int64(0); ; {
		events, err := s.Store.ReadStream(ctx, l.Org, l.Stream, head, page)
		if err != nil {
			return err
		}
		if len(events) > 0 {
			head = events[len(events)-1].Version
			continue
		}
		scope := core.Scope{Org: l.Org, Project: l.Project, Actor: core.Actor{Kind: core.ActorSystem, ID: "vault"}}
		_, err = s.Store.Append(ctx, scope, store.Append{Stream: l.Stream, Expected: head, Work: store.WorkNone, Lease: &l})
		return err
	}
}
