package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/vaulttest"
)

// rig is a gateway on a real, sealed store, whose org has credits.
type rig struct {
	t       testing.TB
	ctx     context.Context
	org     core.OrgID
	scope   core.Scope
	store   store.Store
	books   *ledger.Service
	catalog *catalog.Catalog
	meter   *meter.Meter
	end     func() // of the gateway and the meter, which store what they have
	*gateway.Gateway
}

// key is whose calls those of a rig are.
const key core.KeyID = "key_test"

func newRig(t testing.TB, change ...func(*gateway.Config)) *rig {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	return newRigOn(t, vaulttest.Seal(t, driver)(), change...)
}

// newRigOn is newRig on a store, which other nodes may have, too.
func newRigOn(t testing.TB, st store.Store, change ...func(*gateway.Config)) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), org: "org_test", store: st}
	r.scope = core.Scope{Org: r.org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorKey, ID: string(key)}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.books, err = ledger.New(ledger.Config{Books: st, Records: st, Events: st, IDs: core.NewID})
	must(err)
	r.catalog, err = catalog.New(catalog.Config{Records: st})
	must(err)
	r.meter, err = meter.New(meter.Config{Ledger: r.books, Events: st, Records: st, IDs: core.NewID, Charge: true, Every: 10 * time.Millisecond})
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.meter.Run(ctx) }()
	c := gateway.Config{
		Catalog: r.catalog, Meter: r.meter, Records: st,
		Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
			return catalog.NewSecret("sk-test", 1), nil
		},
		Clean: func(_ context.Context, _ core.Scope, _ core.TaskID, _ string, b []byte) ([]byte, error) {
			return b, nil
		},
		Transport: func(_ bool, connect time.Duration) gateway.Way {
			other := &http.Transport{DialContext: (&net.Dialer{Timeout: connect}).DialContext, MaxIdleConnsPerHost: 64, MaxResponseHeaderBytes: 64 << 10, TLSClientConfig: &tls.Config{RootCAs: trusted()}}
			return &h1.Transport{Dial: other.DialContext, Else: other}
		},
	}
	for _, f := range change {
		f(&c)
	}
	r.Gateway, err = gateway.New(c)
	must(err)
	r.end = sync.OnceFunc(func() {
		r.Gateway.Close()
		if n := r.Large(); n != 0 {
			t.Errorf("answers still have %d bytes of the room for large ones", n)
		}
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(r.end)
	_, err = r.books.Grant(r.ctx, r.org, grant())
	must(err)
	must(r.books.SetPrice(r.ctx, core.Installation, "model/*", &core.Price{Input: core.Credit, Output: 2 * core.Credit}))
	return r
}

func grant() ledger.Command { return ledger.Command{ID: core.NewID("cmd"), Amount: 1000 * core.Credit} }

// trusted is who has signed the certificate of httptest's servers.
var trusted = sync.OnceValue(func() *x509.CertPool {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	all := x509.NewCertPool()
	all.AddCert(s.Certificate())
	return all
})

// provider adds one whose server is at a URL.
func (r *rig) provider(name, url string, change ...func(*catalog.Spec)) {
	r.t.Helper()
	s := catalog.Spec{
		Name: name, Kind: catalog.Compatible, Address: url + "/v1", Models: []catalog.Model{{Name: "m", Price: &core.Price{Input: core.Credit, Output: 2 * core.Credit}}},
		Limits:   catalog.Limits{Failures: 3, FailuresOf: 3, OpenFor: time.Minute},
		Timeouts: catalog.Timeouts{Connect: time.Second, First: 2 * time.Second, Idle: time.Second, Total: 5 * time.Second},
	}
	for _, f := range change {
		f(&s)
	}
	if _, err := r.catalog.PutProvider(r.ctx, r.org, s, 0); err != nil {
		r.t.Fatal(err)
	}
}

// call is a call of a chat with a body.
func (r *rig) call(body string) gateway.Call {
	return gateway.Call{Scope: r.scope, Key: key, Op: dialect.OpChat, Body: []byte(body)}
}

const (
	plain    = `{"model":"m","messages":[{"role":"user","content":"Say hello."}],"max_tokens":16}`
	streamed = `{"model":"m","messages":[{"role":"user","content":"Say hello."}],"max_tokens":16,"stream":true}`
	whole    = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`
)

// all reads an answer to its end.
func all(ctx context.Context, a *gateway.Answer) (string, error) {
	if a.Stream == nil {
		return string(a.Body), nil
	}
	var b strings.Builder
	for {
		piece, err := a.Stream.Next(ctx)
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		b.Write(piece)
	}
}

// upstream is a provider's server that a test writes.
type upstream struct {
	*httptest.Server
	calls atomic.Int64
}

func newUpstream(t testing.TB, f func(n int64, w http.ResponseWriter, r *http.Request, body []byte)) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f(u.calls.Add(1), w, r, body)
	}))
	t.Cleanup(u.Close)
	return u
}

// answering answers each request: with whole, or with a stream of so many chunks.
func answering(chunks int) func(int64, http.ResponseWriter, *http.Request, []byte) {
	return func(_ int64, w http.ResponseWriter, _ *http.Request, body []byte) {
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, whole)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range chunks {
			writeChunk(w, fmt.Sprintf("w%d ", i))
		}
		_, _ = io.WriteString(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n")
		_, _ = io.WriteString(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}}`+"\n\ndata: [DONE]\n\n")
	}
}

func writeChunk(w http.ResponseWriter, text string) {
	_, _ = fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
	_ = http.NewResponseController(w).Flush()
}

// metered returns the calls that the org's books know of, once what is under way is written.
func (r *rig) metered() (all []core.MeteredCalls) {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for len(all) == 0 && time.Now().Before(deadline) {
		events, err := r.store.ReadOrg(r.ctx, r.org, 0, 1000)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range events {
			p, err := e.Payload()
			if err != nil {
				r.t.Fatal(err)
			}
			if m, ok := p.(core.CallsMetered); ok {
				all = append(all, m.Calls...)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return all
}
