package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

// TestTheDocumentSaysWhoseErrors a route answers with, by a mark that clients and these tests
// go by.
func TestTheDocumentSaysWhoseErrors(t *testing.T) {
	t.Parallel()
	marked := 0
	for _, o := range newRig(t).document().routes {
		if o.Dialect != dialectOf(o.path) {
			t.Errorf("%s %s is marked %q", o.ID, o.path, o.Dialect)
		}
		if o.Dialect != "" {
			marked++
		}
	}
	if marked < len(modelOps)+6 {
		t.Errorf("only %d routes are marked", marked)
	}
}

// TestCalls: each operation's answer is the provider's own, and so is what it was asked.
func TestCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	up := newUpstream(t, answerAll)
	r.provides(scope.Org, up.URL)
	for _, op := range modelOps {
		body := strings.Replace(asking(op, "m"), "{", `{"unknown_member":{"a":[1,2]},`, 1)
		a := r.do("POST", pathOf(op), body)
		if a.status != 200 || a.body != wholes[pathOf(op)] || a.header.Get("Content-Type") != "application/json" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("%s: %d %v %s", op, a.status, a.header, a.body)
		}
		if got := up.last(); !strings.Contains(got, `"unknown_member":{"a":[1,2]}`) {
			t.Errorf("%s: the provider was asked %s", op, got)
		}
	}
	for i, key := range up.seen("Authorization") {
		if key != "Bearer sk-upstream" && up.seen("X-Api-Key")[i] != "sk-upstream" {
			t.Errorf("request %d came with %q", i, key)
		}
	}
}

// TestWhoMayCall is the table of credentials: where they are looked for, and what they have to
// allow.
func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	up := newUpstream(t, answerAll)
	w.provides(core.DefaultOrg, up.URL)
	ctx := t.Context()
	key := func(scopes ...string) string {
		return must(w.olga.CreateKey(ctx, client.NewKey{Name: "k", Scopes: scopes}, ""))(t).Text
	}
	good, other := key("models:use"), key("tasks:read", "models:read")
	w.person(w.olga, "vera", client.Place{Role: core.Viewer})
	w.person(w.olga, "mia", client.Place{Role: core.Member})
	vera, mia, cookie := w.access("vera"), w.access("mia"), w.cookie("mia")
	const evil = "https://evil.example"
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"a key":                          {[]string{"Authorization", "Bearer " + good}, 200},
		"a key as Anthropic's":           {[]string{"X-Api-Key", good}, 200},
		"both, the same":                 {[]string{"Authorization", "Bearer " + good, "X-Api-Key", good}, 200},
		"both, the other made up":        {[]string{"Authorization", "Bearer " + good, "X-Api-Key", "sk-ant-x"}, 200},
		"both, the first made up":        {[]string{"Authorization", "Bearer x", "X-Api-Key", good}, 401},
		"both, the first not enough":     {[]string{"Authorization", "Bearer " + other, "X-Api-Key", good}, 403},
		"a made-up one as Anthropic's":   {[]string{"X-Api-Key", "isk_a_b"}, 401},
		"an empty one":                   {[]string{"X-Api-Key", ""}, 401},
		"a key that may do other things": {[]string{"X-Api-Key", other}, 403},
		"a member":                       {[]string{"Authorization", "Bearer " + mia}, 200},
		"a viewer":                       {[]string{"Authorization", "Bearer " + vera}, 403},
		"a page of ours":                 {[]string{"Cookie", cookie, "Origin", w.url, "Sec-Fetch-Site", "same-origin"}, 200},
		"a page of another origin":       {[]string{"Cookie", cookie, "Origin", evil, "Sec-Fetch-Site", "cross-site"}, 403},
		"an old browser's page":          {[]string{"Cookie", cookie, "Origin", evil}, 403},
		"a page beside ours":             {[]string{"Cookie", cookie, "Origin", evil, "Sec-Fetch-Site", "same-site"}, 403},
		"a form of another origin":       {[]string{"Cookie", cookie, "Origin", evil, "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"}, 403},
		"a cookie for a key":             {[]string{"Cookie", cookie, "X-Api-Key", "isk_a_b"}, 401},
	} {
		up.forget()
		for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages} {
			a := w.do("POST", pathOf(op), asking(op, "m"), append([]string{"Authorization", ""}, c.headers...)...)
			if a.status != c.status || c.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, %s: %d %s", name, op, a.status, a.body)
			}
		}
		if asked := len(up.seen("")); (asked == 2) != (c.status == 200) {
			t.Errorf("%s: the provider was asked %d times", name, asked)
		}
	}
}

