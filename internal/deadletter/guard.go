// Package deadletter keeps an event that a consumer can't apply from holding up
// the rest: after some tries it becomes a dead letter, which a person looks at,
// replays or drops.
//
// Guard stands around a consumer's handler, between the bus and everything that
// can fail for good (opening the event's data among it); Service is what
// operators use, by way of httpapi. The events themselves stay in their streams: a
// letter only says that one of them wasn't applied. Nothing here ever skips an
// event silently, and nothing waits for a person while the bus waits for it.
//
// Every event of a stream is either applied by the consumer, once its handler is
// idempotent exactly once, and in order; or it is in the dead letters. A consumer
// that can't do without an event declares Wait: what follows in the stream then
// becomes dead letters, too, and is replayed in order.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Guard is a decorator around a consumer's handler. Consumer, Next and Letters are
// required; the other zero fields have the defaults that are named. Its fields
// must not be changed once it is used; it is safe for concurrent use.
type Guard struct {
	Consumer string // its name on the bus
	Next     bus.Handler
	Letters  store.Letters
	// Wait holds the rest of a stream back after an event that can't be applied.
	// Without it, the rest goes on.
	Wait  bool
	Tries int // of one event before it is a dead letter; 5
	// The first and the longest wait between two tries: 50 ms and 2 s. A wait is
	// shortened by up to half at random.
	Backoff, MaxBackoff time.Duration
	Log                 *slog.Logger // told of dead letters; nil: nobody
}

// Handle is the bus.Handler. An error of it says that the bus has to deliver again:
// something is unavailable, or it is time to stop. That isn't the event's fault, and
// is tried without bound.
func (g *Guard) Handle(ctx context.Context, e core.Event) error {
	if g.Wait {
		waits, err := g.queue(ctx, e)
		if waits || err != nil {
			return err
		}
	}
	err := g.try(ctx, e)
	if err == nil || passing(ctx, err) {
		return err
	}
	return g.bury(ctx, e, reason(err), g.tries(), core.CodeOf(err))
}

// try gives an event to the handler until that applies it, or tries are used up, or
// the failure will pass.
func (g *Guard) try(ctx context.Context, e core.Event) error {
	for n := 1; ; n++ {
		err := g.apply(ctx, e)
		if err == nil || passing(ctx, err) || n >= g.tries() {
			return err
		}
		t := time.NewTimer(g.pause(n))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// apply gives an event to the handler. A panic is an error: it must not end the
// process again and again.
func (g *Guard) apply(ctx context.Context, e core.Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			g.log().ErrorContext(ctx, "a consumer panicked", "consumer", g.Consumer, "event", e.ID, "stack", string(debug.Stack()))
			err = core.E(core.Internal, "deadletter", fmt.Sprintf("the consumer panicked: %v", r))
		}
	}()
	return g.Next(ctx, e)
}

// queue buries an event behind one of its stream that is buried, and reports
// whether it is among the dead letters, or is nobody's any more.
func (g *Guard) queue(ctx context.Context, e core.Event) (done bool, err error) {
	at := store.Mark{Stream: e.Stream, Version: e.Version}
	blocked, err := g.Letters.Blocked(ctx, e.Org, g.Consumer, at)
	if !blocked || err != nil {
		return false, err
	}
	if done, err = g.behind(ctx, e, at); core.CodeOf(err) == core.NotFound { // the org was shredded: nobody waits for it
		return true, nil
	}
	return done, err
}

// behind is queue for an event of a stream that seems blocked.
func (g *Guard) behind(ctx context.Context, e core.Event, at store.Mark) (bool, error) {
	first, err := next(ctx, g.Letters, e.Org, g.Consumer, store.Mark{Stream: e.Stream})
	if err != nil || first.Version == 0 || first.Version > e.Version { // replayed meanwhile
		return false, err
	}
	own, err := next(ctx, g.Letters, e.Org, g.Consumer, store.Mark{Stream: e.Stream, Version: e.Version - 1})
	if err != nil || own.Version == e.Version { // delivered again
		return err == nil, err
	}
	if err := g.bury(ctx, e, "waits for version "+strconv.FormatInt(first.Version, 10), 0, core.Conflict); err != nil {
		return false, err
	}
	// Whoever replays looks for letters behind it after it has removed its own; we
	// look for one before ours after we have added it. So one of us sees the other's.
	first, err = next(ctx, g.Letters, e.Org, g.Consumer, store.Mark{Stream: e.Stream})
	if err != nil || first.Version != e.Version {
		return err == nil, err
	}
	switch err := g.Letters.Unbury(ctx, e.Org, g.Consumer, at); {
	case core.CodeOf(err) == core.NotFound: // the replay has it
		return true, nil
	default:
		return false, err
	}
}

// bury makes a dead letter of an event. The log has the failure's code alone: why may
// quote what a tenant wrote, and only the letter is sealed.
func (g *Guard) bury(ctx context.Context, e core.Event, why string, tries int, code core.Code) error {
	err := g.Letters.Bury(ctx, e.Org, store.Letter{
		Consumer: g.Consumer, Mark: store.Mark{Stream: e.Stream, Version: e.Version},
		Event: e.ID, Type: e.Type, Reason: why, Tries: tries,
	})
	if core.CodeOf(err) == core.NotFound { // the org was shredded: nobody waits for it
		return nil
	}
	if err == nil {
		g.log().ErrorContext(ctx, "an event is a dead letter", "consumer", g.Consumer, "org", e.Org,
			"stream", e.Stream, "version", e.Version, "type", e.Type, "code", code)
	}
	return err
}

// passing reports whether a failure isn't the event's fault.
func passing(ctx context.Context, err error) bool {
	code := core.CodeOf(err)
	return ctx.Err() != nil || code == core.Unavailable || code == core.Canceled || errors.Is(err, context.Canceled)
}

// reason is an error's text as a letter keeps it: at most 1,000 bytes.
func reason(err error) string {
	const most = 1000
	s := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "\ufffd")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most-3], "") + "…"
	}
	return s
}

// next returns the first letter of a stream after a version, or the zero Letter.
func next(ctx context.Context, letters store.Letters, org core.OrgID, consumer string, after store.Mark) (store.Letter, error) {
	found, err := letters.Buried(ctx, org, consumer, store.Letter{Consumer: consumer, Mark: after}, 1)
	if err != nil || len(found) == 0 || found[0].Stream != after.Stream {
		return store.Letter{}, err
	}
	return found[0], nil
}

func (g *Guard) tries() int {
	if g.Tries <= 0 {
		return 5
	}
	return g.Tries
}

func (g *Guard) pause(fails int) time.Duration {
	first, most := g.Backoff, g.MaxBackoff
	if first <= 0 {
		first = 50 * time.Millisecond
	}
	if most <= 0 {
		most = 2 * time.Second
	}
	d := most
	if shift := fails - 1; shift < 20 {
		d = min(d, first<<shift)
	}
	return d - rand.N(d/2+1)
}

func (g *Guard) log() *slog.Logger {
	if g.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return g.Log
}
