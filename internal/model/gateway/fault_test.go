package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
)

// phase is when a provider fails.
type phase string

const (
	inWhole phase = "whole answer"
	before  phase = "stream, before its first event"
	after   phase = "stream, after its first event"
)

// failure is a way for a provider to fail.
type failure struct {
	name   string
	server func(t *testing.T, p phase, secure bool) (url string)
	why    string    // that is said of the provider ...
	late   string    // ... and when it fails after the first event, if that differs
	code   core.Code // unavailable
	phases []phase   // all
	plain  bool      // not over TLS
	once   bool      // it isn't asked again
	slow   bool      // what never comes is missed when its time is over; nor is it asked again
}

// raw is a server of a failure that says something and does something else.
func raw(first, later string, then func(c net.Conn, gone <-chan struct{})) func(*testing.T, phase, bool) string {
	return func(t *testing.T, p phase, secure bool) string {
		return rawServer(t, secure, func(c net.Conn, gone <-chan struct{}) {
			switch p {
			case inWhole, before:
				say(c, first)
			case after:
				say(c, begun+later)
			}
			if then != nil {
				then(c, gone)
			}
		})
	}
}

// through is a sound server behind a proxy that does harm.
func through(kind, attributes string) func(*testing.T, phase, bool) string {
	return func(t *testing.T, _ phase, secure bool) string { return toxic(t, sound(t, secure), kind, attributes) }
}

// sound is a server that nothing is wrong with.
func sound(t *testing.T, secure bool) string {
	return served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answering(5)(0, w, r, body)
	}), secure)
}

// served is a server of a handler.
func served(t *testing.T, h http.Handler, secure bool) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told nonsense
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL
}

func silent(_ net.Conn, gone <-chan struct{}) { <-gone }

