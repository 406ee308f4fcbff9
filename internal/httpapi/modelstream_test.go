package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// dial sends a request as it is, and leaves the connection open.
func (r *rig) dial(request string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	conn := must(net.Dial("tcp", strings.TrimPrefix(r.url, "http://")))(r.t)
	r.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	must(io.WriteString(conn, request))(r.t)
	return conn, bufio.NewReader(conn)
}

// raw is a request of a chat as it goes over the wire, of which the first bytes of the body
// come.
func raw(op dialect.Operation, length int, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", pathOf(op), token, length, body)
}

// TestACallsBody: more of it comes than for other routes, but not more than is bounded, and
// not for ever. Nobody is asked for what didn't come whole.
func TestACallsBody(t *testing.T) {
	t.Parallel()
	r := newRigBy(t, httpapi.Impatient(300*time.Millisecond, 0, 0))
	up := newUpstream(t, answerAll)
	r.provides(scope.Org, up.URL)
	for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages} {
		large := strings.Replace(asking(op, "m"), `"x"`, `"`+strings.Repeat("x", 4<<20)+`"`, 1)
		if a := r.do("POST", pathOf(op), large); a.status != 200 {
			t.Errorf("%s of %d bytes: %d %s", op, len(large), a.status, a.body)
		}
		up.forget()
		_, in := r.dial(raw(op, 100, `{"model":`))
		res := must(http.ReadResponse(in, nil))(t)
		late := answer{status: res.StatusCode, header: res.Header, body: string(must(io.ReadAll(res.Body))(t))}
		if p, err := problemOf(pathOf(op), late); late.status != 408 || err != nil || p.Code != core.Invalid || !res.Close {
			t.Errorf("%s, late: %d %s (%v)", op, late.status, late.body, err)
		}
		for _, body := range []string{"", "{", "[]", `{"model":""}`, `{"model":"m"`, `{"model":"m","model":"n"}`} {
			if a := r.do("POST", pathOf(op), body); a.status != 400 || a.problem.Code != core.Invalid {
				t.Errorf("%s of %s: %d %s", op, body, a.status, a.body)
			}
		}
		if n := len(up.seen("")); n != 0 {
			t.Errorf("%s: the provider was asked %d times", op, n)
		}
	}
}

// TestAReaderThatTakesNothing is cut off: that ends the provider's exchange, and what came is
// charged.
func TestAReaderThatTakesNothing(t *testing.T) {
	t.Parallel()
	r := newRigBy(t, httpapi.Impatient(0, 200*time.Millisecond, 0))
	gone := make(chan struct{})
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		defer close(gone)
		w.Header().Set("Content-Type", "text/event-stream")
		for say(w, strings.Repeat("x", 64<<10)) == nil {
		}
	})
	r.provides(scope.Org, up.URL)
	body := streamed(asking(dialect.OpChat, "m"))
	conn, _ := r.dial(raw(dialect.OpChat, len(body), body))
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("the provider goes on")
	}
	if c := r.calls(scope.Org, 1)[0]; c.Status != "canceled" || c.Usage.Output == 0 || !c.Usage.Estimated {
		t.Errorf("it is metered as %+v", c)
	}
	if all, _ := io.ReadAll(conn); len(all) == 0 || strings.HasSuffix(string(all), "\r\n0\r\n\r\n") { // what was on the way, however that ends
		t.Errorf("the stream seems whole after %d bytes", len(all))
	}
}

// TestACallerWhoGoes ends the provider's exchange at once.
func TestACallerWhoGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	gone := make(chan struct{})
	up := newUpstream(t, func(w http.ResponseWriter, q *http.Request, _ []byte) {
		defer close(gone)
		w.Header().Set("Content-Type", "text/event-stream")
		_ = say(w, "one ")
		<-q.Context().Done()
	})
	r.provides(scope.Org, up.URL)
	ctx, leave := context.WithCancel(t.Context())
	q := must(http.NewRequestWithContext(ctx, "POST", r.url+pathOf(dialect.OpChat), strings.NewReader(streamed(asking(dialect.OpChat, "m")))))(t)
	q.Header.Set("Authorization", "Bearer "+token)
	res := must(http.DefaultClient.Do(q))(t)
	defer res.Body.Close()
	if line := must(bufio.NewReader(res.Body).ReadString('\n'))(t); !strings.Contains(line, "one ") || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || res.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%v %s", res.Header, line)
	}
	leave()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("the provider goes on")
	}
	if c := r.calls(scope.Org, 1)[0]; c.Status != "canceled" {
		t.Errorf("it is metered as %+v", c)
	}
}