// TestARateInADialect: who asks too often is told when to try again, as its client understands.
func TestARateInADialect(t *testing.T) {
	t.Parallel()
	for _, peer := range []string{here, there} { // by the user, and by the address before anybody is known
		r := newRig(t, func(cfg *httpapi.Config) {
			few := store.Rate{Burst: 2, Per: time.Hour}
			cfg.Quotas, cfg.Rates = cfg.Events.(store.Quotas), httpapi.Rates{User: few, Address: few}
		})
		for range 2 {
			r.ask("GET", "/v1/models", peer, false, "Authorization", "Bearer "+token)
		}
		for path, word := range map[string]string{"/v1/models": `"code":"rate_limit_exceeded"`, "/v1/messages": `"type":"rate_limit_error"`} {
			a := r.ask(map[bool]string{true: "POST", false: "GET"}[path == "/v1/messages"], path, peer, false, "Authorization", "Bearer "+token)
			p, err := problemOf(path, a)
			if a.status != 429 || err != nil || p.Code != core.Exhausted || a.header.Get("Retry-After") != "1800" || a.header.Get("X-Should-Retry") != "" || !strings.Contains(a.body, word) {
				t.Errorf("%s: %d %v %s (%v)", path, a.status, a.header, a.body, err)
			}
		}
	}
}

// TestNoCredits: to try again is no use, and clients are told so.
func TestNoCredits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	up := newUpstream(t, answerAll)
	r.provides(scope.Org, up.URL, func(s *catalog.Spec) {
		s.Models = []catalog.Model{{Name: "m", Price: &core.Price{Input: core.Credit, Output: core.Credit}}}
	})
	for op, word := range map[dialect.Operation]string{dialect.OpChat: `"type":"insufficient_quota","param":null,"code":"insufficient_quota"`, dialect.OpMessages: `"type":"billing_error"`} {
		a := r.do("POST", pathOf(op), asking(op, "m"))
		if a.status != 429 || !strings.Contains(a.body, word) || a.header.Get("X-Should-Retry") != "false" || a.header.Get("Retry-After") != "" {
			t.Errorf("%s: %d %v %s", op, a.status, a.header, a.body)
		}
	}
	if n := len(up.seen("")); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
	must(r.books.Grant(t.Context(), scope.Org, ledger.Command{ID: core.NewID("cmd"), Amount: 10 * core.Credit}))(t)
	if a := r.do("POST", pathOf(dialect.OpChat), asking(dialect.OpChat, "m")); a.status != 200 {
		t.Errorf("with credits: %d %s", a.status, a.body)
	}
	if c := r.calls(scope.Org, 1)[0]; c.Cost <= 0 || c.Status != "ok" || c.Requested != "m" || c.Usage.Input != 5 || c.Usage.Output != 2 {
		t.Errorf("it is metered as %+v", c)
	}
}

