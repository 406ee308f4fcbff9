package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

type eventQuery struct {
	TaskPath
	LastEventID string `header:"Last-Event-ID" doc:"goes on after this event's version"`
}

func (s *server) taskEvents(tags []string) {
	op := stream(huma.Operation{
		OperationID: "task-events", Method: http.MethodGet, Path: "/v1/tasks/{task}/events", Summary: "Follow a task's events", Tags: tags,
		Description: "Server-sent events: every event of the task from the first, or after Last-Event-ID, as they come. " +
			"The id is the event's version, the data the event as JSON. The stream ends with an event named end.",
	}, eventStream)
	handle(s, identity.TaskRead, op, func(ctx context.Context, scope core.Scope, in *eventQuery) (*huma.StreamResponse, error) {
		after, err := lastEvent(in.LastEventID)
		if err != nil {
			return nil, err
		}
		st, err := s.cfg.Tasks.Get(ctx, scope, in.Task) // ownership, at every attach and resume
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			out := s.newSSE(hc)
			if st.Finished != nil && after >= st.Version { // a reader that missed nothing but the end
				out.end()
				return
			}
			s.follow(out, hc.Context(), scope, in.Task.Stream(), core.TaskFinished{}.EventType(), after)
		}}, nil
	})
}

func lastEvent(id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil {
		return 0, core.E(core.Invalid, "events", "Last-Event-ID isn't a version").WithHint("send the id of the last event that you have seen")
	}
	return int64(n), nil
}

// follow writes a stream's events until the last, which is of a type.
func (s *server) follow(out *sse, ctx context.Context, scope core.Scope, of core.StreamID, last string, after int64) {
	changed, stop := s.cfg.Watch(scope.Org, of)
	defer stop()
	s.onward(ctx, out, changed, &tail{events: s.cfg.Events, to: out, org: scope.Org, of: of, last: last, after: after})
}

// lane takes what a stream has to tell: a connection of its own, or a channel among others of one.
type lane interface {
	// send writes an event. Who resumes goes on after its place.
	send(place int64, v any) error
	// place says how far the stream has come, where there was nothing to show.
	place(at int64) error
	// end says that the stream is complete.
	end()
}

// source is what events come from, a page at a time. It isn't safe for concurrent use.
type source interface {
	// next writes the next page, of at most so many, and says how many those were. io.EOF: they
	// were the last, and its lane has been told.
	next(ctx context.Context, page int) (read int, err error)
	// reached is the place up to which it was read.
	reached() int64
}

// tail is the source of a stream's events after a version, until the last, which is of a type.
type tail struct {
	events store.Events
	to     lane
	org    core.OrgID
	of     core.StreamID
	last   string
	after  int64
}

func (t *tail) reached() int64 { return t.after }

func (t *tail) next(ctx context.Context, page int) (read int, err error) {
	events, err := t.events.ReadStream(ctx, t.org, t.of, t.after, page)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		if err := t.to.send(e.Version, client.Event(e)); err != nil {
			return 0, err
		}
		t.after = e.Version
		if e.Type == t.last {
			t.to.end()
			return 0, io.EOF
		}
	}
	return len(events), nil
}

// onward has a page of events written after the other, and what comes later as it does, until the
// reader, his right or the server goes. A slow reader holds back its own goroutine and no memory but
// a page.
func (s *server) onward(ctx context.Context, out *sse, changed <-chan struct{}, from source) {
	const page = 100
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		read, err := from.next(ctx, page)
		switch {
		case err != nil: // unless it is complete, the reader resumes
			return
		case read == page:
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Stopping.Done():
			return
		case <-changed:
		case <-tick.C:
			if out.comment() != nil {
				return
			}
		}
	}
}

// The times of a stream.
const (
	keepAlive    = 15 * time.Second // between two signs of life
	recheck      = 5 * time.Second  // at least, before its reader is looked at again
	streamAge    = time.Hour        // at most; readers resume
	writeTimeout = 30 * time.Second // for one event, to a reader that takes nothing
)

// patience is how long a server waits for those who talk to it. Tests have less of it.
type patience struct {
	body, call time.Duration // for a request's body to come, and for that of a call of a model
	write      time.Duration // for one event to go
	recheck    time.Duration // before a stream's reader is looked at again
}

var usualPatience = patience{body: bodyTime, call: callTime, write: writeTimeout, recheck: recheck}

// sse writes server-sent events (WHATWG HTML, section 9.2) for as long as its reader may
// have them: nothing is sent to one whose credential or right has gone for longer than
// recheck, and a stream with nothing to send ends with its next sign of life.
type sse struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	waiting patience
	may     func() error
	asked   time.Time // when may was
	until   time.Time
}

// newSSE opens the stream of a request that was let through.
func (s *server) newSSE(hc huma.Context) *sse {
	hc.SetHeader("Content-Type", "text/event-stream")
	hc.SetHeader("X-Accel-Buffering", "no")
	out := openSSE(hc.BodyWriter().(http.ResponseWriter), s.waiting, s.mayStill(hc.Context()))
	_ = out.comment() // opens the stream; a reader that has gone is seen by the next write
	return out
}

// mayStill asks whether who sent a request may still have what it asked for. It waits for no
// longer than it is asked again.
func (s *server) mayStill(ctx context.Context) func() error {
	return func() error {
		ctx, stop := context.WithTimeout(ctx, s.waiting.recheck)
		defer stop()
		return s.again(ctx, requestOf(ctx))
	}
}

func openSSE(w http.ResponseWriter, p patience, may func() error) *sse {
	now := time.Now()
	return &sse{w: w, rc: http.NewResponseController(w), waiting: p, may: may, asked: now, until: now.Add(streamAge)}
}

// send implements lane.
func (s *sse) send(place int64, v any) error { return s.event(strconv.FormatInt(place, 10), "", v) }

// place implements lane.
func (s *sse) place(at int64) error {
	return s.event(strconv.FormatInt(at, 10), "position", map[string]int64{"position": at})
}

// event writes one with an id and a name, unless they are "".
func (s *sse) event(id, event string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text := "data: " + string(b) + "\n\n"
	if event != "" {
		text = "event: " + event + "\n" + text
	}
	if id != "" {
		text = "id: " + id + "\n" + text
	}
	return s.write(text)
}

// end implements lane.
func (s *sse) end() { _ = s.write("event: end\ndata: {}\n\n") }

func (s *sse) comment() error { return s.write(": \n\n") }

func (s *sse) write(text string) error { return s.pass([]byte(text)) }

// pass sends whole events that are written already.
func (s *sse) pass(events []byte) error {
	if err := s.stands(time.Now()); err != nil {
		return err
	}
	return s.put(events)
}

// put sends events, whatever the reader may.
func (s *sse) put(events []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(s.waiting.write)); err != nil {
		return fmt.Errorf("sse: %w", err)
	}
	if _, err := s.w.Write(events); err != nil {
		return fmt.Errorf("sse: %w", err)
	}
	return s.rc.Flush()
}

// stands returns an error if the stream is to end.
func (s *sse) stands(now time.Time) error {
	if !now.Before(s.until) {
		return core.E(core.Unavailable, "sse", "a stream doesn't last for longer").WithHint("resume it")
	}
	if now.Sub(s.asked) < s.waiting.recheck {
		return nil
	}
	s.asked = now
	return s.may()
}
