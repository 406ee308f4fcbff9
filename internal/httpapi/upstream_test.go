package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// openGateway gives the API a real gateway on the rig's store, if it has none, with books and
// a catalog of its own. Calls are charged.
func (r *rig) openGateway(cfg *httpapi.Config) {
	t := r.t
	t.Helper()
	if cfg.Gateway != nil { // a town's
		r.books, r.catalog = cfg.Ledger, cfg.Models
		return
	}
	cfg.Ledger = must(ledger.New(ledger.Config{Books: r.store, Records: r.store, Events: r.store, IDs: core.NewID}))(t)
	cfg.Models = must(catalog.New(catalog.Config{Records: r.store}))(t)
	r.books, r.catalog = cfg.Ledger, cfg.Models
	m := must(meter.New(meter.Config{Ledger: r.books, Events: r.store, Records: r.store, IDs: core.NewID, Charge: true, Every: 10 * time.Millisecond}))(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	cfg.Gateway = must(gateway.New(gateway.Config{
		Catalog: r.catalog, Meter: m, Records: r.store,
		Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
			return catalog.NewSecret("sk-upstream", 1), nil
		},
		Clean: func(_ context.Context, _ core.Scope, _ core.TaskID, _ string, b []byte) ([]byte, error) {
			return b, nil
		},
		Transport: func(_ bool, connect time.Duration) gateway.Way {
			other := &http.Transport{DialContext: (&net.Dialer{Timeout: connect}).DialContext}
			return &h1.Transport{Dial: other.DialContext, Else: other}
		},
	}))(t)
	t.Cleanup(func() {
		cfg.Gateway.Close()
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// provides gives an org a provider at a URL, with a model m that costs nothing.
func (r *rig) provides(org core.OrgID, url string, change ...func(*catalog.Spec)) {
	r.t.Helper()
	s := catalog.Spec{
		Name: "up", Kind: catalog.Compatible, Address: url + "/v1", Models: []catalog.Model{{Name: "m"}}, Speaks: modelOps,
		Timeouts: catalog.Timeouts{Connect: time.Second, First: 20 * time.Second, Idle: 20 * time.Second, Total: time.Minute},
	}
	for _, f := range change {
		f(&s)
	}
	must(r.catalog.PutProvider(r.t.Context(), org, s, 0))(r.t)
}

// onlyChat has a provider speak that alone: what else is asked is translated.
func onlyChat(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpChat} }

// calls waits for as many calls in an org's books, and returns them.
func (r *rig) calls(org core.OrgID, n int) (all []core.MeteredCalls) {
	r.t.Helper()
	eventually(r.t, "calls are metered", func() bool {
		all = nil
		for _, e := range must(r.store.ReadOrg(r.t.Context(), org, 0, 1000))(r.t) {
			if m, ok := must(e.Payload())(r.t).(core.CallsMetered); ok {
				all = append(all, m.Calls...)
			}
		}
		return len(all) >= n
	})
	return all
}

// eventually waits for what comes by itself.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after 20 s", what)
		}
	}
}

// upstream is a provider's server that a test writes.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	asks []http.Header
	body []byte // of the last request
}

func newUpstream(t *testing.T, f func(w http.ResponseWriter, r *http.Request, body []byte)) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.asks, u.body = append(u.asks, r.Header), body
		u.mu.Unlock()
		f(w, r, body)
	}))
	t.Cleanup(u.Close)
	return u
}

// seen returns what each request had in a header.
func (u *upstream) seen(header string) (all []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, h := range u.asks {
		all = append(all, h.Get(header))
	}
	return all
}

// last is the body of the last request.
func (u *upstream) last() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return string(u.body)
}

func (u *upstream) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asks = nil
}

// modelOps are the operations that a model answers.
var modelOps = []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpMessages, dialect.OpEmbeddings, dialect.OpCountTokens, dialect.OpCompact}

// pathOf is where an operation is.
func pathOf(op dialect.Operation) string {
	return map[dialect.Operation]string{
		dialect.OpChat: "/v1/chat/completions", dialect.OpResponses: "/v1/responses", dialect.OpMessages: "/v1/messages",
		dialect.OpCompact: "/v1/responses/compact", dialect.OpEmbeddings: "/v1/embeddings", dialect.OpCountTokens: "/v1/messages/count_tokens",
	}[op]
}

