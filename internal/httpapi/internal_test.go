package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func FuzzIfMatch(f *testing.F) {
	for _, s := range []string{"", "*", `"1"`, `"01"`, `"+1"`, `1`, `"1`, `W/"1"`, `"1", "2"`, `"-1"`, `"0"`, `"9223372036854775808"`, `""1""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := MatchHeader{IfMatch: s}.version()
		switch {
		case err != nil && (core.CodeOf(err) != core.Invalid || core.HintOf(err) == ""):
			t.Fatal(err)
		case err == nil && n == 0 && s != "" && s != "*", err == nil && n != 0 && etag(n) != s:
			t.Fatalf("%q is taken for %d", s, n)
		}
	})
}

func TestIfMatchTakesWhatETagSays(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 7, 1 << 62} {
		if got, err := (MatchHeader{IfMatch: etag(n)}).version(); err != nil || got != n {
			t.Errorf("%d: %d, %v", n, got, err)
		}
	}
}

func FuzzLastEvent(f *testing.F) {
	f.Add("1")
	f.Add("-1")
	f.Add("-0")
	f.Add("+1")
	f.Add("x")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := lastEvent(s)
		if err == nil && (n < 0 || s != "" && strings.Trim(s, "0123456789") != "") || err != nil && core.CodeOf(err) != core.Invalid {
			t.Fatalf("%q: %d, %v", s, n, err)
		}
	})
}

// stuck is a connection to a reader that takes nothing: a write ends at its
// deadline.
type stuck struct {
	http.ResponseWriter
	deadline time.Time
	sent     bytes.Buffer
	room     int // writes that still fit
}

func (s *stuck) SetWriteDeadline(at time.Time) error { s.deadline = at; return nil }
func (s *stuck) Flush()                              {}

func (s *stuck) Write(b []byte) (int, error) {
	if s.deadline.IsZero() || time.Until(s.deadline) > time.Minute {
		return 0, errors.New("a write without a deadline")
	}
	s.deadline = time.Time{}
	if s.room--; s.room < 0 {
		return 0, fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
	}
	return s.sent.Write(b)
}

// endless is a stream without an end, which counts what is read of it.
type endless struct {
	store.Events
	read int
}

func (e *endless) ReadStream(_ context.Context, org core.OrgID, s core.StreamID, after int64, limit int) ([]core.Event, error) {
	var out []core.Event
	for v := after + 1; len(out) < limit; v++ {
		out = append(out, core.Event{Org: org, Stream: s, Version: v, Type: "step.started", Data: []byte(`{}`)})
	}
	e.read += len(out)
	return out, nil
}

// TestASlowReaderIsBounded: no more than a page is read ahead, and every write
// has a deadline, after which the reader is given up.
func TestASlowReaderIsBounded(t *testing.T) {
	t.Parallel()
	events := &endless{}
	s := &server{cfg: Config{Events: events, Stopping: t.Context(), Watch: func(core.OrgID, core.StreamID) (<-chan struct{}, func()) {
		return nil, func() {}
	}}}
	w := &stuck{room: 150}
	s.follow(openSSE(w, usualPatience, func() error { return nil }), t.Context(), core.Scope{Org: "org_a"}, "tsk_a", core.TaskFinished{}.EventType(), 0)
	if events.read != 200 || !strings.Contains(w.sent.String(), "id: "+strconv.Itoa(150)+"\n") {
		t.Errorf("%d events were read for a reader that took 150", events.read)
	}
}
