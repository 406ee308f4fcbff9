package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// canned is a way to a provider that answers in no time.
type canned struct{}

var cannedHeader = http.Header{"Content-Type": {"application/json"}}

// RoundTrip implements http.RoundTripper. It reads the request, as every way does.
func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: cannedHeader, ContentLength: int64(len(helloAnswer)), Body: io.NopCloser(strings.NewReader(helloAnswer))}, nil
}

// CloseIdleConnections implements gateway.Way.
func (canned) CloseIdleConnections() {}

// sink is a connection's writer that keeps nothing but the status.
type sink struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (s *sink) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter.
func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// SetReadDeadline is what http.ResponseController looks for.
func (s *sink) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is what http.ResponseController looks for.
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkModelCall is what one call of a model costs from the server's handler to the way to
// the provider and back, with all that it is bounded and charged by: neither sockets nor
// net/http's server are in it.
func BenchmarkModelCall(b *testing.B) {
	w := newTownBy(b, func(bool, time.Duration) gateway.Way { return canned{} }, func(c *httpapi.Config, _ *identity.Config, _ *credential.Config) {
		c.Quotas = c.Events.(store.Quotas)
		plenty := store.Rate{Burst: 1e9, Per: time.Minute}
		c.Rates = httpapi.Rates{Address: plenty, User: plenty, Key: plenty, Project: plenty, Org: plenty}
	})
	w.hasModel("http://127.0.0.1:1")
	key, err := w.olga.CreateKey(b.Context(), client.NewKey{Name: "bench", Scopes: []string{"models:use"}}, "")
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"` +
		strings.Repeat("tell me a story ", 16) + `"}],"max_tokens":16,"stream":false}`)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ctx, stop := context.WithCancel(b.Context()) // as each connection has one
		defer stop()
		in, out := bytes.NewReader(body), &sink{header: http.Header{}}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/v1/chat/completions", in)
		if err != nil {
			b.Error(err)
			return
		}
		r.RemoteAddr = "192.0.2.1:1234"
		r.Header = http.Header{"Authorization": {"Bearer " + key.Text}, "Content-Type": {"application/json"}}
		for pb.Next() {
			for out.status = 0; out.status != http.StatusOK; {
				in.Reset(body)
				clear(out.header)
				out.status = http.StatusOK
				w.api.ServeHTTP(out, r)
				switch out.status {
				case http.StatusServiceUnavailable: // the calls to be written down are too many: these come faster than from any network
					time.Sleep(time.Millisecond)
				case http.StatusOK:
				default:
					b.Errorf("status %d", out.status)
					return
				}
			}
		}
	})
}
