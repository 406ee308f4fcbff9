package redact

import (
	"context"
	"encoding/json"

	"github.com/isekai-run/isekai/internal/core"
)

// AtHand returns of how many orgs values are in memory.
func (s *Service) AtHand() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orgs)
}

// Text returns a text as the org's policy lets it go, as a model or a tool would get it.
func (s *Service) Text(ctx context.Context, scope core.Scope, where, text string) (string, error) {
	l, err := s.look(ctx, Sighting{Scope: scope, Where: where})
	if err != nil {
		return "", err
	}
	defer l.tell(ctx)
	return l.text(text)
}

// JSON is Text for each string in a JSON value, names of fields included.
func (s *Service) JSON(ctx context.Context, scope core.Scope, where string, raw json.RawMessage) (json.RawMessage, error) {
	l, err := s.look(ctx, Sighting{Scope: scope, Where: where})
	if err != nil {
		return nil, err
	}
	defer l.tell(ctx)
	return l.json(raw)
}

// Flow begins a text that comes in parts, under a policy.
func (s *Scanner) Flow(p Policy) *Flow {
	return &Flow{look: &look{scanner: s, policy: p, change: true}}
}
