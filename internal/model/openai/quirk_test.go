package openai_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
	"github.com/isekai-run/isekai/internal/model/openai"
)

func request() model.Request {
	return model.Request{Model: "scripted", Messages: []model.Message{{Role: model.User, Text: "hello"}}, Tools: []model.ToolSpec{
		{Name: "read_file", Schema: []byte(`{"type":"object","properties":{"path":{"type":"string"}}}`)},
		{Name: "list_files", Schema: []byte(`{"type":"object"}`)},
	}}
}

func show(a model.Answer) []string {
	s := []string{a.Text}
	for _, c := range a.Calls {
		s = append(s, c.Tool+" "+string(c.Arguments)+c.Problem)
	}
	used := fmt.Sprintf("%d/%d", a.Usage.Input, a.Usage.Output)
	if a.Usage.Cached > 0 {
		used += fmt.Sprintf(", %d cached", a.Usage.Cached)
	}
	return append(s, used)
}

// What compatible servers send, and what it means.
func TestServersDeviations(t *testing.T) {
	t.Parallel()
	const read = `read_file {"path":"a"}`
	for _, tt := range []struct {
		name string
		raw  []string
		want []string
	}{
		{"no usage, no [DONE]", []string{`{"choices":[{"delta":{"content":"x"}}]}`, `{"choices":[{"delta":{},"finish_reason":"stop"}]}`}, []string{"x", "0/0"}},
		{"[DONE] without a finish reason", []string{`{"choices":[{"delta":{"content":"x"},"finish_reason":null}]}`, `[DONE]`}, []string{"x", "0/0"}},
		{"content null", []string{`{"choices":[{"delta":{"role":"assistant","content":null}}]}`, `[DONE]`}, []string{"", "0/0"}},
		{"content as parts", []string{`{"choices":[{"delta":{"content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]}}]}`, `[DONE]`}, []string{"xy", "0/0"}},
		{"a refusal", []string{`{"choices":[{"delta":{"refusal":"I won't"}}]}`, `[DONE]`}, []string{"I won't", "0/0"}},
		{"usage in every event", []string{`{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`,
			`{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`, `[DONE]`}, []string{"x", "1/2"}},
		{"arguments as an object, no id, finish reason stop", []string{
			`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"read_file","arguments":{"path":"a"}}}]},"finish_reason":"stop"}]}`, `[DONE]`}, []string{"", read, "0/0"}},
		{"whole calls that are all numbered 0", []string{
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"list_files","arguments":"{}"}}]}}]}`, `[DONE]`}, []string{"", read, "list_files {}", "0/0"}},
		{"calls without a number", []string{
			`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"read_file","arguments":"{\"path\""}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":\"a\"}"}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"list_files"}}]}}]}`, `[DONE]`}, []string{"", read, "list_files {}", "0/0"}},
		{"id and name repeated with every piece", []string{
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read_file","arguments":"{\"pa"}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read_file","arguments":"th\":\"a\"}"}}]}}]}`, `[DONE]`}, []string{"", read, "0/0"}},
		{"pieces out of turn", []string{
			`{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"list_files","arguments":""}},{"index":0,"id":"a","function":{"name":"read_file","arguments":""}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":\"a\"}"}},{"index":1,"function":{"arguments":"{}"}}]}}]}`, `[DONE]`}, []string{"", "list_files {}", read, "0/0"}},
		{"function_call, the old form", []string{
			`{"choices":[{"delta":{"function_call":{"name":"read_file","arguments":""}}}]}`,
			`{"choices":[{"delta":{"function_call":{"arguments":"{\"path\":\"a\"}"}},"finish_reason":"function_call"}]}`, `[DONE]`}, []string{"", read, "0/0"}},
		{"a null where things may be", []string{
			`{"id":null,"choices":null,"usage":null,"error":null}`, `{"choices":[{"delta":{"tool_calls":null,"function_call":null,"refusal":null},"finish_reason":null}]}`, `[DONE]`}, []string{"", "0/0"}},
		{"a message instead of deltas", []string{
			`{"choices":[{"message":{"role":"assistant","content":"x","tool_calls":[{"id":"a","type":"function","function":{"name":"list_files","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":4,"completion_tokens":2}}`}, []string{"x", "list_files {}", "4/2"}},
		{"tokens from its cache, streamed", []string{
			`{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}`,
			`{"choices":[],"usage":{"prompt_tokens":2006,"completion_tokens":300,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0}}}`, `[DONE]`}, []string{"x", "2006/300, 1920 cached"}},
		{"tokens from its cache, in one piece", []string{
			`{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":32}}}`}, []string{"x", "40/2, 32 cached"}},
		{"details of usage that are none", []string{
			`{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":2,"prompt_tokens_details":null}}`,
			`{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2,"prompt_tokens_details":[3]}}`, `[DONE]`}, []string{"x", "4/2"}},
		{"more from its cache than there was", []string{
			`{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9}}}`, `[DONE]`}, []string{"x", "4/2, 4 cached"}},
		{"less than nothing from its cache", []string{
			`{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":-9}}}`, `[DONE]`}, []string{"x", "4/2"}},
		{"the connection fails after the finish reason", []string{`{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}`, `{"choices":`}, []string{"x", "0/0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := modeltest.NewUpstream(t, modeltest.Answer{Raw: tt.raw})
			a, err := model.Collect(t.Context(), open(t, u.BaseURL()), request(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, show(a)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnswersThatAreNoStream(t *testing.T) {
	t.Parallel()
	whole := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, "{\n \"choices\":[{\"message\":{\"content\":\"x\"},\n\"finish_reason\":\"stop\"}]}")
	})
	if a, err := model.Collect(t.Context(), open(t, whole), request(), nil); err != nil || a.Text != "x" {
		t.Errorf("a whole answer: %+v, %v", a, err)
	}
	for name, body := range map[string]string{"HTML": "<html>hello</html>", "nothing": "", "half an event": "data: {\"choices\"", "nonsense": "data: 7x\n\n", "a list": "data: []\n\n"} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if _, err := model.Collect(t.Context(), open(t, url), request(), nil); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	huge := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 100 {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<17)); err != nil {
				return
			}
		}
	})
	if _, err := model.Collect(t.Context(), open(t, huge), request(), nil); core.CodeOf(err) != core.Invalid {
		t.Errorf("a huge answer: %v", err)
	}
}

func TestErrorsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`<html>bad gateway</html>`: "bad gateway", `{"error":"model is loading"}`: "model is loading", ``: "502 Bad Gateway",
		`{"error":{"message":"m","code":502}}`: "m", `{"detail":"other"}`: "502 Bad Gateway",
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, body)
		})
		_, err := model.Collect(t.Context(), open(t, url), request(), nil)
		if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// The key reaches the server and nothing else, whatever the server does with it.
func TestTheKeyStaysSecret(t *testing.T) {
	t.Parallel()
	const key = "canary-0123456789"
	bodies := []string{
		`{"error":{"message":"Incorrect API key provided: ` + key + `. Bearer ` + key + `"}}`, key,
		`{"error":{"message":"bad key sk-abcdef**********wxyz"}}`,
	}
	for i, body := range bodies {
		for _, status := range []int{400, 401, 403, 404, 429, 500, 302} {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+key {
					t.Errorf("authorization %q", r.Header.Get("Authorization"))
				}
				w.Header().Set("Location", "http://127.0.0.1:1/"+key)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
			m := openai.New(openai.Config{BaseURL: url + "/v1?token=" + key, APIKey: key, Retries: -1})
			defer m.Close()
			_, err := model.Collect(t.Context(), m, request(), nil)
			if s := fmt.Sprintf("%+v %q", err, core.HintOf(err)); err == nil || strings.Contains(s, key) || strings.Contains(s, "abcdef") {
				t.Errorf("body %d, status %d: %s", i, status, s)
			}
		}
	}
	m := openai.New(openai.Config{BaseURL: "http://user:" + key + "@127.0.0.1:1/" + key, APIKey: key, Retries: -1})
	if _, err := model.Collect(t.Context(), m, request(), nil); err == nil || strings.Contains(fmt.Sprintf("%+v", err), key) {
		t.Errorf("connection refused: %v", err)
	}
}

