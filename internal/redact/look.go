package redact

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// look is one look at what goes out at once, a request or a call, under one policy. It isn't
// for concurrent use.
type look struct {
	service *Service
	scanner *Scanner
	policy  Policy
	// change says that markers may take the place of secrets. Otherwise texts stay what they
	// are, and can only be refused.
	change bool

	seen  Sighting
	kinds map[Kind]bool // found so far; nil: none, as nearly always
	names map[string]bool
}

// look begins one; of says whose it is, and where it goes.
func (s *Service) look(ctx context.Context, of Sighting) (*look, error) {
	at, err := s.of(ctx, of.Scope)
	if err != nil {
		return nil, err
	}
	return s.lookBy(at, of), nil
}

// of returns the settings by which a look of a scope goes.
func (s *Service) of(ctx context.Context, scope core.Scope) (*settings, error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	return s.settings(ctx, scope.Org)
}

func (s *Service) lookBy(at *settings, of Sighting) *look {
	return &look{service: s, scanner: at.full, policy: at.policy, change: true, seen: of}
}

// text returns a text as the policy lets it go. denied: it doesn't.
func (l *look) text(text string) (string, error) {
	out, found, err := l.scanner.Apply(l.policy, text)
	if len(found) == 0 {
		return text, nil
	}
	l.note(found)
	outcome := Allow
	switch {
	case err != nil:
		outcome = Refuse
	case !l.change:
		out = text
	case out != text:
		outcome = Redact
	}
	l.took(outcome)
	return out, err
}

// saw notes what was found in a part of a text, and returns what markers are to take the place
// of. denied: the policy doesn't let the text go.
func (l *look) saw(found []Finding) (out []Finding, err error) {
	if len(found) == 0 {
		return nil, nil
	}
	l.note(found)
	out, err = l.policy.takes(found)
	switch {
	case err != nil:
		l.took(Refuse)
	case len(out) > 0:
		l.took(Redact)
	default:
		l.took(Allow)
	}
	return out, err
}

func (l *look) note(found []Finding) {
	if l.kinds == nil && len(found) > 0 {
		l.kinds, l.names = map[Kind]bool{}, map[string]bool{}
	}
	for _, f := range found {
		l.kinds[f.Kind] = true
		if f.Name != "" {
			l.names[f.Name] = true
		}
	}
}

// took notes what was done about a secret.
func (l *look) took(a Action) {
	if severity[a] > severity[l.seen.Outcome] {
		l.seen.Outcome = a
	}
}

var severity = map[Action]int{Allow: 1, Redact: 2, Refuse: 3}

// json is text for each string in a JSON value.
func (l *look) json(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	w := &walk{text: l.text}
	out, err := w.raw(raw)
	if err != nil || !w.changed {
		return raw, err
	}
	return out, nil
}

// tell has Found know what was seen, if anything was.
func (l *look) tell(ctx context.Context) {
	if len(l.kinds) == 0 {
		return
	}
	l.seen.Kinds, l.seen.Names = slices.Sorted(maps.Keys(l.kinds)), slices.Sorted(maps.Keys(l.names))
	l.service.cfg.Found(ctx, l.seen)
}

// refusal is the error for what the policy doesn't let go; it names kinds, and no secret.
func refusal(kinds []string) error {
	slices.Sort(kinds)
	return core.E(core.Denied, "redact", "there is a secret in it: "+strings.Join(slices.Compact(kinds), ", ")).
		WithHint("take it out, or let an admin change the org's policy (isekai redact set)").Because(model.ErrRefused)
}
