package gateway

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// Stream is an answer as it comes from a provider. Nothing is read ahead: who takes it slowly
// slows the provider.
type Stream struct {
	g      *Gateway
	j      *job
	r      *reply
	words  *dialect.Stream // nil: as it comes
	sieve  *sieve          // nil: what comes goes
	out    []byte          // the piece at hand
	cuts   []int           // where its events end
	number func() string   // ids for its events; nil: they have none
	took   bool            // the first event was handed on
	sent   bool            // the caller has something
	since  time.Time       // when the wait for the provider began
	said   []byte          // the beginning of what was handed on
	wanted int             // how many bytes of it are still to be kept
	first  time.Duration
	fault  *fault
	over   bool // nothing comes any more
	shut   bool
}

func newStream(g *Gateway, j *job, r *reply) *Stream {
	s := &Stream{g: g, j: j, r: r, first: g.cfg.Now().Sub(j.began)}
	r.events.Comment = s.comment
	if r.words != nil {
		s.words = r.words.Stream()
	}
	if j.clean != nil {
		s.sieve = newSieve(j.clean, j.Op)
	}
	s.wanted = maxSample
	if j.set.PromptDays > 0 || j.cache.place != "" {
		s.wanted = maxNote
	}
	return s
}

// together is how long a piece is to which no more events are added that have come already.
const together = 8 << 10

// Next implements Events. Events that came together are one piece.
func (s *Stream) Next(ctx context.Context) ([]byte, error) {
	for !s.over {
		if s.out, s.cuts = s.out[:0], s.cuts[:0]; cap(s.out) > maxOut {
			s.out = nil
		}
		err := s.take()
		for err == nil && s.r.events.Ready() && len(s.out) < together {
			err = s.take()
		}
		if err == nil && !s.r.room.also(s.size()) {
			s.out, s.cuts, err = nil, nil, errFull
		}
		if err != nil && ctx.Err() != nil && !s.r.watch.Ended() {
			s.over, s.fault = true, &fault{gone: true}
			return nil, ended(ctx)
		}
		if err != nil {
			s.end(ctx, err)
		}
		if len(s.out) > 0 {
			s.sent = true
			return s.out, nil
		}
	}
	return nil, io.EOF
}

// maxOut bounds the buffer for pieces that is used again, in bytes.
const maxOut = 64 << 10

// size is how many bytes are made of what came, and kept.
func (s *Stream) size() int {
	n := cap(s.out) + cap(s.said)
	if s.sieve != nil {
		n += s.sieve.size()
	}
	if s.words != nil {
		n += s.words.Kept()
	}
	return n
}

// take waits for the next event, and has it become a part of the piece at hand.
func (s *Stream) take() (err error) {
	e, drop := s.r.first, s.r.drop
	if s.took {
		if e, err = s.event(); errors.Is(err, sse.ErrComment) {
			s.out = append(s.out, ": \n\n"...)
			return nil
		} else if err != nil {
			return err
		}
		if drop, err = s.r.watch.Event(e); err != nil {
			return &bad{err}
		}
	}
	s.took = true
	if s.words == nil {
		if drop {
			return nil
		}
		return s.pass(e)
	}
	events, err := s.words.Event(e)
	if unsaid := s.pass(events...); unsaid != nil {
		return unsaid
	}
	if err != nil {
		return &bad{err}
	}
	return nil
}

// add adds an event to the piece at hand.
func (s *Stream) add(e sse.Event) {
	if s.number != nil {
		e.ID = s.number()
	}
	from := len(s.out)
	s.out = e.Append(s.out)
	s.cuts = append(s.cuts, len(s.out))
	if s.wanted > 0 {
		s.said = append(s.said, s.out[from:]...)
		s.wanted -= len(s.out) - from
	}
}

// events are those of the piece at hand.
func (s *Stream) events() [][]byte {
	all, from := make([][]byte, len(s.cuts)), 0
	for i, to := range s.cuts {
		all[i], from = s.out[from:to], to
	}
	return all
}

// bad is an error that is in what came.
type bad struct{ error }

