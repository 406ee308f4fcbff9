// Package openai is the driver for models that speak OpenAI's chat completions:
// OpenAI itself, and compatible servers such as Ollama, llama.cpp and vLLM,
// whose known deviations it puts up with.
//
// platform makes one Model per endpoint. It never runs a tool, never reads the
// environment, never retries once a part of the answer was handed on, and its
// errors hold neither the key nor the request.
package openai

import (
	"context"
	"encoding/json"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// DefaultBaseURL is OpenAI's own endpoint.
const DefaultBaseURL = "https://api.openai.com/v1"

// Config says where the models are. The zero value is OpenAI without a key.
type Config struct {
	BaseURL     string        // "" is DefaultBaseURL
	APIKey      string        // "" sends none, as local servers need none
	HTTPClient  *http.Client  // nil makes one with Connect; its own Timeout should be 0
	Connect     time.Duration // to connect and agree on TLS; 0 is 10 s
	FirstToken  time.Duration // to the first event of the answer; 0 is 90 s
	Idle        time.Duration // between events; 0 is 30 s
	Total       time.Duration // for one answer, retries included; 0 is 120 s
	Retries     int           // repetitions of a request that nothing came back for; 0 is 2, negative none
	Backoff     time.Duration // before the first repetition, doubling to at most 8 s; 0 is 500 ms
	MaxResponse int64         // bytes of one answer on the wire; 0 is 16 MiB
	Hinted      bool          // the server's errors say how to go on: nothing is added for what it lacks
}

func (c Config) orDefault() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	for v, d := range map[*time.Duration]time.Duration{
		&c.Connect: 10 * time.Second, &c.FirstToken: 90 * time.Second, &c.Idle: 30 * time.Second,
		&c.Total: 120 * time.Second, &c.Backoff: 500 * time.Millisecond,
	} {
		if *v <= 0 {
			*v = d
		}
	}
	if c.Retries == 0 {
		c.Retries = 2
	}
	if c.MaxResponse <= 0 {
		c.MaxResponse = 16 << 20
	}
	return c
}

// Model is a model.Model on one endpoint. Safe for concurrent use.
type Model struct {
	cfg    Config
	base   *url.URL
	client *http.Client
}

var _ model.Model = (*Model)(nil)

// New returns a Model; it connects to nothing. A base URL that isn't http or
// https fails each request as invalid.
func New(cfg Config) *Model {
	cfg = cfg.orDefault()
	m := &Model{cfg: cfg, client: cfg.HTTPClient}
	if m.client == nil {
		m.client = newClient(cfg.Connect)
	}
	if u, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/")); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		m.base = u
	}
	return m
}

func newClient(connect time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connect, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: connect,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
	}}
}

// Close drops idle connections. The model stays usable.
func (m *Model) Close() { m.client.CloseIdleConnections() }

// Stream implements model.Model.
func (m *Model) Stream(ctx context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		left := false
		err := m.stream(ctx, r, func(c model.Chunk) bool {
			left = left || !yield(c, nil)
			return !left
		})
		if err != nil && !left {
			yield(model.Chunk{}, err)
		}
	}
}

// stream hands the answer to yield, until that returns false.
func (m *Model) stream(ctx context.Context, r model.Request, yield func(model.Chunk) bool) error {
	if m.base == nil {
		return core.E(core.Invalid, op, "the model's base URL isn't an http or https URL").
			WithHint("set OPENAI_BASE_URL to something like " + DefaultBaseURL)
	}
	canonical, err := model.NewCanonical(r)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, m.cfg.Total, errTotal)
	defer cancel()
	body, err := json.Marshal(m.request(r))
	if err != nil {
		return core.E(core.Invalid, op, "the request can't be written as JSON").Because(err)
	}
	x, err := m.openWithRetries(bounded, body)
	if err == nil {
		defer x.close()
		err = x.read(canonical, yield)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ended(ctx)
	}
	return m.failed(ctx, cause(bounded, err), r.Model)
}
