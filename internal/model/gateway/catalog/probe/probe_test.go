package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog/probe"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

const marker = "sk-MARKER-of-the-provider"

// nothing is a store in which nothing is.
type nothing struct{ records }

type records = store.Records

func (nothing) Record(context.Context, core.OrgID, string, string) (store.Record, error) {
	return store.Record{}, core.E(core.NotFound, "store", "nothing")
}

// provider is one at an address.
func provider(t *testing.T, s catalog.Spec) *catalog.Provider {
	t.Helper()
	s.Name = "one"
	c, err := catalog.New(catalog.Config{Records: nothing{}, Static: []catalog.Spec{s}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Provider(t.Context(), core.Installation, "one")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// try tries a provider by a way; nil: the usual one.
func try(t *testing.T, p *catalog.Provider, way http.RoundTripper, model string) catalog.Report {
	t.Helper()
	if way == nil {
		way = &http.Transport{DisableKeepAlives: true}
	}
	b := probe.New(probe.Config{
		Way: func(*catalog.Provider) http.RoundTripper { return way },
		Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
			return catalog.NewSecret(marker, 1), nil
		},
	})
	r, err := b.Test(t.Context(), core.Scope{}, p, model)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// all speaks everything.
var all = []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpMessages, dialect.OpEmbeddings, dialect.OpCountTokens, dialect.OpCompact}

// TestEachOperationIsAsked in its API's own words, once, with the credential.
func TestEachOperationIsAsked(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]map[string]any{}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{}
		_ = json.NewDecoder(r.Body).Decode(&body) // a list has none
		mu.Lock()
		defer mu.Unlock()
		if _, twice := seen[r.URL.Path]; twice || r.Header.Get("Authorization") != "Bearer "+marker {
			t.Errorf("%s is asked again, or without the credential: %v", r.URL.Path, r.Header)
		}
		seen[r.URL.Path] = body
		_, _ = io.WriteString(w, map[string]string{
			"/v1/models": `{"data":[{"id":"whisper-1"},{"id":"write"},{"id":"text-embedding"},{"id":"write"}]}`, "/v1/chat/completions": `{"choices":[{}]}`,
			"/v1/responses": `{"output":[]}`, "/v1/messages": `{"content":[]}`, "/v1/embeddings": `{"data":[]}`, "/v1/messages/count_tokens": `{"input_tokens":0}`,
			"/v1/responses/compact": `{"output":[]}`,
		}[r.URL.Path])
	}))
	t.Cleanup(up.Close)
	r := try(t, provider(t, catalog.Spec{Kind: catalog.VLLM, Address: up.URL, Speaks: all}), nil, "")
	if !r.Works() || len(r.Checks) != 7 || strings.Join(r.Models, " ") != "text-embedding whisper-1 write" {
		t.Fatalf("%+v", r)
	}
	for path, want := range map[string]map[string]any{
		"/v1/chat/completions":      {"model": "write", "max_tokens": 16.0},
		"/v1/responses":             {"model": "write", "store": false},
		"/v1/responses/compact":     {"model": "write", "input": "Say OK."},
		"/v1/messages":              {"model": "write", "max_tokens": 16.0},
		"/v1/messages/count_tokens": {"model": "write"},
		"/v1/embeddings":            {"model": "text-embedding", "input": "OK"},
	} {
		for member, value := range want {
			if got := seen[path][member]; got != value {
				t.Errorf("%s is sent %s: %v, want %v", path, member, got, value)
			}
		}
	}
}

