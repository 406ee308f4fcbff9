package redact

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
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

	text string
}

// The bounds of canaries.
const (
	MaxCanaries   = 100 // of an org
	maxCanaryName = 100 // bytes
)

const canaryKind = "redact_canary"

// trapDoc is a Trap as it is kept.
type trapDoc struct {
	Name    string
	By      core.Actor
	Created time.Time
	Text    string
}

// AddCanary makes one and returns its text, which no other call does. It is searched for at
// once here, and by other processes after CacheFor. Errors: invalid; exhausted: the org has
// MaxCanaries.
func (s *Service) AddCanary(ctx context.Context, scope core.Scope, name string) (Trap, string, error) {
	const op = "redact.canary"
	if name = strings.TrimSpace(name); name == "" || len(name) > maxCanaryName {
		return Trap{}, "", core.E(core.Invalid, op, "a canary has a name of up to 100 bytes").WithHint("say where it is put")
	}
	all, err := s.canaries(ctx, scope.Org)
	if err != nil {
		return Trap{}, "", err
	}
	if len(all) >= MaxCanaries {
		return Trap{}, "", core.E(core.Exhausted, op, "the org has 100 canaries").WithHint("delete one that isn't out any more")
	}
	// No service's tokens begin like this, so that other orgs' filters don't know it.
	text := "svc_live_" + rand.Text() + rand.Text()[:14]
	t := Trap{ID: s.cfg.IDs("can"), Name: name, By: scope.Actor, Created: s.cfg.Now().UTC()}
	data, err := json.Marshal(trapDoc{t.Name, t.By, t.Created, text})
	if err != nil {
		return Trap{}, "", fmt.Errorf("%s: %w", op, err)
	}
	if err := s.cfg.Records.Write(ctx, scope.Org, store.Change{Kind: canaryKind, ID: t.ID, Data: data}); err != nil {
		return Trap{}, "", err
	}
	s.forget(scope.Org)
	return t, text, nil
}

// Canaries returns the org's, the oldest first, without their texts.
func (s *Service) Canaries(ctx context.Context, org core.OrgID) ([]Trap, error) {
	all, err := s.canaries(ctx, org)
	for i := range all {
		all[i].text = ""
	}
	return all, err
}

func (s *Service) canaries(ctx context.Context, org core.OrgID) ([]Trap, error) {
	found, err := s.cfg.Records.Records(ctx, org, canaryKind, "", "", 2*MaxCanaries) // some may be made at the same time
	if err != nil {
		return nil, err
	}
	all := make([]Trap, len(found))
	for i, r := range found {
		var d trapDoc
		if json.Unmarshal(r.Data, &d) != nil { // the error may quote it
			return nil, core.E(core.Internal, "redact.canary", "a canary that can't be read")
		}
		all[i] = Trap{ID: r.ID, Name: d.Name, By: d.By, Created: d.Created, text: d.Text}
	}
	return all, nil
}

// RemoveCanary has a canary not be searched for any more, and returns what it was.
// not_found: there is none.
func (s *Service) RemoveCanary(ctx context.Context, org core.OrgID, id string) (Trap, error) {
	r, err := s.cfg.Records.Record(ctx, org, canaryKind, id)
	if err != nil {
		if core.CodeOf(err) == core.NotFound {
			err = core.E(core.NotFound, "redact.canary", "there is no such canary")
		}
		return Trap{}, err
	}
	var d trapDoc
	if json.Unmarshal(r.Data, &d) != nil {
		return Trap{}, core.E(core.Internal, "redact.canary", "a canary that can't be read")
	}
	if err := s.cfg.Records.Write(ctx, org, store.Change{Kind: canaryKind, ID: id, Expected: r.Version}); err != nil {
		return Trap{}, err
	}
	s.forget(org)
	return Trap{ID: id, Name: d.Name, By: d.By, Created: d.Created}, nil
}