// asking is the least body of an operation that asks a model something.
func asking(op dialect.Operation, model string) string {
	switch op {
	case dialect.OpResponses, dialect.OpCompact, dialect.OpEmbeddings:
		return fmt.Sprintf(`{"model":%q,"input":"x"}`, model)
	}
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"x"}],"max_tokens":16}`, model)
}

// streamed has a request's answer come as a stream.
func streamed(body string) string { return strings.TrimSuffix(body, "}") + `,"stream":true}` }

// wholes are whole answers, by the path that is asked for.
var wholes = map[string]string{
	"/v1/chat/completions":      `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`,
	"/v1/responses":             `{"id":"resp_1","object":"response","created_at":1,"model":"m","status":"completed","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello.","annotations":[]}]}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}`,
	"/v1/responses/compact":     `{"id":"resp_2","object":"response.compaction","created_at":1,"output":[{"type":"compaction","id":"cmp_1","encrypted_content":"Hello."}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}`,
	"/v1/messages":              `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":2}}`,
	"/v1/embeddings":            `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":5,"total_tokens":5}}`,
	"/v1/messages/count_tokens": `{"input_tokens":5}`,
}

// answerAll answers each request of each operation: whole, or a chat as a stream of three
// words.
func answerAll(w http.ResponseWriter, r *http.Request, body []byte) {
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, wholes[r.URL.Path])
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, word := range []string{"one ", "two ", "three "} {
		_ = say(w, word)
	}
	endChat(w)
}

// say sends a piece of a chat, and returns an error when nobody takes it any more.
func say(w http.ResponseWriter, text string) error {
	if _, err := fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

func endChat(w http.ResponseWriter) {
	_, _ = io.WriteString(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n"+
		`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}}`+"\n\ndata: [DONE]\n\n")
}

// dialectOf is as whose API's the errors of a path are; "": they are problems (RFC 9457).
func dialectOf(path string) string {
	switch first, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/"); first {
	case "messages":
		return "messages"
	case "responses":
		return "responses"
	case "chat", "embeddings", "models", "answers":
		return "chat"
	}
	return ""
}

// types are the codes by the types of errors, as the APIs' documents have them.
var types = map[string]core.Code{
	"invalid_request_error": core.Invalid, "request_too_large": core.Invalid, "authentication_error": core.Unauthenticated, "permission_error": core.Denied, "not_found_error": core.NotFound,
	"rate_limit_error": core.Exhausted, "insufficient_quota": core.Exhausted, "billing_error": core.Exhausted,
	"server_error": core.Unavailable, "overloaded_error": core.Unavailable, "api_error": core.Internal,
}

// inBrackets is the hint in a message.
var inBrackets = regexp.MustCompile(`(?s)^(.*?)(?: \((.*)\))?$`)

// problemOf reads an error answer: a problem, or on the paths of models' APIs an error as those
// have them, to the letter. A wrong one is an error.
func problemOf(path string, a answer) (p client.Problem, err error) {
	path, _, _ = strings.Cut(path, "?")
	kind := a.header.Get("Content-Type")
	in := json.NewDecoder(strings.NewReader(a.body))
	if dialectOf(path) == "" {
		if kind != "application/problem+json" {
			return p, fmt.Errorf("it is %s", kind)
		}
		return p, in.Decode(&p)
	}
	in.DisallowUnknownFields()
	said, id := "", a.header.Get("X-Request-Id")
	word := ""
	if dialectOf(path) == "messages" {
		var e struct {
			Type      string
			RequestID string `json:"request_id"`
			Error     struct{ Type, Message string }
		}
		if err = in.Decode(&e); err == nil && (e.Type != "error" || e.RequestID != id) {
			err = errors.New("not as Anthropic's API says it")
		}
		word, said = e.Error.Type, e.Error.Message
	} else {
		var e struct {
			Error *struct {
				Message, Type string
				Param, Code   *string
			}
		}
		if err = in.Decode(&e); err == nil && e.Error == nil {
			err = errors.New("not as OpenAI's API says it")
		}
		if err == nil {
			word, said = e.Error.Type, e.Error.Message
		}
	}
	code, ok := types[word]
	if err == nil && (!ok || said == "" || id == "" || kind != "application/json") {
		err = fmt.Errorf("type %q, %s, request %q", word, kind, id)
	}
	parts := inBrackets.FindStringSubmatch(said)
	return client.Problem{Status: a.status, Code: code, Detail: parts[1], Hint: parts[2], RequestID: id}, err
}
