package gateway_test

import (
	"bytes"
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
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

const (
	stop = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	told = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}}` + "\n\n"
	done = "data: [DONE]\n\n"
)

// How a stream ends: as whole, or with an error.
func TestTheEndsOfStreams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		rest   string // after three words
		wait   bool   // and then the server says nothing more, and doesn't end
		whole  bool
		counts bool // the provider has told the usage
	}{
		{name: "as it should", rest: piece(stop) + piece(told) + piece(done) + "0\r\n\r\n", whole: true, counts: true},
		{name: "without its mark", rest: piece(stop) + piece(told) + "0\r\n\r\n", whole: true, counts: true},
		{name: "without its mark and usage", rest: piece(stop) + "0\r\n\r\n", whole: true},
		{name: "without its end", rest: piece(stop) + piece(told) + piece(done), wait: true, whole: true, counts: true},
		{name: "with a reset after its end", rest: piece(stop) + piece(told) + piece(done), whole: true, counts: true},
		{name: "with garbage after its end", rest: piece(stop) + piece(told) + piece(done) + piece("data: <html>\n\n") + "0\r\n\r\n", whole: true, counts: true},
		{name: "with no reason to finish", rest: "0\r\n\r\n"},
		{name: "cut after its reason to finish", rest: piece(stop)},
		{name: "with one of two choices", rest: piece(strings.Replace(word("x"), `"index":0`, `"index":1`, 1)) + piece(stop) + "0\r\n\r\n"},
	} {
		for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages} {
			t.Run(c.name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				url := rawServer(t, false, func(conn net.Conn, gone <-chan struct{}) {
					say(conn, begun+c.rest)
					if c.wait {
						<-gone
					}
				})
				r.provider("p", url, func(s *catalog.Spec) {
					s.Timeouts = catalog.Timeouts{First: 10 * time.Second, Idle: 10 * time.Second, Total: 20 * time.Second}
				})
				call := r.call(streamed)
				call.Op = op
				began := time.Now()
				a, err := r.Do(r.ctx, call)
				if err != nil {
					t.Fatal(err)
				}
				got, err := all(r.ctx, a)
				a.Close()
				if err != nil || time.Since(began) > 8*time.Second {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				if broken := strings.Contains(got, `"error":`); broken == c.whole || c.whole && op == dialect.OpMessages && !strings.Contains(got, "message_stop") {
					t.Errorf("the caller gets\n%s", got)
				}
				m := r.closed()["m"][0]
				want := "failed"
				if c.whole {
					want = "ok"
				}
				if m.Status != want || c.counts && m.Usage != (core.Usage{Input: 5, Output: 9}) || !c.counts && (!m.Usage.Estimated || m.Usage.Output == 0) {
					t.Errorf("it is written down as %+v", m)
				}
			})
		}
	}
}

// Who has read the last event needn't wait for the connection's end to have had it whole.
func TestACallerWhoLeavesAtTheEndHasHadItWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.provider("p", newUpstream(t, answering(2)).URL)
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	for piece := ""; !strings.HasSuffix(piece, done); {
		b, err := a.Stream.Next(r.ctx)
		if err != nil {
			t.Fatal(err)
		}
		piece = string(b)
	}
	a.Close()
	if m := r.closed()["m"][0]; m.Status != "ok" || m.Usage.Output != 9 {
		t.Errorf("it is written down as %+v", m)
	}
}

// Messages tell at their beginning that one token was produced; of a stream that is cut off
// it's known that there were more.
func TestMessagesThatAreCutOffAreChargedForWhatTheyProduced(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := rawServer(t, false, func(c net.Conn, _ <-chan struct{}) {
		say(c, streamHead+piece("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":1000,\"output_tokens\":1}}}\n\n"))
		for range 50 {
			say(c, piece("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"several words of an answer \"}}\n\n"))
		}
	})
	r.provider("p", url, func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpMessages} })
	call := r.call(streamed)
	call.Op = dialect.OpMessages
	a, err := r.Do(r.ctx, call)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = all(r.ctx, a)
	a.Close()
	if u := r.closed()["m"][0].Usage; u.Input != 1000 || u.Output < 150 || !u.Estimated {
		t.Errorf("50 times five words are charged as %+v", u)
	}
}

// A reader who pauses for longer than the provider may isn't the provider's fault.
func TestAReaderWhoPauses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.provider("p", newUpstream(t, answering(500)).URL, func(s *catalog.Spec) { // more than comes at once
		s.Timeouts = catalog.Timeouts{First: 20 * time.Second, Idle: time.Second, Total: 20 * time.Second}
	})
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	time.Sleep(1200 * time.Millisecond) // of the exchange's timer
	if _, err := a.Stream.Next(r.ctx); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond)
	if got, err := all(r.ctx, a); err != nil || !strings.HasSuffix(got, done) {
		t.Errorf("error %v, and %q", err, got)
	}
}

// A provider that shows by comments that it is at work isn't late.
func TestAProviderThatThinks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := rawServer(t, false, func(c net.Conn, _ <-chan struct{}) {
		say(c, begun)
		for range 12 {
			time.Sleep(100 * time.Millisecond)
			say(c, piece(": PROCESSING\n\n"))
		}
		say(c, piece(stop)+piece(told)+piece(done)+"0\r\n\r\n")
	})
	r.provider("p", url, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{First: 20 * time.Second, Idle: 600 * time.Millisecond, Total: 20 * time.Second}
	})
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got, err := all(r.ctx, a); err != nil || !strings.HasSuffix(got, done) {
		t.Errorf("error %v, and %q", err, got)
	}
}

// ticks is a clock that goes on by a tenth of a second each time it is looked at: it is at each event
// that is waited for, and at each comment.
type ticks struct{ n atomic.Int64 }

func (c *ticks) now() time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(c.n.Add(1)) * 100 * time.Millisecond)
}

// A caller is shown once a second that a provider is at work which says so by comments, when nothing
// else comes; and by no means before the first event.
func TestACallerSeesThatAProviderThinks(t *testing.T) {
	t.Parallel()
	var clock ticks
	r := newRig(t, func(c *gateway.Config) { c.Now = clock.now })
	seen := make(chan struct{})
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		think := func() {
			_, _ = io.WriteString(w, strings.Repeat(": PROCESSING\n\n", 50))
			_ = http.NewResponseController(w).Flush()
		}
		from := clock.n.Load()
		_, _ = io.WriteString(w, told) // which the caller hasn't asked for
		think()
		for clock.n.Load() < from+50 && req.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		writeChunk(w, "w0 ")
		think()
		select {
		case <-seen:
		case <-req.Context().Done():
		}
		_, _ = io.WriteString(w, stop+told+done)
	})
	r.provider("p", u.URL, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{First: time.Minute, Idle: time.Minute, Total: 10 * time.Minute}
	})
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if first, err := a.Stream.Next(r.ctx); err != nil || !strings.HasPrefix(string(first), "data: ") || !strings.Contains(string(first), "w0") {
		t.Fatalf("the first is %q, %v", first, err)
	}
	for range 5 {
		if piece, err := a.Stream.Next(r.ctx); err != nil || string(piece) != ": \n\n" {
			t.Fatalf("%q, %v", piece, err)
		}
	}
	close(seen)
	if rest, err := all(r.ctx, a); err != nil || rest != stop+done {
		t.Errorf("%q, %v", rest, err)
	}
}

// A caller who leaves ends the provider's work within 100 ms, and is charged for what was
// produced.
func TestACallerWhoLeaves(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"h1": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			ended := make(chan time.Time, 100)
			handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				_, _ = io.Copy(io.Discard, req.Body)
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range 10 {
					writeChunk(w, fmt.Sprintf("word %d ", i))
				}
				<-req.Context().Done()
				ended <- time.Now()
			})
			r.provider("p", served(t, handler, secure))
			var all []time.Duration
			for range 10 {
				ctx, leave := context.WithCancel(r.ctx)
				a, err := r.Do(ctx, r.call(streamed))
				if err != nil {
					t.Fatal(err)
				}
				for words := 0; words < 5; {
					piece, err := a.Stream.Next(ctx)
					if err != nil {
						t.Fatal(err)
					}
					words += bytes.Count(piece, []byte("word"))
				}
				began := time.Now()
				leave()
				all = append(all, (<-ended).Sub(began))
				_, err = a.Stream.Next(ctx)
				for err == nil { // what had come before
					_, err = a.Stream.Next(ctx)
				}
				if core.CodeOf(err) != core.Canceled {
					t.Errorf("the stream of a caller who has left ends with %v", err)
				}
				a.Close()
			}
			t.Logf("from the caller's leaving to the provider's knowing: %v", all)
			within := 0
			for _, d := range all {
				if d <= 100*time.Millisecond {
					within++
				}
			}
			if within == 0 { // others may have the processors
				t.Errorf("of %d, %d ended within 100 ms: %v", len(all), within, all)
			}
			for _, m := range r.closed()["m"] {
				if m.Status != "canceled" || !m.Usage.Estimated || m.Usage.Output < 10*m.N || m.Usage.Output > 40*m.N || m.Cost == 0 {
					t.Errorf("it is written down as %+v", m)
				}
			}
		})
	}
}

// Who closes an answer ends the provider's work as well.
func TestAnAnswerThatIsClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ended := make(chan struct{})
	r.provider("p", newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		writeChunk(w, "word")
		<-req.Context().Done()
		close(ended)
	}).URL)
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	a.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the provider goes on")
	}
}

// What a provider's transport still sends when a call is over isn't read from the caller's
// buffer any more, which may have another's request in it by then.
func TestTheCallersBufferIsTheCallersAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := make(chan bool, 1)
	url := served(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.CopyN(io.Discard, req.Body, 1000)
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "26")
		w.WriteHeader(http.StatusBadRequest) // before all has come
		_, _ = io.WriteString(w, `{"error":{"message":"no"}}`)
		_ = c.Flush()
		rest, _ := io.ReadAll(req.Body)
		other <- strings.Contains(string(rest), "B")
	}), true)
	r.provider("p", url)
	body := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("A", 16<<20) + `"}]}`)
	if _, err := r.Do(r.ctx, gateway.Call{Scope: r.scope, Key: key, Op: dialect.OpChat, Body: body}); core.CodeOf(err) != core.Invalid {
		t.Fatalf("the error is %v", err)
	}
	for i := range body {
		body[i] = 'B'
	}
	if <-other {
		t.Error("the provider got another's request")
	}
}