// TestWhatGoesWrongIsSaid: each with a code, words, and what to do about it, and never with
// the secret.
func TestWhatGoesWrongIsSaid(t *testing.T) {
	t.Parallel()
	answer := func(status int, text string) http.RoundTripper {
		return way(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
		})
	}
	fail := func(err error) http.RoundTripper {
		return way(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	for name, c := range map[string]struct {
		way  http.RoundTripper
		code core.Code
		said string
	}{
		"a bad key, quoted":    {answer(401, `{"error":{"message":"Incorrect API key provided: `+marker+`"}}`), core.Unauthenticated, "it answers 401: Incorrect API key provided: [secret]"},
		"forbidden":            {answer(403, `no`), core.Unauthenticated, "it answers 403"},
		"another path":         {answer(404, `<html>404</html>`), core.NotFound, "it answers 404"},
		"too often":            {answer(429, `{"error":"slow down"}`), core.Exhausted, "it answers 429"},
		"a bad request":        {answer(400, `{"error":{"message":"no such parameter"}}`), core.Invalid, "it answers 400: no such parameter"},
		"a redirect":           {answer(302, ``), core.Invalid, "it answers 302"},
		"down":                 {answer(503, ``), core.Unavailable, "it answers 503"},
		"a page":               {answer(200, `<html>welcome</html>`), core.Unavailable, "its answer isn't"},
		"another thing":        {answer(200, `{"object":"error"}`), core.Unavailable, "its answer isn't"},
		"nothing":              {answer(200, ``), core.Unavailable, "its answer isn't"},
		"too much":             {answer(200, strings.Repeat("x", 4<<20+1)), core.Unavailable, "longer than 4 MiB"},
		"long words":           {answer(500, `{"error":{"message":"`+strings.Repeat("é", 1000)+`"}}`), core.Unavailable, "it answers 500: é"},
		"refused by the guard": {fail(core.E(core.Denied, "egress", "10.0.0.7 isn't public")), core.Denied, "may not be reached"},
		"an unknown name":      {fail(&net.DNSError{Err: "no such host", Name: "x"}), core.Unavailable, "isn't a name"},
		"nobody there":         {fail(&net.OpError{Op: "dial", Err: errors.New("connection refused by 10.1.2.3")}), core.Unavailable, "no connection"},
		"silence":              {fail(context.DeadlineExceeded), core.Unavailable, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := provider(t, catalog.Spec{Kind: catalog.Compatible, Address: "https://models.example.com/v1", Models: []catalog.Model{{Name: "m"}}, Speaks: []dialect.Operation{dialect.OpChat}})
			r := try(t, p, c.way, "")
			if r.Works() || len(r.Checks) != 2 {
				t.Fatalf("%+v", r)
			}
			for _, k := range r.Checks {
				if k.Code != c.code || !strings.Contains(k.Msg, c.said) || k.Hint == "" || len(k.Msg) > 400 {
					t.Errorf("%s: %s, %s (%s), want %s, %s", k.Op, k.Code, k.Msg, k.Hint, c.code, c.said)
				}
				if text := k.Msg + k.Hint; strings.Contains(text, marker) || strings.Contains(text, "10.") {
					t.Errorf("it tells %s", text)
				}
			}
		})
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	var models []string
	var mu sync.Mutex
	echo := way(func(r *http.Request) (*http.Response, error) {
		var body struct {
			Model string
			Most  int `json:"max_completion_tokens"`
		}
		if r.Body != nil {
			_ = json.NewDecoder(r.Body).Decode(&body)
		}
		mu.Lock()
		defer mu.Unlock()
		models = append(models, fmt.Sprint(r.URL.Path, " ", body.Model, " ", body.Most))
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"choices":[]}`))}, nil
	})
	azure := provider(t, catalog.Spec{Kind: catalog.Azure, Address: "https://r.openai.azure.com", Speaks: []dialect.Operation{dialect.OpChat}})
	r := try(t, azure, echo, "") // it doesn't list what is deployed
	if r.Works() || len(r.Checks) != 1 || r.Checks[0].Skipped == "" || len(models) != 0 {
		t.Errorf("without a model: %+v, %q", r, models)
	}
	if r = try(t, azure, echo, "dep"); !r.Works() || len(models) != 1 || models[0] != "/openai/v1/chat/completions dep 16" {
		t.Errorf("with one: %+v, %q", r, models)
	}
	b := probe.New(probe.Config{
		Way: func(*catalog.Provider) http.RoundTripper { return echo },
		Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
			return catalog.Secret{}, core.E(core.NotFound, "vault", "no credential")
		},
	})
	if _, err := b.Test(t.Context(), core.Scope{}, azure, "dep"); core.CodeOf(err) != core.NotFound {
		t.Errorf("without its credential: %v", err)
	}
}

// way is a way to a provider.
type way func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (w way) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// TestWhatSpeaksNoTLS is told from what isn't there.
func TestWhatSpeaksNoTLS(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secured := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secured.Close)
	for address, want := range map[string]string{strings.Replace(plain.URL, "http:", "https:", 1): "doesn't speak TLS", secured.URL: "certificate isn't trusted"} {
		r := try(t, provider(t, catalog.Spec{Kind: catalog.Compatible, Address: address, Models: []catalog.Model{{Name: "m"}}}), nil, "")
		if k := r.Checks[0]; !strings.Contains(k.Msg, want) || k.Hint == "" {
			t.Errorf("%s: %+v", address, k)
		}
	}
}
