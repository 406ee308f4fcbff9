package notify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// State is where a delivery stands.
type State string

// The states.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Dead      State = "dead" // it is a dead letter: a person may have it sent again
)

// Delivery is a message to an endpoint.
type Delivery struct {
	ID       string // the message's, "msg_...": that of the notice
	Webhook  string
	Type     string
	State    State
	Created  time.Time
	Next     time.Time // when it is tried again; zero: it isn't
	Tries    int       // in all
	Attempts []Attempt // the last of them, oldest first
	Body     json.RawMessage
}

// Attempt is one try at sending.
type Attempt struct {
	At     time.Time
	Took   time.Duration
	Status int    // of HTTP; 0: there was no answer
	Error  string // why it wasn't taken; "": it was
}

const (
	keepDelivery = 30 * 24 * time.Hour
	keepAttempts = 12
)

// deliveryDoc is a Delivery as it is kept, by "webhook/" and its id turned around, so that the
// newest is first.
type deliveryDoc struct {
	ID, Type string
	State    State
	Created  time.Time
	Next     time.Time
	Tries    int // in all
	Round    int // since it was last begun: place in the schedule
	Attempts []Attempt
	Body     json.RawMessage
}

const deliveries store.Kind[deliveryDoc] = "webhook_delivery"

const digits = "0123456789abcdefghijklmnopqrstuvwxyz"

// backwards turns the order of ids around: of what is a digit in digits, and it is its own
// inverse.
func backwards(id string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(digits, r); i >= 0 {
			return rune(digits[len(digits)-1-i])
		}
		return r
	}, id)
}

func deliveryID(webhook, message string) string { return webhook + "/" + backwards(message) }

func deliveryOf(webhook string, d deliveryDoc) Delivery {
	return Delivery{ID: d.ID, Webhook: webhook, Type: d.Type, State: d.State, Created: d.Created, Next: d.Next, Tries: d.Tries, Attempts: d.Attempts, Body: d.Body}
}

// message is the body of a message, in the form that Standard Webhooks recommends.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      Notice    `json:"data"`
}

// deliver has a message about a notice sent to an endpoint, once for each notice.
func (s *Service) deliver(ctx context.Context, h store.Doc[hookDoc], n Notice) error {
	if !h.Data.Prompts {
		n = n.plain()
	}
	body, err := json.Marshal(message{n.Type, n.At, n})
	if err != nil {
		return err
	}
	now := s.now()
	d := store.Doc[deliveryDoc]{ID: deliveryID(h.ID, n.ID), Expires: now.Add(keepDelivery), Data: deliveryDoc{
		ID: n.ID, Type: n.Type, State: Pending, Created: now, Next: now, Body: body,
	}}
	err = s.cfg.Records.Write(ctx, n.Org, deliveries.Put(d))
	if core.CodeOf(err) == core.Conflict { // the event comes again: perhaps it wasn't put into the queue
		if d, err = deliveries.Get(ctx, s.cfg.Records, n.Org, d.ID); err == nil && d.Data.State != Pending {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return s.enqueue(ctx, d.Data.Next, job{n.Org, jobHook, d.ID})
}

// Deliveries returns up to limit messages to an endpoint, of a state ("": of any), the newest
// first, after one, and the id to go on after, "" at the end.
func (s *Service) Deliveries(ctx context.Context, scope core.Scope, webhook string, state State, after string, limit int) ([]Delivery, string, error) {
	if _, err := s.hook(ctx, scope, webhook); err != nil {
		return nil, "", err
	}
	if after != "" {
		after = deliveryID(webhook, after)
	}
	found := []Delivery{}
	for {
		page, err := deliveries.List(ctx, s.cfg.Records, scope.Org, webhook+"/", after, limit)
		if err != nil {
			return nil, "", err
		}
		for _, d := range page {
			after = d.ID
			if state == "" || d.Data.State == state {
				found = append(found, deliveryOf(webhook, d.Data))
			}
			if len(found) == limit {
				return found, d.Data.ID, nil
			}
		}
		if len(page) < limit {
			return found, "", nil
		}
	}
}

// Replay has a message sent again, by the whole schedule, with the id that it has. not_found:
// there is none of the id (any more).
func (s *Service) Replay(ctx context.Context, scope core.Scope, webhook, message string) (Delivery, error) {
	if _, err := s.hook(ctx, scope, webhook); err != nil {
		return Delivery{}, err
	}
	return s.replay(ctx, scope.Org, webhook, deliveryID(webhook, message))
}

func (s *Service) replay(ctx context.Context, org core.OrgID, webhook, id string) (Delivery, error) {
	var d store.Doc[deliveryDoc]
	err := store.Update(ctx, s.cfg.Records, org, func() (_ []store.Change, err error) {
		if d, err = deliveries.Get(ctx, s.cfg.Records, org, id); err != nil {
			return nil, noDelivery(err)
		}
		now := s.now()
		d.Data.State, d.Data.Round, d.Data.Next, d.Expires = Pending, 0, now, now.Add(keepDelivery)
		return []store.Change{deliveries.Put(d)}, nil
	})
	if err == nil {
		err = s.enqueue(ctx, d.Data.Next, job{org, jobHook, id})
	}
	return deliveryOf(webhook, d.Data), err
}

func noDelivery(err error) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return core.E(core.NotFound, "webhook", "there is no such message").WithHint("messages are kept for 30 days: isekai webhook deliveries")
}

// ReplayDead has the dead letters of an endpoint sent again, up to limit of them, and returns how
// many they are.
func (s *Service) ReplayDead(ctx context.Context, scope core.Scope, webhook string, limit int) (int, error) {
	dead, _, err := s.Deliveries(ctx, scope, webhook, Dead, "", limit)
	if err != nil {
		return 0, err
	}
	n, errs := 0, []error(nil)
	for _, d := range dead {
		_, err := s.replay(ctx, scope.Org, webhook, deliveryID(webhook, d.ID))
		if err == nil {
			n++
		} else if core.CodeOf(err) != core.NotFound {
			errs = append(errs, err)
		}
	}
	return n, errors.Join(errs...)
}
