package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// ending is a server whose streams say nothing and end after a time, and which at last has
// an event. It remembers whence they were resumed.
type ending struct {
	after time.Duration
	times int
	from  []string
}

// RoundTrip implements http.RoundTripper.
func (e *ending) RoundTrip(r *http.Request) (*http.Response, error) {
	e.from = append(e.from, r.Header.Get("Last-Event-ID"))
	res := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Request: r}
	text := "id: 7\ndata: {}\n\n"
	switch n := len(e.from); {
	case n > e.times:
		text = "event: end\n\n"
	case n > 1:
		text = ": \n\n"
	}
	res.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), late(e.after)))
	return res, nil
}

// late is a reader that ends after a time.
type late time.Duration

func (l late) Read([]byte) (int, error) { time.Sleep(time.Duration(l)); return 0, io.EOF }

// TestAQuietStreamIsResumed as often as the server ends it for its age, after the last event
// that came; one that ends at once isn't, for ever.
func TestAQuietStreamIsResumed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration
		tries int
		code  core.Code
	}{"each lasts for an hour": {time.Hour, 21, ""}, "each ends at once": {time.Millisecond, 1 + maxReconnect, core.Unavailable}} {
		synctest.Test(t, func(t *testing.T) {
			e := &ending{after: c.after, times: 20}
			var err error
			for _, err = range New("http://x", "t", e).stream(context.Background(), "/s", "") {
			}
			if core.CodeOf(err) != c.code || len(e.from) != c.tries || e.from[0] != "" || e.from[1] != "7" || e.from[len(e.from)-1] != "7" {
				t.Errorf("%s: %v after %q", name, err, e.from)
			}
		})
	}
}