func status(line, header, body string) func(*testing.T, phase, bool) string {
	return raw(fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s", line, len(body), header, body), "", nil)
}

var beforeAll = []phase{inWhole, before}

var failures = []failure{
	{name: "latency beyond the bound", server: through("latency", `{"latency":3000}`), why: "nothing came in time|the answer took too long", phases: beforeAll, slow: true},
	{name: "cut within its header", server: through("limit_data", `{"bytes":40}`), why: "the connection broke", phases: beforeAll, plain: true},
	{name: "cut within a chunk", server: raw(streamHead+"ff\r\ndata: {", "ff\r\ndata: {", nil), why: "cut off", phases: []phase{before, after}},
	{name: "cut within a body", server: raw(wholeHead+"Content-Length: 900\r\n\r\n{\"id\":", "", nil), why: "cut off", phases: []phase{inWhole}},
	{name: "cut between two chunks", server: through("limit_data", `{"bytes":420}`), why: "cut off", phases: []phase{after}, plain: true},
	{name: "ended without an end", server: raw("", "0\r\n\r\n", nil), why: "the connection broke", late: "cut off"},
	{name: "a byte now and then", server: through("slicer", `{"average_size":1,"size_variation":0,"delay":50000}`), why: "nothing came in time|the answer took too long|no connection in time", phases: beforeAll, slow: true},
	{name: "a byte of an event now and then", server: raw("", "", func(c net.Conn, gone <-chan struct{}) {
		for b := range []byte(piece(word(strings.Repeat("drip ", 200)))) {
			select {
			case <-gone:
				return
			case <-time.After(50 * time.Millisecond):
				say(c, string(rune('a'+b%26)))
			}
		}
	}), why: "stopped coming|isn't what the API sends|cut off", phases: []phase{after}, slow: true},
	{name: "reset at once", server: through("reset_peer", `{"timeout":0}`), why: "the connection broke", phases: beforeAll, plain: true},
	{name: "reset", server: raw("", "", func(c net.Conn, _ <-chan struct{}) { reset(c) }), why: "the connection broke", late: "cut off"},
	{name: "half-open", server: through("timeout", `{"timeout":0}`), why: "nothing came in time|the answer took too long|no connection in time", phases: beforeAll, slow: true},
	{name: "silence", server: raw("", "", silent), why: "nothing came in time|the answer took too long", late: "stopped coming", slow: true},
	{name: "silence after its header", server: raw(streamHead, "", silent), why: "nothing came in time", phases: []phase{before}, slow: true},
	{name: "garbage instead of HTTP", server: raw("\x00\xff\xfegarbage\r\n\r\n", "", nil), why: "the connection broke", phases: beforeAll},
	{name: "garbage instead of chunks", server: raw(streamHead+"zz\r\n\x00\xff", "zz\r\n\x00\xff", nil), why: "cut off", phases: []phase{before, after}},
	{name: "garbage instead of JSON", server: raw(wholeHead+"Content-Length: 9\r\n\r\n{\"id\": 1 ", "", nil), why: "isn't what the API sends", phases: []phase{inWhole}},
	{name: "an event that isn't JSON", server: raw(streamHead+piece("data: {\"id\": 1\n\n"), piece("data: <html>\n\n"), silent), why: "answers with what its API doesn't send", phases: []phase{before, after}},
	{name: "a huge header", server: raw("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100<<10)+"\r\n\r\n", "", nil), why: "the connection broke", phases: beforeAll},
	{name: "a huge line", server: raw(streamHead, "", func(c net.Conn, _ <-chan struct{}) {
		say(c, piece("data: "))
		for range 10 {
			say(c, piece(strings.Repeat("x", 1<<20)))
		}
	}), why: "too large", phases: []phase{before, after}, once: true},
	{name: "a huge answer", server: raw(wholeHead+"Content-Length: 40000000\r\n\r\n{", "", silent), why: "too large", phases: []phase{inWhole}, once: true},
	{name: "a wrong content type", server: raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "", nil), why: "isn't what the API sends", phases: beforeAll},
	{name: "no content type", server: raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "", nil), why: "isn't what the API sends", phases: beforeAll},
	{name: "200 with an error", server: raw(wholeHead+"Content-Length: 48\r\n\r\n"+`{"error":{"message":"sorry","type":"api_error"}} `, piece("data: {\"error\":{\"message\":\"sorry\",\"type\":\"api_error\"}}\n\n"), nil),
		why: "status 502|an error in an answer of status 200", late: "sorry"},
	{name: "an error as its first event", server: raw(streamHead+piece("data: {\"error\":{\"message\":\"busy\",\"code\":429}}\n\n"), "", nil), why: "limits the rate|an error in an answer of status 200", code: core.Exhausted, phases: []phase{before}},
	{name: "a name that nobody knows", server: at("http://nobody.invalid"), why: "its name isn't known|no connection in time", phases: beforeAll, plain: true},
	{name: "nobody there", server: at("http://127.0.0.1:1"), why: "no connection", phases: beforeAll, plain: true},
	{name: "a certificate of nobody", server: stranger, why: "its certificate isn't trusted", phases: beforeAll, plain: true},
	{name: "no TLS at a port for TLS", server: func(t *testing.T, _ phase, _ bool) string {
		return strings.Replace(sound(t, false), "http:", "https:", 1)
	}, why: "doesn't speak TLS", phases: beforeAll, plain: true},
	{name: "TLS at a port for none", server: func(t *testing.T, _ phase, _ bool) string {
		return strings.Replace(sound(t, true), "https:", "http:", 1)
	}, why: "status 400", phases: beforeAll, plain: true, once: true},
	{name: "500", server: status("500 Oops", "", "{}"), why: "status 500", phases: beforeAll},
	{name: "502 of a proxy", server: status("502 Bad Gateway", "Content-Type: text/html\r\n", "<html><h1>Bad Gateway</h1></html>"), why: "status 502", phases: beforeAll},
	{name: "302", server: status("302 Found", "Location: http://127.0.0.1:1/\r\n", ""), why: "status 302", phases: beforeAll, once: true},
	{name: "204", server: status("204 No Content", "", ""), why: "isn't what the API sends", phases: beforeAll},
	{name: "401", server: status("401 Unauthorized", "", `{"error":{"message":"Incorrect API key: sk-test"}}`), why: "refuses its credential", phases: beforeAll, once: true},
	{name: "404", server: status("404 Not Found", "", `{"error":{"message":"no such model"}}`), why: "no such model|status 404", code: core.NotFound, phases: beforeAll, once: true},
	{name: "429", server: status("429 Slow Down", "Retry-After: 300\r\n", `{}`), why: "limits the rate|status 429", code: core.Exhausted, phases: beforeAll, once: true},
	{name: "503 for a while", server: status("503 Busy", "Retry-After: 300\r\n", `{}`), why: "status 503", phases: beforeAll, once: true},
}

func at(url string) func(*testing.T, phase, bool) string {
	return func(*testing.T, phase, bool) string { return url }
}

// stranger has a certificate that isn't for its address.
func stranger(t *testing.T, _ phase, _ bool) string {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(nil)
	_ = s.Listener.Close()
	s.Listener, s.Config.ErrorLog = l, log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// bounds are such that what never comes is soon missed, and nothing else.
func (f failure) bounds(p phase) func(*catalog.Spec) {
	const soon = 400 * time.Millisecond
	return func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{Connect: 5 * time.Second, First: 20 * time.Second, Idle: 20 * time.Second, Total: 30 * time.Second}
		switch {
		case !f.slow:
		case p == inWhole:
			s.Timeouts.Connect, s.Timeouts.Total = soon, soon
		case p == before:
			s.Timeouts.Connect, s.Timeouts.First = soon, soon
		default:
			s.Timeouts.Idle = soon
		}
	}
}

func TestFaults(t *testing.T) { // nothing else runs meanwhile: it counts what is left behind
	trusted()
	certificate()
	clean := leftBehind(t)
	t.Run("all", func(t *testing.T) {
		for _, f := range failures {
			for _, secure := range []bool{false, true} {
				if secure && f.plain {
					continue
				}
				name := f.name
				if secure {
					name += ", over TLS"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					f.run(t, secure)
				})
			}
		}
	})
	clean()
}

