package redact

import "context"

// Answer takes out of a model's answer to a caller of the API what the org's policy doesn't
// let go: of one that is whole, or of one that comes in parts. Not for concurrent use.
type Answer struct{ look *look }

// Answer begins one, or returns nil if the org has answers come as they are. Done has to be
// called when it is over.
func (s *Service) Answer(ctx context.Context, of Sighting) (*Answer, error) {
	at, err := s.of(ctx, of.Scope)
	if err != nil || !at.policy.Answers {
		return nil, err
	}
	return &Answer{s.lookBy(at, of)}, nil
}

// JSON returns a JSON text as the policy lets it go, as Service.Body does.
func (a *Answer) JSON(raw []byte) ([]byte, error) { return a.look.body(raw) }

// Flow begins a text that comes in parts.
func (a *Answer) Flow() *Flow { return &Flow{look: a.look} }

// Done has Found know what was seen, if anything was.
func (a *Answer) Done(ctx context.Context) { a.look.tell(ctx) }