// TestWhatAProviderSays: that a request is wrong is for the caller, word for word; what is
// wrong with the provider isn't.
func TestWhatAProviderSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   int
		has    []string
	}{
		"wrong": {400, `{"error":{"message":"temperature is too hot","type":"invalid_request_error","param":"temperature","code":"too_hot"}}`, 400,
			[]string{`"message":"temperature is too hot"`, `"param":"temperature"`, `"code":"too_hot"`, `"type":"invalid_request_error"`}},
		"broken":       {500, `{"error":{"message":"secret: db-7.internal is down","type":"server_error","param":"secret","code":"secret"}}`, 503, []string{`"type":"server_error"`}},
		"broken page":  {502, `<html>secret proxy 10.0.0.7</html>`, 503, nil},
		"its own key":  {401, `{"error":{"message":"Incorrect API key: sk-secret","type":"invalid_request_error","code":"invalid_api_key"}}`, 503, nil},
		"its own bill": {402, `{"error":{"message":"secret account is out of funds"}}`, 503, nil},
	} {
		r := newRig(t)
		up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		r.provides(scope.Org, up.URL)
		a := r.do("POST", pathOf(dialect.OpChat), asking(dialect.OpChat, "m"))
		if a.status != c.want || strings.Contains(a.body, "secret") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		for _, part := range c.has {
			if !strings.Contains(a.body, part) {
				t.Errorf("%s: no %s in %s", name, part, a.body)
			}
		}
	}
}

// TestAProvidersRate is passed on with how long to wait.
func TestAProvidersRate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Retry-After", "77")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"secret org-7 is over its limit","type":"rate_limit_error","code":"rate_limit_exceeded"}}`)
	})
	r.provides(scope.Org, up.URL)
	a := r.do("POST", pathOf(dialect.OpMessages), asking(dialect.OpMessages, "m"))
	if a.status != 429 || a.header.Get("Retry-After") != "77" || a.header.Get("X-Should-Retry") != "" || strings.Contains(a.body, "secret") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}

// TestModelsInBothDialects: one list, in which each client finds what it looks for.
func TestModelsInBothDialects(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.provides(scope.Org, "http://127.0.0.1:1", func(s *catalog.Spec) { s.Models = []catalog.Model{{Name: "a"}, {Name: "b"}} })
	list := r.do("GET", "/v1/models", "")
	for _, part := range []string{`"object":"list"`, `"has_more":false`, `"first_id":"a"`, `"last_id":`, `"id":"b"`, `"object":"model"`, `"owned_by":`, `"type":"model"`, `"display_name":"b"`, `"created_at":"1970-01-01T00:00:00Z"`, `"created":0`} {
		if !strings.Contains(list.body, part) {
			t.Errorf("no %s in %s", part, list.body)
		}
	}
	one := r.do("GET", "/v1/models/b", "")
	if one.status != 200 || !strings.Contains(list.body, strings.TrimSpace(one.body)) || one.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", one.status, one.body)
	}
	for _, other := range []string{"theirs", "neighbour"} {
		a := r.do("GET", "/v1/models", "", "Authorization", "Bearer "+other)
		if has := strings.Contains(a.body, `"id":"b"`); a.status != 200 || has != (other == "neighbour") {
			t.Errorf("%s: %d %s", other, a.status, a.body)
		}
	}
}

