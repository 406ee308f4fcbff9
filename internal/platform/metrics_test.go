package platform

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// TestMetricsOfCalls: what a node counts of calls, and that a failed one is found in its log
// by the request's id.
func TestMetricsOfCalls(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`)
	}))
	t.Cleanup(up.Close)
	in := testInstance(t)
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	t.Cleanup(func() { _ = conn.Close() })
	put := func(house bool, name, address string, models ...client.ProviderModel) {
		t.Helper()
		must(conn.Client.PutModelProvider(t.Context(), house, name, client.NewModelProvider{Kind: "vllm", Address: address, Models: models}, ""))(t)
	}
	put(true, "house", up.URL, client.ProviderModel{Name: "m"})
	put(true, "any", up.URL)
	put(true, "down", "http://127.0.0.1:1", client.ProviderModel{Name: "gone"})
	put(false, "own", "http://127.0.0.1:1", client.ProviderModel{Name: "ours"})
	served, _ := FindServer(in.cfg.DataDir)
	ask := func(method, path, body string) (string, http.Header) {
		t.Helper()
		req := must(http.NewRequestWithContext(t.Context(), method, served.URL+path, strings.NewReader(body)))(t)
		req.Header.Set("Authorization", "Bearer "+served.Token)
		res := must(http.DefaultClient.Do(req))(t)
		defer res.Body.Close()
		return string(must(io.ReadAll(res.Body))(t)), res.Header
	}
	for _, model := range []string{"m", "any/who-knows-what", "gone", "own/ours", "house/nothing"} {
		ask("POST", "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, model))
	}
	failing := map[string]bool{}
	for _, c := range in.Doctor(t.Context()) {
		failing[c.Name] = !c.OK
	}
	if is, told := failing["provider down"]; told || is {
		t.Error("isekai doctor fails for a provider that is still asked")
	}
	ask("POST", "/v1/chat/completions", `{"model":"gone","messages":[{"role":"user","content":"hi"}]}`)
	for _, c := range in.Doctor(t.Context()) {
		failing[c.Name] = !c.OK
	}
	if !failing["provider down"] {
		t.Error("isekai doctor knows nothing of a provider whose breaker is open")
	}
	got, header := ask("GET", "/metrics", "")
	for _, want := range []string{
		`isekai_model_calls_total{code="",model="m",op="chat",provider="house",status="ok"} 1`,
		`isekai_model_calls_total{code="",model="(other)",op="chat",provider="any",status="ok"} 2`,
		`isekai_model_calls_total{code="unavailable",model="",op="chat",provider="",status="failed"} 3`,
		`isekai_model_attempts_total{op="chat",outcome="no connection",provider="down"} 5`,
		`isekai_model_attempts_total{op="chat",outcome="its address may not be used",provider="(an org's own)"}`,
		`isekai_model_attempts_total{op="chat",outcome="ok",provider="house"} 1`,
		`isekai_model_tokens_total{kind="output",model="m",provider="house"} 2`,
		`isekai_model_call_seconds_count{op="chat",provider="house"} 1`,
		`isekai_model_calls_open{op="chat",provider="house"} 0`,
		`isekai_model_orgs_shut{op="chat",provider="down",state="open"} 1`,
		`isekai_model_calls_unsettled `,
		`go_goroutines `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "who-knows") || strings.Contains(got, "ours\"") || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Errorf("%s has what callers or orgs wrote:\n%s", header.Get("Content-Type"), got)
	}
}

// TestAFailedCallIsInTheLog, with what its caller has of it and who that is, and with no more
// of the model's name than a line can hold.
func TestAFailedCallIsInTheLog(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	m := newMetrics(slog.New(slog.NewTextHandler(&log, nil)))
	o := gateway.Outcome{
		Scope: core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorKey, ID: "key_a"}}, Request: "req_1", Op: "chat", Asked: strings.Repeat("x", 300), Status: "failed",
		Err: core.E(core.Unavailable, "gateway", "the provider p doesn't answer: no connection"), Attempts: 3,
	}
	m.Called(o)
	got := log.String()
	for _, want := range []string{"level=WARN", `msg="a call of a model failed"`, "request=req_1", "org=org_a", `by="key key_a"`, "attempts=3", "code=unavailable", "no connection", "model=" + strings.Repeat("x", 200) + " "} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in %s", want, got)
		}
	}
	log.Reset()
	o.Err, o.Task = core.E(core.NotFound, "model.resolve", "there is no model"), "tsk_1"
	m.Called(o)
	if got := log.String(); !strings.Contains(got, "level=INFO") || !strings.Contains(got, "task=tsk_1") || strings.Contains(got, "request=") {
		t.Error(got)
	}
	log.Reset()
	o.Err = core.E(core.Canceled, "gateway", "the caller has gone").Because(context.Canceled)
	m.Called(o)
	if log.Len() > 0 {
		t.Errorf("a caller that left is told of: %s", &log)
	}
}

// TestWhyAsALabel: what a provider makes up doesn't become one.
func TestWhyAsALabel(t *testing.T) {
	t.Parallel()
	for why, want := range map[string]string{"status 503": "status 503", "status 999": "status other", "status x": "status other", "no connection": "no connection"} {
		if got := bounded(why); got != want {
			t.Errorf("%s is %s", why, got)
		}
	}
	p := &catalog.Provider{Spec: catalog.Spec{Name: "p", Models: []catalog.Model{{Name: "m"}}}, Org: "org_a"}
	if provider, model := labels(catalog.Target{Provider: p, Model: "m"}); provider != ofOrgs || model != "" {
		t.Errorf("an org's own is %s %s", provider, model)
	}
}
