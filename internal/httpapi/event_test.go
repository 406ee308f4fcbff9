package httpapi_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
)

// reader reads a stream of events a message at a time.
type reader struct {
	t    testing.TB
	res  *http.Response
	next chan string // closed at the end
}

func (r *rig) follow(path string, headers ...string) *reader {
	r.t.Helper()
	f := &reader{t: r.t, res: r.open("GET", path, "", headers...), next: make(chan string)}
	r.t.Cleanup(func() { f.res.Body.Close() })
	if f.res.StatusCode != 200 || f.res.Header.Get("Content-Type") != "text/event-stream" {
		b, _ := io.ReadAll(f.res.Body)
		r.t.Fatalf("%d %s: %s", f.res.StatusCode, f.res.Header.Get("Content-Type"), b)
	}
	go func() {
		defer close(f.next)
		sc := bufio.NewScanner(f.res.Body)
		var m []string
		for sc.Scan() {
			switch line := sc.Text(); {
			case line != "":
				m = append(m, line)
			case len(m) > 0 && m[0] != ": ":
				select {
				case f.next <- strings.Join(m, "\n"):
				case <-r.t.Context().Done():
					return
				}
				fallthrough
			default:
				m = nil
			}
		}
	}()
	return f
}

// want fails the test unless the next message holds text; "" is the end.
func (f *reader) want(text string) {
	f.t.Helper()
	select {
	case m, ok := <-f.next:
		if ok != (text != "") || !strings.Contains(m, text) {
			f.t.Fatalf("got %q, want %q", m, text)
		}
	case <-time.After(10 * time.Second):
		f.t.Fatalf("nothing comes, want %q", text)
	}
}

func TestEventsComeAndEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := r.follow("/v1/tasks/" + string(r.task) + "/events")
	f.want("id: 1\ndata: {")
	r.append(core.TaskCancelRequested{Reason: "x"})
	f.want("id: 2\n")
	r.append(core.TaskFinished{Status: core.StatusCanceled})
	f.want(`"type":"task.finished"`)
	f.want("event: end")
	f.want("")
}

// TestEventsResume goes on after each event, the last included: a connection can
// be cut between the last event and the end of the stream.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.append(core.TaskCancelRequested{}, core.TaskFinished{Status: core.StatusCanceled})
	for after, want := range map[string][]string{
		"0": {"id: 1\n", "id: 2\n", "id: 3\n"}, "1": {"id: 2\n", "id: 3\n"}, "2": {"id: 3\n"}, "3": nil, "9": nil,
	} {
		f := r.follow("/v1/tasks/"+string(r.task)+"/events", "Last-Event-ID", after)
		for _, w := range want {
			f.want(w)
		}
		f.want("event: end")
		f.want("")
	}
}

// TestStreamsEndWhenTheServerStops: without the event that says they are
// complete, so that their readers resume.
func TestStreamsEndWhenTheServerStops(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	events := r.follow("/v1/tasks/" + string(r.task) + "/events")
	events.want("id: 1\n")
	log := r.follow("/v1/apps/" + string(r.app) + "/logs/stream")
	r.stop()
	events.want("")
	log.want("")
}

// TestStreamsAreBounded: one user's, of all kinds and by whatever credential; not what isn't
// a stream. One of many channels is one.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 100
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Authenticate = known(map[string]identity.Principal{token: ours, "key": keyed(ours)})
	})
	events, logs := "/v1/tasks/"+string(r.task)+"/events", "/v1/apps/"+string(r.app)+"/logs/stream"
	live := "/v1/live?follow=events,task:" + string(r.task) + ",logs:" + string(r.app)
	var last *reader
	for i := range most {
		path, bearer := events, token
		switch i % 3 {
		case 0:
			path, bearer = logs, "key"
		case 1:
			path = live
		}
		last = r.follow(path, "Authorization", "Bearer "+bearer)
	}
	for _, path := range []string{events, logs, live} {
		if a := r.do("GET", path, ""); a.status != 429 || a.header.Get("Retry-After") == "" || a.problem.Code != core.Exhausted || a.problem.Hint == "" {
			t.Errorf("one too many: %d %v %s", a.status, a.header, a.body)
		}
	}
	if a := r.do("GET", "/v1/tasks", ""); a.status != 200 {
		t.Errorf("a list: %d", a.status)
	}
	last.res.Body.Close()
	deadline := time.Now().Add(10 * time.Second)
	for again := 429; again == 429; { // the server sees that a reader has gone in its own time
		res := r.open("GET", logs, "")
		res.Body.Close()
		if again = res.StatusCode; again == 429 && time.Now().After(deadline) {
			t.Fatal("its place isn't given back")
		}
	}
}
