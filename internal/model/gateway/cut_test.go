package gateway_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
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