func TestTheEnvironmentIsNotRead(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "from-the-environment")
	t.Setenv("OPENAI_ORG_ID", "from-the-environment")
	u := modeltest.NewUpstream(t, modeltest.Answer{Text: "x"})
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")
	m := openai.New(openai.Config{BaseURL: u.BaseURL()})
	defer m.Close()
	if _, err := model.Collect(t.Context(), m, request(), nil); err != nil {
		t.Fatal(err)
	}
	for k, v := range u.Requests()[0].Header {
		if strings.Contains(strings.Join(v, ""), "environment") || k == "Authorization" {
			t.Errorf("header %s: %q", k, v)
		}
	}
}

func TestConnectionErrors(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + l.Addr().String() + "/v1"
	_ = l.Close()
	_, err = model.Collect(t.Context(), open(t, refused), request(), nil)
	if core.CodeOf(err) != core.Unavailable || !strings.Contains(core.HintOf(err), "OPENAI_BASE_URL") {
		t.Errorf("refused: %v, hint %q", err, core.HintOf(err))
	}
	for _, bad := range []string{"ftp://x", "127.0.0.1:11434", "http://", "::"} {
		if _, err := model.Collect(t.Context(), open(t, bad), request(), nil); core.CodeOf(err) != core.Invalid {
			t.Errorf("base URL %q: %v", bad, err)
		}
	}
}

// A connection that is dropped before the first event is tried again.
func TestADroppedConnectionIsTriedAgain(t *testing.T) {
	t.Parallel()
	n := 0
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]")
	})
	if a, err := model.Collect(t.Context(), open(t, url), request(), nil); err != nil || a.Text != "x" || n != 2 {
		t.Errorf("%+v, %v after %d requests", a, err, n)
	}
}

func TestTheTotalTimeIsBounded(t *testing.T) {
	t.Parallel()
	u := modeltest.NewServer(func(int, modeltest.Request) modeltest.Answer { return modeltest.Answer{Text: "x", Endless: true} })
	t.Cleanup(u.Close)
	m := openai.New(openai.Config{BaseURL: u.BaseURL(), Total: 200 * time.Millisecond, MaxResponse: 1 << 40})
	t.Cleanup(m.Close)
	_, err := model.Collect(t.Context(), m, request(), nil)
	if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

// A reader that takes its time isn't the server's silence.
func TestASlowReaderIsNoTimeout(t *testing.T) {
	t.Parallel()
	u := modeltest.NewUpstream(t, modeltest.Answer{Text: "some text in several pieces"})
	m := openai.New(openai.Config{BaseURL: u.BaseURL(), Idle: 20 * time.Millisecond})
	t.Cleanup(m.Close)
	slept := false
	_, err := model.Collect(t.Context(), m, request(), func(string) {
		if !slept { // longer than Idle: what is tested is that nothing happens
			time.Sleep(60 * time.Millisecond)
			slept = true
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDetectOllama(t *testing.T) {
	t.Parallel()
	u := modeltest.NewUpstream(t)
	for _, url := range []string{u.URL, u.URL + "/", u.BaseURL()} {
		if names, err := openai.DetectOllama(t.Context(), url); err != nil || len(names) != 1 || names[0] != "scripted" {
			t.Errorf("%s: %q, %v", url, names, err)
		}
	}
	for _, url := range []string{"http://127.0.0.1:1", "nonsense", serve(t, http.NotFound)} {
		if _, err := openai.DetectOllama(t.Context(), url); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestAServerThatHints: what says itself how to go on gets no second hint, which may say
// otherwise.
func TestAServerThatHints(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":{"message":"it refuses its credential (set another)"}}`)
	}))
	t.Cleanup(srv.Close)
	for hinted, hint := range map[bool]string{true: "", false: "the provider has a problem: try again"} {
		m := openai.New(openai.Config{BaseURL: srv.URL + "/v1", Retries: -1, Hinted: hinted})
		if _, err := model.Collect(t.Context(), m, request(), nil); core.CodeOf(err) != core.Unavailable || core.HintOf(err) != hint || !strings.Contains(err.Error(), "(set another)") {
			t.Errorf("hinted %t: %v, %q", hinted, err, core.HintOf(err))
		}
	}
}
