package redact

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Trap is a canary: a text that looks like a credential, opens nothing, and is put where
// nobody has a reason to take it from. It is searched for in its own org alone.
type Trap struct {
	ID      string // "can_..."
	Name    string
	By      core.Actor
	Created time.Time
}

// The bounds of canaries.
const (
	MaxCanaries   = 100 // of an org
	maxCanaryName = 100 // bytes
)

const canaries store.Kind[trapDoc] = "redact_canary"

// trapDoc is a Trap as it is kept.
type trapDoc struct {
	Name    string
	By      core.Actor
	Created time.Time
	Text    string
}

func trapOf(d store.Doc[trapDoc]) Trap {
	return Trap{ID: d.ID, Name: d.Data.Name, By: d.Data.By, Created: d.Data.Created}
}

// AddCanary makes one and returns its text, which no other call does. It is searched for at
// once here, and by other processes after CacheFor. Errors: invalid; exhausted: the org has
// MaxCanaries.
func (s *Service) AddCanary(ctx context.Context, scope core.Scope, name string) (Trap, string, error) {
	const op = "redact.canary"
	if name = strings.TrimSpace(name); name == "" || len(name) > maxCanaryName {
		return Trap{}, "", core.E(core.Invalid, op, "a canary has a name of up to 100 bytes").WithHint("say where it is put")
	}
	all, err := s.traps(ctx, scope.Org)
	if err != nil {
		return Trap{}, "", err
	}
	if len(all) >= MaxCanaries {
		return Trap{}, "", core.E(core.Exhausted, op, "the org has 100 canaries").WithHint("delete one that isn't out any more")
	}
	// No service's tokens begin like this, so that other orgs' filters don't know it.
	text := "svc_live_" + rand.Text() + rand.Text()[:14]
	d := store.Doc[trapDoc]{ID: s.cfg.IDs("can"), Data: trapDoc{name, scope.Actor, s.cfg.Now().UTC(), text}}
	if err := s.cfg.Records.Write(ctx, scope.Org, canaries.Put(d)); err != nil {
		return Trap{}, "", err
	}
	s.forget(scope.Org)
	return trapOf(d), text, nil
}

// Canaries returns the org's, the oldest first, without their texts.
func (s *Service) Canaries(ctx context.Context, org core.OrgID) ([]Trap, error) {
	found, err := s.traps(ctx, org)
	all := make([]Trap, len(found))
	for i, d := range found {
		all[i] = trapOf(d)
	}
	return all, err
}

func (s *Service) traps(ctx context.Context, org core.OrgID) ([]store.Doc[trapDoc], error) {
	return canaries.All(ctx, s.cfg.Records, org, "", 2*MaxCanaries) // some may be made at the same time
}

// RemoveCanary has a canary not be searched for any more, and returns what it was.
// not_found: there is none.
func (s *Service) RemoveCanary(ctx context.Context, org core.OrgID, id string) (Trap, error) {
	d, err := canaries.Get(ctx, s.cfg.Records, org, id)
	if core.CodeOf(err) == core.NotFound {
		err = core.E(core.NotFound, "redact.canary", "there is no such canary")
	}
	if err == nil {
		err = s.cfg.Records.Write(ctx, org, canaries.Drop(d))
	}
	if err != nil {
		return Trap{}, err
	}
	s.forget(org)
	return trapOf(d), nil
}
