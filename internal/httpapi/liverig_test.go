package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// frame is a server-sent event.
type frame struct{ id, event, data string }

func (f frame) String() string { return f.event + " " + f.id + " " + f.data }

// place is what the id says to go on after.
func (f frame) place(t testing.TB) int64 {
	t.Helper()
	_, text, _ := strings.Cut(f.id, "@")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("no place in %s", f)
	}
	return n
}

// frames reads a stream's server-sent events, to its end or stop.
type frames struct {
	t    testing.TB
	next chan frame // closed at the end
	stop func()
}

// readFrames passes on what a stream has until it ends, or nobody wants more.
func readFrames(ctx context.Context, body io.Reader, to chan<- frame) {
	var f frame
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			f.id = value
		case "event":
			f.event = value
		case "data":
			f.data = value
			select {
			case to <- f:
			case <-ctx.Done():
				return
			}
			f = frame{}
		}
	}
}

// frames opens a stream.
func (r *rig) frames(path string, headers ...string) *frames {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 {
		stop()
		r.t.Fatalf("%s: %v, %v", path, res, err)
	}
	f := &frames{t: r.t, next: make(chan frame)}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(f.next)
		readFrames(ctx, res.Body, f.next)
	})
	f.stop = func() { stop(); res.Body.Close(); reading.Wait() }
	r.t.Cleanup(f.stop)
	return f
}

// live opens a live stream of channels.
func (r *rig) live(follow string, headers ...string) *frames {
	r.t.Helper()
	return r.frames("/v1/live?follow="+follow, headers...)
}

// get returns the next frame; the zero one is the end.
func (f *frames) get() frame {
	f.t.Helper()
	select {
	case m := <-f.next:
		return m
	case <-time.After(time.Minute):
		f.t.Fatal("nothing comes")
	}
	return frame{}
}

// want returns the next frame, of an event and with a text in its data.
func (f *frames) want(event, text string) frame {
	f.t.Helper()
	m := f.get()
	if m.event != event || !strings.Contains(m.data, text) {
		f.t.Fatalf("got %q, want %s with %q", m, event, text)
	}
	return m
}

// until returns the frames up to one of an event.
func (f *frames) until(event string) (all []frame) {
	f.t.Helper()
	for {
		m := f.get()
		if m == (frame{}) {
			f.t.Fatalf("it ended without %s: %q", event, all)
		}
		if all = append(all, m); m.event == event {
			return all
		}
	}
}

// refusal is what a frame says of a channel that is refused.
func (f *frames) refusal(channel string, code core.Code, status int) {
	f.t.Helper()
	m := f.want("refused", "")
	var r client.LiveRefusal
	if err := json.Unmarshal([]byte(m.data), &r); err != nil {
		f.t.Fatal(err)
	}
	if p := r.Problem; r.Channel != channel || p.Code != code || p.Status != status || p.RequestID == "" || p.Title == "" || m.id != "" {
		f.t.Errorf("%s, want %s: %s", m, channel, code)
	}
}
