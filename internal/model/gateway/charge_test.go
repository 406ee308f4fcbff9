package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// A call that says no limit gets the one that was set aside for, by the name that its
// provider knows: it can't cost more than that.
func TestACallWithoutALimitGetsOne(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var got []byte
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		got = body
		answering(0)(n, w, req, body)
	})
	r.provider("compatible", u.URL)
	r.provider("azure", u.URL, func(s *catalog.Spec) { s.Kind, s.Address = catalog.Azure, u.URL+"/openai/v1" })
	for name, member := range map[string]string{"compatible/m": "max_tokens", "azure/m": "max_completion_tokens"} {
		a, err := r.Do(r.ctx, r.call(`{"model":"`+name+`","messages":[{"role":"user","content":"hi"}],"seed":12345678901234567890}`))
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		if gjson.GetBytes(got, member).Int() != 4096 || gjson.GetBytes(got, "model").Str != "m" || gjson.GetBytes(got, "seed").Raw != "12345678901234567890" {
			t.Errorf("%s got %s", name, got)
		}
	}
	for name, member := range map[string]string{"compatible/m": "max_tokens", "azure/m": "max_completion_tokens"} {
		a, err := r.Do(r.ctx, r.call(`{"model":"`+name+`","messages":[],"max_completion_tokens":7}`))
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		if gjson.GetBytes(got, member).Int() != 7 {
			t.Errorf("%s got %s of a limit of its caller's", name, got)
		}
	}
	free := r.call(`{"model":"compatible/m","messages":[]}`)
	free.Free = true
	a, err := r.Do(r.ctx, free)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if gjson.GetBytes(got, "max_tokens").Exists() {
		t.Errorf("a call that costs nothing got a limit: %s", got)
	}
}

// What is charged is the price of who answered, not that of the dearest who might have.
func TestWhoAnsweredIsPaid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	down := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusBadGateway) })
	up := newUpstream(t, answering(0))
	r.provider("dear", down.URL, func(s *catalog.Spec) { s.Models[0].Price = &core.Price{Output: 1000 * core.Credit} })
	r.provider("cheap", up.URL, func(s *catalog.Spec) { s.Models[0].Price = &core.Price{Output: core.Credit * 1_000_000} })
	_, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "r", Targets: []catalog.Leg{{Provider: "dear", Model: "m"}, {Provider: "cheap", Model: "m", Tier: 1}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.Do(r.ctx, r.call(`{"model":"r","messages":[{"role":"user","content":"hi"}],"max_tokens":10}`))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	calls := r.metered()
	if len(calls) != 1 || calls[0].Cost != 2*core.Credit || calls[0].Provider != "cheap" || calls[0].Requested != "r" {
		t.Errorf("metered: %+v", calls)
	}
}

// Embeddings and counts go the same way.
func TestEmbeddings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const answer = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}`
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		if !strings.HasSuffix(req.URL.Path, "/embeddings") {
			t.Errorf("asked %s", req.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
	r.provider("p", u.URL)
	a, err := r.Do(r.ctx, gateway.Call{Scope: r.scope, Key: key, Op: dialect.OpEmbeddings, Body: []byte(`{"model":"m","input":"some words"}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if string(a.Body) != answer {
		t.Errorf("the answer is %s", a.Body)
	}
}

// Who asks for a count gets one, also where nobody who serves the model counts: by our own
// tokenizer, and without asking anybody.
func TestTokensAreCountedForWhoDoesNot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"input_tokens":77}`)
	})
	r.provider("chat", u.URL)
	r.provider("claude", u.URL, func(s *catalog.Spec) { s.Kind, s.Models = catalog.Anthropic, []catalog.Model{{Name: "c"}} })
	for name, want := range map[string]string{"chat/m": `{"input_tokens":6}`, "claude/c": `{"input_tokens":77}`} {
		body := `{"model":"` + name + `","system":"Be brief.","messages":[{"role":"user","content":"Say hello."}]}`
		a, err := r.Do(r.ctx, gateway.Call{Scope: r.scope, Key: key, Op: dialect.OpCountTokens, Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		if string(a.Body) != want {
			t.Errorf("%s: %s, want %s", name, a.Body, want)
		}
		a.Close()
	}
	if n := u.calls.Load(); n != 1 {
		t.Errorf("providers were asked %d times", n)
	}
}

// A provider that refuses its credential has it read anew, and what it says of it isn't passed on.
func TestARefusedCredential(t *testing.T) {
	t.Parallel()
	var refused []string
	r := newRig(t, func(c *gateway.Config) {
		c.Refused = func(p *catalog.Provider, _ catalog.Secret) { refused = append(refused, p.Name) }
	})
	u := newUpstream(t, func(n int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		if n == 1 {
			w.WriteHeader(http.StatusUnauthorized)
		} else {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, `{"error":{"message":"the key sk-test is bad","type":"invalid_request_error"}}`)
	})
	r.provider("p", u.URL)
	for range 2 {
		_, err := r.Do(r.ctx, r.call(plain))
		if err == nil || strings.Contains(err.Error(), "sk-test") || strings.Contains(dialect.ProblemOf(err).Message, "sk-test") {
			t.Errorf("the error is %v", err)
		}
	}
	if len(refused) != 1 || refused[0] != "p" {
		t.Errorf("told of %v", refused)
	}
}
