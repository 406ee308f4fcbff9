package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
)

// Who has a provider work and leaves pays for what was asked. What a provider doesn't do is free.
func TestWorkThatIsLeftIsCharged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op    dialect.Operation
		body  string
		leave bool // the caller does, when the request has come
		input int
	}{
		"a whole answer":                {dialect.OpChat, plain, true, 3},
		"a stream before its beginning": {dialect.OpChat, streamed, true, 3},
		"a kept one":                    {dialect.OpChat, strings.Replace(streamed, "{", `{"store":true,`, 1), true, 3},
		"a vector":                      {dialect.OpEmbeddings, `{"model":"m","input":"words to be turned into a vector"}`, true, 7},
		"an error":                      {dialect.OpChat, plain, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			ctx, leave := context.WithCancel(r.ctx)
			defer leave()
			u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
				if !c.leave {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				leave()
				<-req.Context().Done()
			})
			r.provider("p", u.URL, func(s *catalog.Spec) { s.Models[0].Price = dearInput })
			call := r.call(c.body)
			call.Op = c.op
			if a, err := r.Do(ctx, call); err == nil {
				a.Close()
				t.Fatal("it was answered")
			}
			status := map[bool]string{true: "canceled", false: "failed"}[c.leave]
			calls := r.metered()
			if len(calls) != 1 || calls[0].Status != status || calls[0].Cost != core.Credits(c.input)*core.Credit ||
				calls[0].Usage != (core.Usage{Input: c.input, Estimated: c.input > 0}) {
				t.Errorf("metered: %+v", calls)
			}
		})
	}
}