// Unwrap returns what is wrong.
func (b *bad) Unwrap() error { return b.error }

// event waits for an event.
func (s *Stream) event() (sse.Event, error) {
	s.since = s.g.cfg.Now()
	s.alive(s.since)
	e, err := s.r.events.Next()
	s.r.x.timer.Stop() // while the caller takes it, the provider isn't late
	return e, err
}

// silence is after how long a comment of the provider's is one to the caller, too, who may take a
// stream without a word for dead.
const silence = time.Second

// comment comes when the provider has shown by a comment that it is at work. stop: the caller is to
// be shown it, who has had nothing for a while. What is kept has no comments, and nothing goes before
// the first event.
func (s *Stream) comment() (stop bool) {
	now := s.g.cfg.Now()
	s.alive(now)
	return s.sent && s.number == nil && now.Sub(s.since) >= silence && !s.r.events.Ready()
}

// alive has the provider's idle time begin anew: it is waited for, or has shown that it is at work.
func (s *Stream) alive(now time.Time) {
	idle := s.r.target.Provider.Timeouts.Idle
	if s.r.watch.Ended() {
		idle = min(idle, afterEnd)
	}
	s.r.x.arm(idle, &errIdle, now)
}

// afterEnd is how long a provider may take to end what it has said is at its end. When it
// does, its connection serves the next call, too.
const afterEnd = time.Second

// end comes after the last event. err is io.EOF, or what went wrong: which, after the end, is
// nothing to the caller.
func (s *Stream) end(ctx context.Context, err error) {
	s.over = true
	u := (*unsaid)(nil)
	if !errors.As(err, &u) && !errors.Is(err, errFull) && (s.r.watch.Ended() || errors.Is(err, io.EOF) && s.r.watch.Whole()) {
		if err = s.rest(); err == nil {
			return
		}
	}
	provider := s.r.target.Provider.Name
	if b := (*bad)(nil); errors.As(err, &u) {
		s.fault = &fault{err: u.error, final: true}
	} else if errors.As(err, &b) {
		s.fault = s.g.badEvent(provider, b.error)
	} else {
		why := s.r.x.readError(err)
		s.fault = s.g.broke(ctx, provider, why)
		s.fault.sick = s.fault.sick && !errors.Is(why, errTotal) // it did answer, and its reader may have been slow
	}
	s.last(dialect.ProblemEvent(s.j.Op, core.CodeOf(s.fault.err), dialect.ProblemOf(s.fault.err)))
}

// close ends the exchange, and has the call charged for what came.
func (s *Stream) close() {
	if s.shut {
		return
	}
	s.shut = true
	if !s.over && s.fault == nil && !s.r.watch.Ended() {
		s.fault = &fault{gone: true}
	}
	s.r.x.close()
	s.r.sends.end()
	s.r.lane.leave(s.fault, s.g.cfg.Now())
	defer s.r.room.end()
	if s.sieve != nil {
		s.sieve.by.Done(context.Background())
	}
	status := meter.StatusOK
	switch {
	case s.fault != nil && s.fault.gone:
		status = meter.StatusCanceled
	case s.fault != nil:
		status, s.j.err = meter.StatusFailed, s.fault.err
	}
	s.j.settle(s.g, s.r.target, s.used(), status, s.first)
	if status == meter.StatusOK && s.over && s.wanted > 0 { // else its caller left before all was said
		s.g.remember(context.Background(), s.j, s.said, true)
	}
	s.g.note(context.Background(), s.j, s.r.target.Provider.Name, status, s.said, s.wanted <= 0)
}

// used is what the stream has used: as the provider says, if it came to say so. Of one that
// was cut off it may have said what the beginning took.
func (s *Stream) used() core.Usage {
	told, ok := s.r.watch.Usage()
	if ok && s.r.watch.Ended() {
		return told
	}
	u := estimate(s.j.req, streamed(s.j.Op, s.said), s.r.watch.Produced())
	switch {
	case !ok:
		return u
	case u.Output <= told.Output:
		return told
	}
	told.Output, told.Estimated = u.Output, true
	return told
}
