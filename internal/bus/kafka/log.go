package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logger passes on what the client library warns of.
type logger struct{ log *slog.Logger }

// Level implements kgo.Logger.
func (l logger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log implements kgo.Logger.
func (l logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelWarn
	if level == kgo.LogLevelError {
		to = slog.LevelError
	}
	l.log.Log(context.Background(), to, "kafka: "+msg, keyvals...)
}

// sparing is a slog.Handler that tells of the same message once in a while: an outage
// says the same some hundred times a second. The next one says how often it came. Safe
// for concurrent use; messages are constants, so there are few.
type sparing struct {
	slog.Handler
	every time.Duration
	said  *said
}

type said struct {
	mu   sync.Mutex
	last map[string]*telling // by message
}

type telling struct {
	at     time.Time
	silent int // how often it came since
}

// spare returns a logger that tells log of each message once in every.
func spare(log *slog.Logger, every time.Duration) *slog.Logger {
	return slog.New(sparing{log.Handler(), every, &said{last: map[string]*telling{}}})
}

// Handle implements slog.Handler.
func (s sparing) Handle(ctx context.Context, r slog.Record) error {
	silent, tell := s.said.tell(r.Message, r.Time, s.every)
	if !tell {
		return nil
	}
	if silent > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("untold", silent))
	}
	return s.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (s sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sparing{s.Handler.WithAttrs(attrs), s.every, s.said}
}

// WithGroup implements slog.Handler.
func (s sparing) WithGroup(name string) slog.Handler {
	return sparing{s.Handler.WithGroup(name), s.every, s.said}
}

// tell reports whether it is time to tell of a message, and how often it came untold.
func (s *said) tell(msg string, now time.Time, every time.Duration) (silent int, tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.last[msg]
	if t == nil {
		s.last[msg] = &telling{at: now}
		return 0, true
	}
	if now.Sub(t.at) < every {
		t.silent++
		return 0, false
	}
	silent, t.silent, t.at = t.silent, 0, now
	return silent, true
}
