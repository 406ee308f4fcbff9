package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// ask sends a request to the server as it is; headers come in pairs.
func (s *server) ask(t *testing.T, method, path string, body any, headers ...string) reply {
	t.Helper()
	res := s.open(t, method, path, body, headers...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(b)}
	if strings.Contains(r.header.Get("Content-Type"), "json") && len(b) > 0 {
		if err := json.Unmarshal(b, &r.json); err != nil {
			t.Fatalf("%s %s: %v in %q", method, path, err, b)
		}
	}
	return r
}

func (s *server) open(t *testing.T, method, path string, body any, headers ...string) *http.Response {
	t.Helper()
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(b)
	}
	ctx, done := context.WithTimeout(t.Context(), patience)
	t.Cleanup(done)
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// bearer is the header that proves that its sender may read the data directory.
func (s *server) bearer() []string { return []string{"Authorization", "Bearer " + s.token} }

// refused fails the test unless the reply is a problem (RFC 9457) of this status
// and code, with a hint.
func (r reply) refused(t *testing.T, status int, code core.Code) {
	t.Helper()
	var p client.Problem
	if err := json.Unmarshal([]byte(r.text), &p); err != nil {
		t.Fatalf("%d, and no problem: %q", r.status, r.text)
	}
	if r.status != status || p.Status != status || p.Code != code || p.Title == "" || p.Detail == "" {
		t.Errorf("%d %s, want %d %s", r.status, r.text, status, code)
	}
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("a problem as %q", kind)
	}
}

// event is a server-sent event.
type event struct{ id, event, data string }

// sse reads a stream of events to its end.
func sse(t *testing.T, res *http.Response) (all []event) {
	t.Helper()
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("%s, %s", res.Status, kind)
	}
	var e event
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		name, value, _ := strings.Cut(sc.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if e != (event{}) {
				all = append(all, e)
			}
			e = event{}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