// TestMethodsOfCalls: what asks in another way is told how, in its dialect.
func TestMethodsOfCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, op := range modelOps {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			if op == dialect.OpCountTokens && method != "GET" {
				continue
			}
			if op == dialect.OpCompact && (method == "GET" || method == "HEAD") { // that asks for a stored answer, as if it were named so
				continue
			}
			res := r.open(method, pathOf(op), "", "Authorization", "")
			body := must(io.ReadAll(res.Body))(t)
			_ = res.Body.Close()
			if res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
				t.Errorf("%s %s: %d, Allow %q: %s", method, op, res.StatusCode, res.Header.Get("Allow"), body)
			}
			if method == "HEAD" {
				continue
			}
			if p, err := problemOf(pathOf(op), answer{status: 405, header: res.Header, body: string(body)}); err != nil || p.Hint == "" {
				t.Errorf("%s %s: %v: %s", method, op, err, body)
			}
		}
	}
	for path := range map[string]bool{"/v1/chat/none": true, "/v1/messages/a/b/c": true, "/v1/responses/a/b/c": true} {
		if a := r.do("POST", path, "{}"); a.status != 404 || a.problem.Code != core.NotFound {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestTypesOfBodies: what is said not to be JSON isn't read.
func TestTypesOfBodies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, helloAnswer)
	})
	r.provides(scope.Org, up.URL)
	for _, op := range modelOps {
		a := r.do("POST", pathOf(op), asking(op, "m"), "Content-Type", "text/plain")
		if p, err := problemOf(pathOf(op), a); a.status != http.StatusUnsupportedMediaType || err != nil || !strings.Contains(p.Hint+p.Detail, "application/json") {
			t.Errorf("%s: %d %s, %v", op, a.status, a.body, err)
		}
	}
	for _, media := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON"} {
		if a := r.do("POST", pathOf(dialect.OpChat), asking(dialect.OpChat, "m"), "Content-Type", media); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", media, a.status, a.body)
		}
	}
}

// TestAProviderWithoutRoom says so in a type of its own, which goes on as it is.
func TestAProviderWithoutRoom(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, `{"type":"error","error":{"type":"request_too_large","message":"over 9 bytes"}}`)
	})
	r.provides(scope.Org, up.URL, func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpMessages} })
	a := r.do("POST", pathOf(dialect.OpMessages), asking(dialect.OpMessages, "m"))
	if a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, `"type":"request_too_large"`) || !strings.Contains(a.body, "over 9 bytes") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestExtrasInADialect: what the installation's providers aren't asked for is said by its name.
func TestExtrasInADialect(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.provides(core.Installation, "http://127.0.0.1:1", func(s *catalog.Spec) { s.Models[0].Price = &core.Price{} })
	for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpMessages} {
		a := r.do("POST", pathOf(op), strings.Replace(asking(op, "m"), "{", `{"service_tier":"priority",`, 1))
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, "service_tier") || !strings.Contains(a.body, `"invalid_request_error"`) || !strings.Contains(a.body, "--extras") {
			t.Errorf("%s: %d %s", op, a.status, a.body)
		}
	}
}

// TestAPanicInADialect shows nothing, and is said as the client understands.
func TestAPanicInADialect(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Authenticate = func(context.Context, identity.Credential) (identity.Principal, error) { panic("secret") }
	})
	for _, op := range modelOps {
		a := r.do("POST", pathOf(op), asking(op, "m"))
		if a.status != 500 || strings.Contains(a.body, "secret") || !strings.Contains(r.log.String(), a.problem.RequestID) {
			t.Errorf("%s: %d %s", op, a.status, a.body)
		}
	}
}

// TestABaseURLThatIsWrong: a client whose base has /v1 once too often, or not at all, gets its
// own API's error, which says what the base is.
func TestABaseURLThatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for path, want := range map[string]string{
		"/chat/completions":           `"message":"request: there is no POST /chat/completions (it is POST /v1/chat/completions: the base URL of a client of OpenAI's is this server's with /v1 at its end)"`,
		"/v1/v1/responses":            `it is POST /v1/responses: the base URL of a client of OpenAI's`,
		"/v1/v1/messages":             `"type":"error","error":{"type":"not_found_error","message":"request: there is no POST /v1/v1/messages (it is POST /v1/messages: the base URL of a client of Anthropic's is this server's without /v1)"`,
		"/messages/count_tokens":      `it is POST /v1/messages/count_tokens`,
		"/api/v1/chat/completions":    `it is POST /v1/chat/completions`,
		"/v1/completions":             `"hint":"a prompt goes to POST /v1/chat/completions`,
		"/v1/elsewhere":               `"hint":"/docs lists what there is"`,
		"/v1/chat/completions/a/b/c/": `/docs lists what there is`,
	} {
		res := r.open("POST", path, `{}`)
		body := string(must(io.ReadAll(res.Body))(t))
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
}
