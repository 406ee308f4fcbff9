package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Consumer is the handler's name on the bus.
const Consumer = "notify"

// staleAfter is how old news may be: a consumer that is new on a bus gets all there ever was.
const staleAfter = 3 * 24 * time.Hour

// Handler returns the consumer of the bus that makes notices. Every event has to reach it at
// least once, in any order; each is told of once.
func (s *Service) Handler() bus.Handler {
	return func(ctx context.Context, e core.Event) error {
		if !told[e.Type] || s.cfg.Now().Sub(e.At) > staleAfter {
			return nil
		}
		n, err := s.derive(ctx, e)
		if err != nil || n == nil {
			return err
		}
		return s.tell(ctx, *n)
	}
}

// tell puts what is to be sent of a notice where it will be.
func (s *Service) tell(ctx context.Context, n Notice) error {
	all, err := hooks.All(ctx, s.cfg.Records, n.Org, "", MaxWebhooks)
	if err != nil {
		return err
	}
	for _, h := range all {
		if h.Data.wants(n) {
			if err := s.deliver(ctx, h, n); err != nil {
				return err
			}
		}
	}
	return s.tellPeople(ctx, n)
}

// Raise tells of what no event says: it appends one, under a key that names what is told, so
// that it isn't told twice. Errors: invalid, for a type that there isn't.
func (s *Service) Raise(ctx context.Context, scope core.Scope, key string, n core.NoticeRaised) error {
	if _, ok := TypeOf(n.Type); !ok {
		return core.E(core.Invalid, "notify.raise", "there is no type of notice "+n.Type)
	}
	n.Title, n.Detail = line(n.Title, maxTitle), detail(n.Detail)
	data, err := core.EncodePayload(n)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(key))
	_, err = s.cfg.Events.Append(ctx, scope, store.Append{
		Stream: core.StreamID("ntc_" + hex.EncodeToString(sum[:13])),
		Events: []store.NewEvent{{ID: core.EventID(s.cfg.IDs("evt")), Type: n.EventType(), Data: data}},
	})
	if core.CodeOf(err) == core.Conflict { // it was told before
		return nil
	}
	return err
}