// run has a provider fail, alone and with another one after it.
func (f failure) run(t *testing.T, secure bool) {
	r := newRig(t)
	good := newUpstream(t, answering(2))
	r.provider("good", good.URL)
	if f.code == "" {
		f.code = core.Unavailable
	}
	if f.phases == nil {
		f.phases = []phase{inWhole, before, after}
	}
	var asked int64
	for i, p := range f.phases {
		url := f.server(t, p, secure)
		alone, route := fmt.Sprintf("alone%d", i), fmt.Sprintf("route%d", i)
		r.provider(alone, url, f.bounds(p))
		r.provider("first"+route, url, f.bounds(p))
		r.route(route, "first"+route, "good")
		body := plain
		if p != inWhole {
			body = streamed
		}
		began := time.Now()
		f.hold(t, p, false, r.outcome(strings.Replace(body, `"m"`, `"`+alone+`/m"`, 1)))
		took := time.Since(began)
		f.hold(t, p, true, r.outcome(strings.Replace(body, `"m"`, `"`+route+`"`, 1)))
		if p != after {
			asked++
		}
		if took > 15*time.Second {
			t.Errorf("%s: it took %s", p, took)
		}
	}
	if n := good.calls.Load(); n != asked {
		t.Errorf("the other provider was asked %d times, want %d", n, asked)
	}
	calls := r.closed()
	for i, p := range f.phases {
		f.charged(t, p, calls[fmt.Sprintf("alone%d/m", i)], false)
		f.charged(t, p, calls[fmt.Sprintf("route%d", i)], true)
	}
}

// route adds one with a tier for each provider.
func (r *rig) route(name string, providers ...string) {
	r.t.Helper()
	var legs []catalog.Leg
	for i, p := range providers {
		legs = append(legs, catalog.Leg{Provider: p, Model: "m", Tier: i})
	}
	if _, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: name, Targets: legs}, 0); err != nil {
		r.t.Fatal(err)
	}
}

// outcome is what a caller gets.
type outcome struct {
	err  error
	said string
}

func (r *rig) outcome(body string) (o outcome) {
	r.t.Helper()
	a, err := r.Do(r.ctx, r.call(body))
	if err != nil {
		return outcome{err: err}
	}
	defer a.Close()
	if o.said, err = all(r.ctx, a); err != nil {
		r.t.Errorf("the stream ends with %v", err)
	}
	return o
}

// hold holds an outcome to what a caller has to get.
func (f failure) hold(t *testing.T, p phase, another bool, o outcome) {
	t.Helper()
	if strings.Contains(fmt.Sprint(o), "sk-test") {
		t.Errorf("%s: the credential is in it: %v", p, o)
	}
	switch {
	case p == after:
		why := f.late
		if why == "" {
			why = f.why
		}
		if o.err != nil || !strings.Contains(o.said, "delta") || strings.Contains(o.said, "[DONE]") || strings.Contains(o.said, "finish_reason\":\"stop") {
			t.Errorf("%s: error %v, and as if whole: %s", p, o.err, o.said)
		}
		last := o.said[strings.LastIndex(strings.TrimSuffix(o.said, "\n\n"), "\n\n")+1:]
		if !strings.Contains(last, `{"error":{`) || !either(last, why) {
			t.Errorf("%s: the last event is %s", p, last)
		}
		t.Logf("%s: %s", p, strings.TrimSpace(last))
	case another:
		if o.err != nil || !strings.Contains(o.said, "stop") {
			t.Errorf("%s: the other provider's answer isn't there: %v %q", p, o.err, o.said)
		}
	default:
		if core.CodeOf(o.err) != f.code || !either(fmt.Sprint(o.err), f.why) {
			t.Errorf("%s: the error is %s: %v, want %s: %s", p, core.CodeOf(o.err), o.err, f.code, f.why)
		}
		t.Logf("%s: %s: %v", p, core.CodeOf(o.err), o.err)
	}
}

