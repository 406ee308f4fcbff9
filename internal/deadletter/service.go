package deadletter

import (
	"context"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Service lets operators look after an org's dead letters. Who may is decided by
// the caller. Its fields must not be changed once it is used; it is safe for
// concurrent use, in several processes, too.
//
// Errors are core.Errors: not_found for a letter that isn't there (any more), and
// those of the store.
type Service struct {
	Letters store.Letters
	// Carried are the events as the bus carries them: what the guards' handlers take.
	Carried Streams
	// Readable are the events as people read them.
	Readable  Streams
	Consumers []*Guard // those of this build
}

// Streams is the part of store.Events that is used.
type Streams interface {
	ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error)
}

// List returns up to limit letters of a consumer ("": of all) after a place in the
// order of consumer, stream and version; the zero Letter is before all.
func (s *Service) List(ctx context.Context, scope core.Scope, consumer string, after store.Letter, limit int) ([]store.Letter, error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	return s.Letters.Buried(ctx, scope.Org, consumer, after, limit)
}

// Show returns a letter with its event.
func (s *Service) Show(ctx context.Context, scope core.Scope, consumer string, stream core.StreamID, version int64) (store.Letter, core.Event, error) {
	l, err := s.letter(ctx, scope, consumer, store.Mark{Stream: stream, Version: version})
	if err != nil {
		return store.Letter{}, core.Event{}, err
	}
	e, err := eventOf(ctx, s.Readable, scope.Org, l)
	return l, e, err
}

// Replay gives a letter's event to its consumer once more, and removes the letter
// when it was applied; when the consumer waits, then also those behind it in the
// stream, in order. It stops at the first that fails, with the consumer's error; that
// letter and those behind it stay as they are. applied are the versions that were
// applied. Replays at once may both apply an event, which its handler allows for.
//
// conflict: an earlier event of the stream has to be replayed or dropped first.
// unsupported: this build has no such consumer; its letters can be dropped.
func (s *Service) Replay(ctx context.Context, scope core.Scope, consumer string, stream core.StreamID, version int64) (applied []int64, err error) {
	const op = "deadletter.replay"
	l, err := s.letter(ctx, scope, consumer, store.Mark{Stream: stream, Version: version})
	if err != nil {
		return nil, err
	}
	g := s.guard(consumer)
	if g == nil {
		return nil, core.E(core.Unsupported, op, "there is no consumer "+consumer+" any more").WithHint("drop the letter")
	}
	if g.Wait {
		first, err := next(ctx, s.Letters, scope.Org, consumer, store.Mark{Stream: stream})
		if err != nil {
			return nil, err
		}
		if first.Version != 0 && first.Version < version {
			return nil, core.E(core.Conflict, op, fmt.Sprintf("version %d of the stream comes first", first.Version)).
				WithHint("replay or drop that; what waits behind it is replayed with it")
		}
	}
	for {
		if err := s.replay(ctx, scope.Org, g, l); err != nil {
			return applied, err
		}
		applied = append(applied, l.Version)
		if !g.Wait {
			return applied, nil
		}
		if l, err = next(ctx, s.Letters, scope.Org, consumer, store.Mark{Stream: stream}); err != nil || l.Version == 0 {
			return applied, err
		}
	}
}

// replay applies a letter's event and removes the letter.
func (s *Service) replay(ctx context.Context, org core.OrgID, g *Guard, l store.Letter) error {
	e, err := eventOf(ctx, s.Carried, org, l)
	if err != nil {
		return err
	}
	if err := g.apply(ctx, e); err != nil {
		return &core.Error{
			Code: core.CodeOf(err), Op: "deadletter.replay", Msg: fmt.Sprintf("version %d still can't be applied", l.Version),
			Hint: "it stays a dead letter; so does what waits behind it", Err: err,
		}
	}
	return gone(s.Letters.Unbury(ctx, org, g.Consumer, l.Mark))
}

// gone takes a letter that isn't there for one that was removed: by another replay.
func gone(err error) error {
	if core.CodeOf(err) == core.NotFound {
		return nil
	}
	return err
}

// Drop removes a letter without applying its event: its consumer will never have
// seen it. behind is the version of the next letter of the stream, 0 for none: when
// the consumer waits, that is what to replay now, so that the stream goes on.
func (s *Service) Drop(ctx context.Context, scope core.Scope, consumer string, stream core.StreamID, version int64) (behind int64, err error) {
	if err := scope.Valid(); err != nil {
		return 0, err
	}
	if err := s.Letters.Unbury(ctx, scope.Org, consumer, store.Mark{Stream: stream, Version: version}); err != nil {
		return 0, err
	}
	l, err := next(ctx, s.Letters, scope.Org, consumer, store.Mark{Stream: stream})
	return l.Version, err
}

func (s *Service) guard(consumer string) *Guard {
	for _, g := range s.Consumers {
		if g.Consumer == consumer {
			return g
		}
	}
	return nil
}

// letter returns the letter of an event.
func (s *Service) letter(ctx context.Context, scope core.Scope, consumer string, m store.Mark) (store.Letter, error) {
	if err := scope.Valid(); err != nil {
		return store.Letter{}, err
	}
	if consumer != "" {
		l, err := next(ctx, s.Letters, scope.Org, consumer, store.Mark{Stream: m.Stream, Version: m.Version - 1})
		if err != nil || l.Mark == m {
			return l, err
		}
	}
	return store.Letter{}, core.E(core.NotFound, "deadletter", "there is no such dead letter").
		WithHint("it may have been replayed or dropped; list them")
}

// eventOf returns a letter's event.
func eventOf(ctx context.Context, from Streams, org core.OrgID, l store.Letter) (core.Event, error) {
	events, err := from.ReadStream(ctx, org, l.Stream, l.Version-1, 1)
	if err != nil {
		return core.Event{}, err
	}
	if len(events) == 0 || events[0].Version != l.Version {
		return core.Event{}, core.E(core.NotFound, "deadletter", "the letter's event is gone").WithHint("drop the letter")
	}
	return events[0], nil
}