// A provider that has a whole request and takes too long is paid for what it read, as it asks to be.
func TestWorkThatTakesTooLongIsCharged(t *testing.T) {
	t.Parallel()
	const soon = 200 * time.Millisecond
	silent := func(req *http.Request) { <-req.Context().Done() }
	for name, c := range map[string]struct {
		op    dialect.Operation
		body  string
		limit func(*catalog.Timeouts)
		do    func(w http.ResponseWriter, req *http.Request)
		input int
	}{
		"a whole answer": {dialect.OpChat, plain, func(t *catalog.Timeouts) { t.Total = soon }, func(_ http.ResponseWriter, req *http.Request) { silent(req) }, 3},
		"one that has begun": {dialect.OpChat, plain, func(t *catalog.Timeouts) { t.Total = soon }, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"choices":`)
			_ = http.NewResponseController(w).Flush()
			silent(req)
		}, 3},
		"a stream before its beginning": {dialect.OpChat, streamed, func(t *catalog.Timeouts) { t.First = soon }, func(_ http.ResponseWriter, req *http.Request) { silent(req) }, 3},
		"a stream without an event": {dialect.OpChat, streamed, func(t *catalog.Timeouts) { t.First = soon }, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			silent(req)
		}, 3},
		"a vector": {dialect.OpEmbeddings, `{"model":"m","input":"words to be turned into a vector"}`, func(t *catalog.Timeouts) { t.Total = soon }, func(_ http.ResponseWriter, req *http.Request) { silent(req) }, 7},
		"an answer that is too large": {dialect.OpChat, plain, func(*catalog.Timeouts) {}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(33<<20))
			_ = http.NewResponseController(w).Flush()
		}, 3},
		// This one has more time: its status has to arrive before the time ends.
		"an error that takes long": {dialect.OpChat, plain, func(t *catalog.Timeouts) { t.Total = 10 * soon }, func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_ = http.NewResponseController(w).Flush()
			silent(req)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := &observer{}
			r := newRig(t, func(g *gateway.Config) { g.Observer = seen })
			u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) { c.do(w, req) })
			r.provider("p", u.URL, func(s *catalog.Spec) {
				s.Models[0].Price = dearInput
				c.limit(&s.Timeouts)
			})
			call := r.call(c.body)
			call.Op = c.op
			if a, err := r.Do(hurried{r.ctx}, call); err == nil {
				a.Close()
				t.Fatal("it was answered")
			} else if core.CodeOf(err) != core.Unavailable {
				t.Error(err)
			}
			calls := r.closed()["m"]
			if len(calls) != 1 || calls[0].Status != "failed" || calls[0].Cost != core.Credits(c.input)*core.Credit ||
				calls[0].Usage != (core.Usage{Input: c.input, Estimated: c.input > 0}) {
				t.Errorf("metered: %+v", calls)
			}
			if told, _ := seen.told(); len(told) != 1 || told[0].Code() != core.Unavailable || told[0].Usage.Input != c.input {
				t.Errorf("told of %+v", told)
			}
		})
	}
}

// Each provider that worked is paid: who took too long for what it read, who answers in its place
// for its answer. What credits don't cover isn't asked for.
func TestAFallbackIsPaidBesides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body    string
		second  func(int64, http.ResponseWriter, *http.Request, []byte)
		credits core.Credits // that the key may use; the call may take 56 of them
		code    core.Code
		asked   int64        // the second is
		cost    core.Credits // of all
		calls   []string
	}{
		"it answers":               {plain, answering(0), 1000, "", 1, 3 + 5*2, []string{"failed slow 1", "ok quick 1"}},
		"it streams":               {streamed, answering(3), 1000, "", 1, 3 + 5*2, []string{"failed slow 1", "ok quick 1"}},
		"it fails, too":            {plain, failing, 1000, core.Unavailable, 3, 3, []string{"failed  3", "failed slow 1"}},
		"credits don't cover both": {plain, answering(0), 58, core.Exhausted, 0, 3, []string{"failed slow 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			slow := newUpstream(t, func(_ int64, _ http.ResponseWriter, req *http.Request, _ []byte) { <-req.Context().Done() })
			quick := newUpstream(t, c.second)
			r.provider("slow", slow.URL, func(s *catalog.Spec) {
				s.Models[0].Price, s.Timeouts.First, s.Timeouts.Total = dearInput, time.Second, time.Second // in which all is sent, also on a busy machine
			})
			r.provider("quick", quick.URL, func(s *catalog.Spec) { s.Models[0].Price = &core.Price{Input: 2 * dearInput.Input} })
			_, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "r", Targets: []catalog.Leg{{Provider: "slow", Model: "m"}, {Provider: "quick", Model: "m", Tier: 1}}}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = r.books.SetBudget(r.ctx, r.org, ledger.Subject("key/"+string(key)), c.credits*core.Credit, ledger.Month); err != nil {
				t.Fatal(err)
			}
			a, err := r.Do(r.ctx, r.call(strings.Replace(c.body, `"m"`, `"r"`, 1)))
			if core.CodeOf(err) != c.code {
				t.Fatalf("the call: %v", err)
			}
			if err == nil {
				if _, err := all(r.ctx, a); err != nil {
					t.Error(err)
				}
				a.Close()
			}
			var got []string
			cost := core.Credits(0)
			for _, m := range r.closed()["r"] {
				got, cost = append(got, fmt.Sprintf("%s %s %d", m.Status, m.Provider, m.Attempts)), cost+m.Cost
			}
			if slices.Sort(got); !slices.Equal(got, c.calls) || cost != c.cost*core.Credit || quick.calls.Load() != c.asked {
				t.Errorf("metered %q for %s; the second was asked %d times", got, cost, quick.calls.Load())
			}
		})
	}
}

// A task is told, by its error, that it pays for what a provider read. The books have nothing of it:
// the task has.
func TestATaskIsToldOfWork(t *testing.T) {
	t.Parallel()
	for worked, server := range map[bool]func(int64, http.ResponseWriter, *http.Request, []byte){
		true: func(_ int64, _ http.ResponseWriter, req *http.Request, _ []byte) { <-req.Context().Done() }, false: failing,
	} {
		r := newRig(t)
		r.provider("p", newUpstream(t, server).URL, func(s *catalog.Spec) {
			if worked { // the other answers, however late
				s.Timeouts.First = 200 * time.Millisecond
			}
		})
		req, err := http.NewRequestWithContext(hurried{r.ctx}, http.MethodPost, "http://gateway/v1/chat/completions", strings.NewReader(streamed))
		if err != nil {
			t.Fatal(err)
		}
		res, err := r.ForTask(r.scope, "tsk_a").RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable || (res.Header.Get(model.WorkedHeader) != "") != worked {
			t.Errorf("worked %v: %s %v", worked, res.Status, res.Header)
		}
		if calls := r.closed(); len(calls) != 0 {
			t.Errorf("metered: %+v", calls)
		}
	}
}

// failing answers each request with an error that may pass.
func failing(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
	w.WriteHeader(http.StatusBadGateway)
}

// dearInput is a credit for each token that is read.
var dearInput = &core.Price{Input: 1_000_000 * core.Credit}

// A call of which no provider has got anything costs nothing, whoever ends it.
func TestWhatWasNotSentIsFree(t *testing.T) {
	t.Parallel()
	dialed := make(chan struct{}, 1)
	stuck := func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialed <- struct{}{}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	for name, way := range map[string]gateway.Way{
		"plain": &h1.Transport{Dial: stuck}, "net/http": &http.Transport{DialContext: stuck},
	} {
		r := newRig(t, func(c *gateway.Config) {
			c.Transport = func(bool, time.Duration) gateway.Way { return way }
		})
		r.provider("p", "http://127.0.0.1:9", func(s *catalog.Spec) { s.Models[0].Price = dearInput })
		ctx, leave := context.WithCancel(r.ctx)
		go func() {
			<-dialed
			leave()
		}()
		if _, err := r.Do(ctx, r.call(plain)); core.CodeOf(err) != core.Canceled {
			t.Errorf("%s: %v", name, err)
		}
		if calls := r.metered(); len(calls) != 1 || calls[0].Status != "canceled" || calls[0].Cost != 0 || calls[0].Usage.Input != 0 {
			t.Errorf("%s: metered %+v", name, calls)
		}
	}
}

// heard is a Way by which an answer's header is told of.
type heard struct {
	gateway.Way
	header func()
}

func (h heard) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := h.Way.RoundTrip(req)
	if err == nil {
		h.header()
	}
	return res, err
}

// Nor does one that a provider has refused, although the caller leaves before all of that has come.
func TestARefusalThatIsLeftIsFree(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	r := newRig(t, func(c *gateway.Config) {
		way := c.Transport
		c.Transport = func(own bool, connect time.Duration) gateway.Way { return heard{way(own, connect), leave} }
	})
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(http.StatusBadGateway)
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
	})
	r.provider("p", u.URL, func(s *catalog.Spec) { s.Models[0].Price = dearInput })
	if _, err := r.Do(ctx, r.call(plain)); core.CodeOf(err) != core.Canceled {
		t.Error(err)
	}
	if calls := r.metered(); len(calls) != 1 || calls[0].Status != "canceled" || calls[0].Cost != 0 {
		t.Errorf("metered: %+v", calls)
	}
}