func either(s, words string) bool {
	for w := range strings.SplitSeq(words, "|") {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// charged holds what was written down to what was produced.
func (f failure) charged(t *testing.T, p phase, calls []core.MeteredCalls, another bool) {
	t.Helper()
	// A provider that had the request and took too long, or said too much, is paid for what it read.
	worked := slices.IndexFunc(calls, func(c core.MeteredCalls) bool { return p != after && c.Status == "failed" && c.Usage.Input > 0 })
	if worked >= 0 {
		c := calls[worked]
		if !f.slow && f.why != "too large" || c.Usage != (core.Usage{Input: 3, Estimated: true}) || c.Cost != 3 || c.N != 1 || c.Attempts != 1 || c.Provider == "good" {
			t.Errorf("%s: work is charged as %+v", p, c)
		}
		if calls = slices.Delete(calls, worked, worked+1); !another && len(calls) == 0 {
			return
		}
	}
	if count(calls) != 1 {
		t.Fatalf("%s: %d calls are written down", p, count(calls))
	}
	c := calls[0]
	price := core.Price{Input: core.Credit, Output: 2 * core.Credit}
	switch {
	case p == after:
		if c.Status != "failed" || !c.Usage.Estimated || c.Usage.Input == 0 || c.Usage.Output == 0 || c.Cost != price.Tokens(c.Usage) {
			t.Errorf("%s: what was produced is charged as %+v", p, c)
		}
	case another:
		if c.Status != "ok" || c.Provider != "good" || c.Usage.Estimated || c.Cost == 0 || (c.Attempts < 2) != (worked >= 0) {
			t.Errorf("%s: the other's answer is charged as %+v", p, c)
		}
	default:
		if c.Status != "failed" || c.Cost != 0 || c.Usage != (core.Usage{}) {
			t.Errorf("%s: nothing is charged as %+v", p, c)
		}
		if (f.once || f.slow) != (c.Attempts == 1) {
			t.Errorf("%s: it was asked %d times", p, c.Attempts)
		}
	}
}

// An address that may not be used is tried once a call, and opens no breaker.
func TestAnAddressThatMayNotBeUsed(t *testing.T) {
	t.Parallel()
	const calls = 4 // one more than open a breaker
	var dials atomic.Int64
	r := newRig(t, func(c *gateway.Config) {
		c.Transport = func(bool, time.Duration) gateway.Way {
			dial := func(context.Context, string, string) (net.Conn, error) {
				dials.Add(1)
				return nil, core.E(core.Denied, "egress", "its address 10.0.0.1 is private")
			}
			return &h1.Transport{Dial: dial, Else: &http.Transport{DialContext: dial}}
		}
	})
	r.provider("p", "http://10.0.0.1", breaks)
	for range calls {
		if err := r.outcome(plain).err; core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "its address may not be used") || strings.Contains(err.Error(), "breaker") {
			t.Errorf("it ends with %v", err)
		}
	}
	if n := dials.Load(); n != calls {
		t.Errorf("%d calls dialed it %d times", calls, n)
	}
}

// What is slow, comes in pieces or at the wrong pace is whole in the end, and asked for once.
func TestWhatIsNoFault(t *testing.T) {
	t.Parallel()
	for kind, attributes := range map[string]string{
		"latency": `{"latency":60,"jitter":50}`, "slicer": `{"average_size":7,"size_variation":3,"delay":100}`, "bandwidth": `{"rate":20}`, "slow_close": `{"delay":200}`,
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, " ", secure), func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.provider("p", through(kind, attributes)(t, before, secure), func(s *catalog.Spec) {
					s.Timeouts = catalog.Timeouts{Connect: 20 * time.Second, First: 20 * time.Second, Idle: 20 * time.Second, Total: time.Minute}
				})
				if o := r.outcome(plain); o.err != nil || o.said != whole {
					t.Errorf("%v: %s", o.err, o.said)
				}
				if o := r.outcome(streamed); o.err != nil || strings.Count(o.said, `"content":"w`) != 5 || !strings.HasSuffix(o.said, done) {
					t.Errorf("%v: %s", o.err, o.said)
				}
				for _, c := range r.closed()["m"] {
					if c.Status != "ok" || c.Attempts != c.N || c.Usage.Estimated {
						t.Errorf("it is written down as %+v", c)
					}
				}
			})
		}
	}
}
