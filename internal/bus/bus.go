// Package bus is the port that carries stored events to the consumers: at least
// once, in order per stream.
//
// The outbox relay publishes, consumers (projections, notify) subscribe;
// platform connects them. The bus never invents an event and isn't the source
// of truth: what it carries is in the store first.
package bus

import (
	"context"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

// Handler applies one event. It must be idempotent: an event can come again. An
// error means that the event wasn't applied and has to be delivered again. It
// returns soon after ctx has ended: the bus waits for it before it lets another
// process have the stream.
type Handler func(ctx context.Context, e core.Event) error

// Bus is what a driver provides. Methods are safe for concurrent use.
type Bus interface {
	// Publish hands events over, in order. When it returns nil the bus is
	// responsible for delivering each of them to every consumer at least once;
	// after an error the caller publishes again, and duplicates may follow. If an
	// *Undelivered is in the error's chain, the bus has taken all other events.
	Publish(ctx context.Context, events []core.Event) error
	// Subscribe registers a consumer by its durable name, before the first
	// Publish and Run. Events of one stream reach a consumer in order and one at
	// a time; events of two streams may come in any order and at once, even
	// within an org: a consumer that keeps a checkpoint by position takes an
	// event as the news that there is one, and reads the org from its store.
	// A name that is subscribed already is a programming mistake and panics.
	Subscribe(consumer string, h Handler)
	// Run delivers until ctx ends, then returns nil.
	Run(ctx context.Context) error
}

// Undelivered says which events of a Publish the bus hasn't taken. Events that
// have to come after one of them are among them.
type Undelivered struct {
	Events []core.EventID
	Err    error // why, of the first
}

func (u *Undelivered) Error() string {
	return strconv.Itoa(len(u.Events)) + " events undelivered: " + u.Err.Error()
}

// Unwrap returns the cause.
func (u *Undelivered) Unwrap() error { return u.Err }
