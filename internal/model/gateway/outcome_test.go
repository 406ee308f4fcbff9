package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// observer writes down what it is told.
type observer struct {
	mu    sync.Mutex
	calls []gateway.Outcome
	tried []string
}

func (o *observer) Called(c gateway.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, c)
}

func (o *observer) Tried(t catalog.Target, op dialect.Operation, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tried = append(o.tried, t.Provider.Name+" "+string(op)+": "+why)
}

// told takes what was told since the last time.
func (o *observer) told() (calls []gateway.Outcome, tried string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls, tried = o.calls, strings.Join(o.tried, ", ")
	o.calls, o.tried = nil, nil
	return calls, tried
}

// TestWhatObserversAreTold: of each call once what became of it, however it ended, with the
// name of the request and nothing of what was said.
func TestWhatObserversAreTold(t *testing.T) {
	t.Parallel()
	o := &observer{}
	r := newRig(t, func(c *gateway.Config) { c.Observer = o })
	const marker = "what-was-said"
	provide := func(name string, f func(int64, http.ResponseWriter, *http.Request, []byte)) {
		r.provider(name, newUpstream(t, f).URL, func(s *catalog.Spec) { s.Models[0].Name = name })
	}
	says := func(status int) func(int64, http.ResponseWriter, *http.Request, []byte) {
		return func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"message":"you said `+marker+`"}}`)
		}
	}
	provide("good", answering(3))
	provide("bad", says(400))
	provide("unknown", says(404))
	provide("refuses", says(401))
	provide("cuts", func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		writeChunk(w, "a")
		panic(http.ErrAbortHandler)
	})
	for _, c := range []struct {
		name, body    string
		op            dialect.Operation
		code          core.Code
		status, tried string
		why           string
		provider      string
		output        int
	}{
		{name: "whole", body: plain, provider: "good", status: "ok", tried: "good chat: ", output: 2},
		{name: "stream", body: streamed, provider: "good", status: "ok", tried: "good chat: ", output: 9},
		{name: "cut off", body: streamed, provider: "cuts", status: "failed", code: core.Unavailable, tried: "cuts chat: ", why: "the answer was cut off", output: 1},
		{name: "can't be right", body: plain, provider: "bad", status: "failed", code: core.Invalid, tried: "bad chat: status 400", why: "the caller is told"},
		{name: "a model that it hasn't", body: plain, provider: "unknown", status: "failed", code: core.NotFound, tried: "unknown chat: status 404", why: "the caller is told"},
		{name: "refused credential", body: plain, provider: "refuses", status: "failed", code: core.Unavailable, tried: "refuses chat: it refuses its credential", why: "refuses its credential"},
		{name: "no such model", body: plain, provider: "nobody", status: "failed", code: core.NotFound, why: `no model \"nobody\"`},
		{name: "no JSON", body: `{`, status: "failed", code: core.Invalid, why: "isn't a JSON object"},
	} {
		call := r.call(strings.Replace(strings.Replace(c.body, `"m"`, fmt.Sprintf("%q", c.provider), 1), "Say hello.", marker, 1))
		call.Request = "req_" + c.name
		a, err := r.Do(r.ctx, call)
		if err == nil {
			_, err = all(r.ctx, a)
			a.Close()
		}
		if err != nil && core.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
		calls, tried := o.told()
		if len(calls) != 1 || tried != c.tried {
			t.Errorf("%s: told of %d calls, tried %q", c.name, len(calls), tried)
			continue
		}
		got := calls[0]
		if got.Status != c.status || got.Code() != c.code || got.Request != call.Request || got.Scope != r.scope || got.Key != key || got.Op != dialect.OpChat || got.Usage.Output != c.output || got.Asked != asked(c.body, c.provider) {
			t.Errorf("%s: %+v", c.name, got)
		}
		if answered := got.Target.Provider != nil; answered != (c.output > 0) || answered && (got.Target.Provider.Name != c.provider || got.Attempts != 1 || got.First <= 0) {
			t.Errorf("%s: answered by %+v after %d attempts, %s", c.name, got.Target, got.Attempts, got.First)
		}
		if why := got.Why(); strings.Contains(why, marker) || !strings.Contains(strings.ReplaceAll(why, `"`, `\"`), c.why) || (why == "") != (c.code == "") {
			t.Errorf("%s: why %q", c.name, why)
		}
	}
}

func asked(body, model string) string {
	if body == "{" {
		return ""
	}
	return model
}

// TestStates: who looks after providers sees how each is, and for whom.
func TestStates(t *testing.T) {
	t.Parallel()
	r, u := newRig(t), newMoody(t)
	r.provider("p", u.URL)
	state := func(org core.OrgID) gateway.State {
		t.Helper()
		all := r.States(org)
		if len(all) != 1 {
			return gateway.State{}
		}
		return all[0]
	}
	if s := r.States(""); len(s) != 0 {
		t.Errorf("before a call: %+v", s)
	}
	letGo := u.hold()
	ended := make(chan error, 1)
	go func() { ended <- r.outcome(plain).err }()
	<-u.in
	if s := state(r.org); s.State != gateway.StateOK || s.Calls != 1 || s.Op != dialect.OpChat || !strings.HasPrefix(s.Provider, string(r.org)+"/p@") {
		t.Errorf("while one is under way: %+v", s)
	}
	letGo()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	u.ill.Store(true)
	if err := r.outcome(plain).err; core.CodeOf(err) != core.Unavailable {
		t.Fatal(err)
	}
	for _, org := range []core.OrgID{r.org, ""} {
		if s := state(org); s.State != gateway.StateOpen || s.Why != "status 500" || s.Orgs != 1 || s.Calls != 0 || s.For <= 0 || s.For > time.Minute {
			t.Errorf("of %q with an open breaker: %+v", org, s)
		}
	}
	if s := r.States("org_other"); len(s) != 0 {
		t.Errorf("another org sees %+v", s)
	}
}