// TestAStreamEndsWithItsKey: what comes after it was revoked isn't for its reader, who is told
// why in the dialect; and the provider is let go.
func TestAStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages} {
		var revoked atomic.Bool
		r := newRigBy(t, httpapi.Impatient(0, 0, 20*time.Millisecond), func(cfg *httpapi.Config) {
			first := cfg.Authenticate
			cfg.Authenticate = func(ctx context.Context, c identity.Credential) (identity.Principal, error) {
				if revoked.Load() {
					return identity.Principal{}, core.E(core.Unauthenticated, "identity", "the key was revoked")
				}
				return first(ctx, c)
			}
		})
		gone := make(chan struct{})
		up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			defer close(gone)
			w.Header().Set("Content-Type", "text/event-stream")
			word := "before "
			for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
				if revoked.Load() {
					word = "after "
				}
				if say(w, word) != nil {
					tick.Stop()
					return
				}
			}
		})
		r.provides(scope.Org, up.URL, onlyChat)
		res := r.open("POST", pathOf(op), streamed(asking(op, "m")))
		defer res.Body.Close()
		in := bufio.NewReader(res.Body)
		for {
			line := must(in.ReadString('\n'))(t)
			if strings.Contains(line, "before") {
				break
			}
		}
		revoked.Store(true)
		time.AfterFunc(10*time.Second, func() { _ = res.Body.Close() })
		rest, err := io.ReadAll(in)
		if err != nil || strings.Count(string(rest), "after") > 20 || !strings.Contains(string(rest), `"type":"authentication_error"`) || !strings.Contains(string(rest), "the key was revoked") || strings.Contains(string(rest), "[DONE]") {
			t.Errorf("%s: %v: %.600s", op, err, rest)
		}
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			t.Fatal("the provider goes on")
		}
	}
}

// TestAStoredStream is taken up by its ids, after what was seen, by who asked for it alone.
func TestAStoredStream(t *testing.T) {
	t.Parallel()
	key := func(id string) identity.Principal {
		p := keyed(ours)
		p.Key, p.Scope.Actor.ID = core.KeyID(id), id
		return p
	}
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Authenticate = known(map[string]identity.Principal{token: ours, "neighbour": owner(neighbour), "theirs": owner(theirs), "key": key("key_b")})
	})
	up := newUpstream(t, answerAll)
	r.provides(scope.Org, up.URL)
	body := strings.TrimSuffix(streamed(asking(dialect.OpChat, "m")), "}") + `,"store":true}`
	first := r.do("POST", pathOf(dialect.OpChat), body)
	id := first.header.Get("Isekai-Answer")
	if first.status != 200 || !strings.HasPrefix(id, "ans_") || !strings.Contains(first.body, "id: "+id+".1\n") || !strings.Contains(first.body, "[DONE]") {
		t.Fatalf("%d %v %s", first.status, first.header, first.body)
	}
	events := strings.SplitAfter(first.body, "\n\n")
	byID, byNative := "/v1/answers/"+id+"/events", "/v1/chat/completions/chatcmpl-1"
	eventually(t, "the answer is written", func() bool { return r.do("GET", byNative, "").status == 200 })
	for name, c := range map[string]struct {
		path    string
		headers []string
		from    int // event
	}{
		"from the beginning":          {path: byID},
		"by the answer's own id":      {path: byNative},
		"where OpenAI's clients look": {path: byNative + "?stream=true&starting_after=2", from: 2},
		"after an event":              {path: byID, headers: []string{"Last-Event-ID", id + ".3"}, from: 3},
		"after a number":              {path: byID, headers: []string{"Last-Event-ID", "1"}, from: 1},
		"the header before the query": {path: byID + "?starting_after=1", headers: []string{"Last-Event-ID", "2"}, from: 2},
		"after the last":              {path: byID, headers: []string{"Last-Event-ID", fmt.Sprint(len(events) - 1)}, from: len(events) - 1},
	} {
		a := r.do("GET", c.path, "", c.headers...)
		if want := strings.Join(events[c.from:], ""); a.status != 200 || a.body != want || a.header.Get("Isekai-Answer") != id {
			t.Errorf("%s: %d %q, want %q", name, a.status, a.body, want)
		}
	}
	for name, c := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"another org's":           {byID, []string{"Authorization", "Bearer theirs"}, 404},
		"another project's":       {byID, []string{"Authorization", "Bearer neighbour"}, 404},
		"another actor's":         {byID, []string{"Authorization", "Bearer key"}, 404},
		"its own id, another's":   {byNative, []string{"Authorization", "Bearer key"}, 404},
		"there is none":           {"/v1/answers/" + core.NewID("ans") + "/events", nil, 404},
		"not as a stream":         {byID + "?stream=false", nil, 400},
		"after what is no event":  {byID, []string{"Last-Event-ID", "x"}, 400},
		"after what can't be one": {byID + "?starting_after=-2", nil, 400},
	} {
		if a := r.do("GET", c.path, "", c.headers...); a.status != c.status || strings.Contains(a.body, "two") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if n := len(up.seen("")); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// TestAStoredStreamGoesOn when its caller is cut off, and is had to its end.
func TestAStoredStreamGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	on := make(chan struct{})
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = say(w, "one ")
		<-on
		_ = say(w, "two ")
		endChat(w)
	})
	r.provides(scope.Org, up.URL)
	res := r.open("POST", pathOf(dialect.OpChat), strings.TrimSuffix(streamed(asking(dialect.OpChat, "m")), "}")+`,"store":true}`)
	id := res.Header.Get("Isekai-Answer")
	in := bufio.NewReader(res.Body)
	for line := ""; !strings.Contains(line, "one "); {
		line = must(in.ReadString('\n'))(t)
	}
	_ = res.Body.Close()
	close(on)
	a := r.do("GET", "/v1/answers/"+id+"/events", "", "Last-Event-ID", id+".1")
	if a.status != 200 || strings.Contains(a.body, "one ") || !strings.Contains(a.body, "two ") || !strings.Contains(a.body, "[DONE]") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if c := r.calls(scope.Org, 1)[0]; c.Status != "ok" || c.Usage.Output != 9 {
		t.Errorf("it is metered as %+v", c)
	}
}
