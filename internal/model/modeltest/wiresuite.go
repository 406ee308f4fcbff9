package modeltest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Run is the whole suite, for a driver that speaks OpenAI's wire format. open
// returns a model on the given base URL that waits 300 ms to 1 s for the first
// and between tokens, repeats a request two times or more after less than
// 100 ms, and takes answers of at most 4 MiB.
func Run(t *testing.T, open func(t testing.TB, baseURL string) model.Model) {
	RunPort(t, func(t testing.TB, s Script) model.Model {
		u := NewServer(s)
		t.Cleanup(u.Close)
		return open(t, u.BaseURL())
	})
	for name, test := range map[string]func(*testing.T, func(testing.TB, string) model.Model){
		"rate limit": testRateLimit, "server error": testServerError, "lasting server error": testLastingError,
		"no second try": testNoSecondTry, "no retry within": testNoRetryWithin, "silence before": testSilenceBefore,
		"silence within": testSilenceWithin, "leaving closes": testLeavingCloses, "cancel reaches upstream": testCancelReaches,
		"endless": testEndless, "provider errors": testProviderErrors, "error event": testErrorEvent, "on the wire": testOnTheWire,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func fails(t testing.TB, m model.Model, want core.Code) error {
	t.Helper()
	_, err := model.Collect(t.Context(), m, ask("hello"), nil)
	if core.CodeOf(err) != want {
		t.Errorf("code %q, want %q: %v", core.CodeOf(err), want, err)
	}
	return err
}

func asked(t testing.TB, u *Upstream, want int) {
	t.Helper()
	if n := len(u.Requests()); n != want {
		t.Errorf("%d requests, want %d", n, want)
	}
}

func gonePromptly(t testing.TB, u *Upstream) {
	t.Helper()
	select {
	case <-u.Gone():
	case <-time.After(10 * time.Second):
		t.Error("the connection was left open")
	}
}

func testRateLimit(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Status: http.StatusTooManyRequests, RetryAfter: "1", Error: "slow down"}, Answer{Text: "ok"})
	start := time.Now()
	if a := collect(t, open(t, u.BaseURL()), ask("hello")); a.Text != "ok" {
		t.Errorf("text %q", a.Text)
	}
	if d := time.Since(start); d < time.Second {
		t.Errorf("asked again after %v, told to wait a second", d)
	}
	asked(t, u, 2)

	patient := NewUpstream(t, Answer{Status: http.StatusTooManyRequests, RetryAfter: "3600", Error: "slow down"})
	if err := fails(t, open(t, patient.BaseURL()), core.Unavailable); !strings.Contains(core.HintOf(err), "1h") {
		t.Errorf("hint %q doesn't say when", core.HintOf(err))
	}
	asked(t, patient, 1)
}

func testServerError(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Status: 500}, Answer{Status: 503, Error: "overloaded"}, Answer{Text: "ok"})
	if a := collect(t, open(t, u.BaseURL()), ask("hello")); a.Text != "ok" {
		t.Errorf("text %q", a.Text)
	}
	asked(t, u, 3)
}

func testLastingError(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewServer(func(int, Request) Answer { return Answer{Status: 500, Error: "broken"} })
	t.Cleanup(u.Close)
	fails(t, open(t, u.BaseURL()), core.Unavailable)
	if n := len(u.Requests()); n < 2 || n > 6 {
		t.Errorf("%d requests", n)
	}
}

func testNoSecondTry(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Status: 400, Error: "no"}, Answer{Text: "wrong"})
	fails(t, open(t, u.BaseURL()), core.Invalid)
	asked(t, u, 1)
}

func testNoRetryWithin(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Text: "half", Cut: true}, Answer{Text: "wrong"})
	fails(t, open(t, u.BaseURL()), core.Unavailable)
	asked(t, u, 1)
}

func testSilenceBefore(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{HangBefore: true}, Answer{Text: "wrong"})
	fails(t, open(t, u.BaseURL()), core.Unavailable)
	gonePromptly(t, u)
	asked(t, u, 1)
}

func testSilenceWithin(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Text: "half", HangWithin: true}, Answer{Text: "wrong"})
	fails(t, open(t, u.BaseURL()), core.Unavailable)
	gonePromptly(t, u)
	asked(t, u, 1)
}

func testLeavingCloses(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Text: "text", Endless: true})
	for _, err := range open(t, u.BaseURL()).Stream(t.Context(), ask("hello")) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	gonePromptly(t, u)
}

func testCancelReaches(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Text: "text", HangWithin: true})
	m := open(t, u.BaseURL())
	testCanceled(t, func(...Answer) model.Model { return m })
	gonePromptly(t, u)
}

func testEndless(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Text: strings.Repeat("text ", 10_000), Endless: true})
	fails(t, open(t, u.BaseURL()), core.Invalid)
	gonePromptly(t, u)
}

func testProviderErrors(t *testing.T, open func(testing.TB, string) model.Model) {
	for _, tt := range []struct {
		a    Answer
		want core.Code
		hint string
	}{
		{Answer{Status: 401, Error: "Incorrect API key provided"}, core.Unauthenticated, "OPENAI_API_KEY"},
		{Answer{Status: 429, Error: "You exceeded your current quota", ErrorCode: "insufficient_quota"}, core.Exhausted, "billing"},
		{Answer{Status: 400, Error: "This model's maximum context length is 8192 tokens", ErrorCode: "context_length_exceeded"}, core.Invalid, "longer context"},
		{Answer{Status: 404, Error: "The model `x` does not exist", ErrorCode: "model_not_found"}, core.NotFound, "there are: scripted"},
	} {
		u := NewUpstream(t, tt.a)
		if err := fails(t, open(t, u.BaseURL()), tt.want); !strings.Contains(core.HintOf(err), tt.hint) {
			t.Errorf("hint %q doesn't say %q", core.HintOf(err), tt.hint)
		}
		asked(t, u, 1)
	}
}

func testErrorEvent(t *testing.T, open func(testing.TB, string) model.Model) {
	event := `{"error":{"message":"The server is overloaded","type":"server_error","code":null}}`
	u := NewUpstream(t, Answer{Raw: []string{event}}, Answer{Text: "ok"})
	if a := collect(t, open(t, u.BaseURL()), ask("hello")); a.Text != "ok" {
		t.Errorf("text %q", a.Text)
	}
	asked(t, u, 2)
	late := NewUpstream(t, Answer{Raw: []string{`{"choices":[{"delta":{"content":"half"}}]}`, event}})
	fails(t, open(t, late.BaseURL()), core.Unavailable)
	asked(t, late, 1)
}

func testOnTheWire(t *testing.T, open func(testing.TB, string) model.Model) {
	u := NewUpstream(t, Answer{Text: "{}"})
	r := ask("hello")
	r.MaxTokens = 100
	r.Schema = &model.Schema{Name: "my plan", JSON: []byte(`{"type":"object"}`)}
	collect(t, open(t, u.BaseURL()), r)
	q := u.Requests()[0]
	if string(q.Schema) != `{"type":"object"}` || q.MaxTokens != 100 || q.Last() != "hello" || len(q.Tools) != 2 {
		t.Errorf("the request was %s", q.Body)
	}
	if !strings.Contains(string(q.Body), `"include_usage":true`) {
		t.Errorf("usage wasn't asked for: %s", q.Body)
	}
}
