package redact

import (
	"slices"

	"github.com/isekai-run/isekai/internal/core"
)

// Action is what becomes of a text with a secret in it.
type Action string

// The actions.
const (
	Redact Action = "redact" // a marker takes the secret's place
	Refuse Action = "refuse" // the text goes nowhere
	Allow  Action = "allow"  // the secret stays
)

// Policy says what becomes of each kind. The zero Policy refuses canaries, which only
// somebody who took them can have, and redacts everything else.
type Policy struct {
	Default Action          `json:"default,omitempty"` // "": Redact
	Kinds   map[Kind]Action `json:"kinds,omitempty"`
	// Answers says that this is so for what models answer to callers of the API, too, but
	// not for what they answer to agents (ADR 14).
	Answers bool `json:"answers,omitempty"`
}

// For returns what becomes of a kind.
func (p Policy) For(k Kind) Action {
	switch {
	case p.Kinds[k] != "":
		return p.Kinds[k]
	case k == Canary:
		return Refuse
	case p.Default != "":
		return p.Default
	}
	return Redact
}

// Valid returns nil, or an invalid error for an action or a kind that isn't one.
func (p Policy) Valid() error {
	actions := []Action{Redact, Refuse, Allow}
	bad := func(what string) error {
		return core.E(core.Invalid, "redact.policy", what).WithHint("actions are redact, refuse and allow")
	}
	if p.Default != "" && !slices.Contains(actions, p.Default) {
		return bad("unknown action " + string(p.Default))
	}
	for k, a := range p.Kinds {
		if !slices.Contains(Kinds, k) {
			return bad("unknown kind of secret " + string(k))
		}
		if !slices.Contains(actions, a) {
			return bad("unknown action " + string(a))
		}
	}
	return nil
}

// Apply returns the text as the policy lets it go, and what was found in it. denied: the
// policy refuses it; the error names the kinds, and no secret.
func (s *Scanner) Apply(p Policy, text string) (string, []Finding, error) {
	all := s.find(text)
	if len(all) == 0 {
		return text, nil, nil
	}
	out, err := p.takes(all)
	all = merge(all)
	if err != nil {
		return "", all, err
	}
	return replace(text, merge(out)), all, nil
}

// takes returns those of the findings whose place a marker takes. denied: one is refused.
func (p Policy) takes(found []Finding) (out []Finding, err error) {
	var refused []string
	for _, f := range found {
		switch p.For(f.Kind) {
		case Redact:
			out = append(out, f)
		case Refuse:
			refused = append(refused, string(f.Kind))
		}
	}
	if len(refused) > 0 {
		return nil, refusal(refused)
	}
	return out, nil
}
