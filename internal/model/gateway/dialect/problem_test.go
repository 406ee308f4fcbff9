package dialect_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

func TestReadProblem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     dialect.Problem
		kind     core.Code
	}{
		{"nothing", ``, dialect.Problem{}, core.Internal},
		{"OpenAI's", `{"error":{"message":"No such model","type":"invalid_request_error","param":"model","code":"model_not_found"}}`,
			dialect.Problem{Type: "invalid_request_error", Code: "model_not_found", Param: "model", Message: "No such model"}, core.NotFound},
		{"OpenAI's with nulls", `{"error":{"message":"Slow down","type":"requests","param":null,"code":null}}`, dialect.Problem{Type: "requests", Message: "Slow down"}, core.Exhausted},
		{"Anthropic's", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}`, dialect.Problem{Type: "overloaded_error", Message: "Overloaded"}, core.Unavailable},
		{"an event of responses", `{"type":"error","code":"server_error","message":"Oh","param":null,"sequence_number":3}`, dialect.Problem{Type: "error", Code: "server_error", Message: "Oh"}, core.Unavailable},
		{"a response that failed", `{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"Wait"}}}`, dialect.Problem{Code: "rate_limit_exceeded", Message: "Wait"}, core.Exhausted},
		{"Google's", `[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]`, dialect.Problem{Code: "400", Message: "API key not valid"}, core.Internal},
		{"llama.cpp's", `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, dialect.Problem{Type: "unavailable_error", Code: "503", Message: "Loading model"}, core.Unavailable},
		{"vLLM's", `{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}`, dialect.Problem{Type: "BadRequestError", Code: "400", Message: "too long"}, core.Invalid},
		{"Ollama's", `{"error":"model 'x' not found"}`, dialect.Problem{Message: "model 'x' not found"}, core.Internal},
		{"FastAPI's", `{"detail":"Not Found"}`, dialect.Problem{Message: "Not Found"}, core.Internal},
		{"FastAPI's list", `{"detail":[{"loc":["body"],"msg":"missing"}]}`, dialect.Problem{Message: `[{"loc":["body"],"msg":"missing"}]`}, core.Internal},
		{"problem details", `{"title":"Bad","detail":"worse","status":400}`, dialect.Problem{Message: "worse"}, core.Internal},
		{"an empty error beside a message", `{"error":{},"message":"Oh"}`, dialect.Problem{Message: "Oh"}, core.Internal},
		{"a list of errors", `{"errors":[{"message":"first"},{"message":"second"}]}`, dialect.Problem{Message: "first"}, core.Internal},
		{"a string", `"just words"`, dialect.Problem{Message: "just words"}, core.Internal},
		{"text", "upstream connect error\n", dialect.Problem{Message: "upstream connect error"}, core.Internal},
		{"HTML", "<!doctype html><html><head><style>p{}</style><title>502 Bad Gateway</title></head><body><h1>502</h1>\n<script>x()</script></body></html>", dialect.Problem{Message: "502 Bad Gateway 502"}, core.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := dialect.ReadProblem([]byte(tt.in)); got != tt.want || got.Kind() != tt.kind {
				t.Errorf("got %+v, a kind of %s, want %+v, of %s", got, got.Kind(), tt.want, tt.kind)
			}
		})
	}
}

func TestWriteProblem(t *testing.T) {
	t.Parallel()
	p := dialect.Problem{Type: "whatever_the_provider_says", Code: "the_code", Param: "tools[0]", Message: "It's so."}
	for _, tt := range []struct {
		code              core.Code
		p                 dialect.Problem
		openAI, anthropic string // types
		short             string // OpenAI's code
	}{
		{core.Invalid, p, "invalid_request_error", "invalid_request_error", "the_code"},
		{core.Unsupported, p, "invalid_request_error", "invalid_request_error", "the_code"},
		{core.Conflict, p, "invalid_request_error", "invalid_request_error", "the_code"},
		{core.Unauthenticated, dialect.Problem{}, "authentication_error", "authentication_error", "invalid_api_key"},
		{core.Denied, dialect.Problem{}, "permission_error", "permission_error", ""},
		{core.NotFound, p, "not_found_error", "not_found_error", "the_code"},
		{core.Exhausted, dialect.Problem{}, "rate_limit_error", "rate_limit_error", "rate_limit_exceeded"},
		{core.Exhausted, dialect.Problem{Code: dialect.BudgetCode}, "insufficient_quota", "billing_error", "insufficient_quota"},
		{core.Exhausted, dialect.Problem{Type: "billing_error"}, "insufficient_quota", "billing_error", "insufficient_quota"},
		{core.Unavailable, dialect.Problem{}, "server_error", "overloaded_error", ""},
		{core.Unavailable, dialect.Problem{Type: "timeout_error"}, "server_error", "timeout_error", ""},
		{core.Canceled, dialect.Problem{}, "invalid_request_error", "invalid_request_error", "request_canceled"},
		{core.Internal, dialect.Problem{}, "server_error", "api_error", ""},
		{"", dialect.Problem{Type: "rate_limit_error"}, "rate_limit_error", "rate_limit_error", "rate_limit_exceeded"},
		{"", dialect.Problem{}, "server_error", "api_error", ""},
	} {
		t.Run(string(tt.code)+" "+tt.p.Type+tt.p.Code, func(t *testing.T) {
			t.Parallel()
			for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpEmbeddings, dialect.OpModels} {
				var body struct{ Error openai.Error }
				if err := json.Unmarshal(dialect.WriteProblem(op, tt.code, tt.p, "req_1"), &body); err != nil {
					t.Fatal(err)
				}
				e := body.Error
				if e.Type != tt.openAI || e.Code != tt.short || e.Param != tt.p.Param || e.Message == "" || tt.p.Message != "" && e.Message != tt.p.Message {
					t.Errorf("%s: OpenAI's client reads type %q, code %q, param %q, message %q", op, e.Type, e.Code, e.Param, e.Message)
				}
			}
			for _, op := range []dialect.Operation{dialect.OpMessages, dialect.OpCountTokens} {
				var e anthropic.ErrorResponse
				if err := json.Unmarshal(dialect.WriteProblem(op, tt.code, tt.p, "req_1"), &e); err != nil {
					t.Fatal(err)
				}
				if e.Error.Type != tt.anthropic || e.RequestID != "req_1" || e.Error.Message == "" || tt.p.Message != "" && e.Error.Message != tt.p.Message {
					t.Errorf("%s: Anthropic's client reads %+v", op, e)
				}
			}
		})
	}
}

// What a problem says survives being written and read, whatever the dialect.
func TestAWrittenProblemIsReadBack(t *testing.T) {
	t.Parallel()
	for _, code := range []core.Code{core.Invalid, core.Unauthenticated, core.Denied, core.NotFound, core.Exhausted, core.Unavailable} {
		p := dialect.Problem{Code: "c", Param: "p", Message: "<It's> so."}
		for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages} {
			got := dialect.ReadProblem(dialect.WriteProblem(op, code, p, "req_1"))
			if got.Message != p.Message || got.Kind() != code {
				t.Errorf("%s in %s is read as %+v of kind %s", code, op, got, got.Kind())
			}
		}
	}
}

func TestProblemEvent(t *testing.T) {
	t.Parallel()
	p := dialect.Problem{Message: "Oh"}
	for _, tt := range []struct {
		op   dialect.Operation
		want string
	}{
		{dialect.OpChat, "data: " + `{"error":{"message":"Oh","type":"server_error","param":null,"code":null}}` + "\n\n"},
		{dialect.OpMessages, "event: error\ndata: " + `{"type":"error","error":{"type":"overloaded_error","message":"Oh"}}` + "\n\n"},
		{dialect.OpResponses, "event: error\ndata: " + `{"type":"error","sequence_number":0,"code":null,"message":"Oh","param":null,"error":{"message":"Oh","type":"server_error","param":null,"code":null}}` + "\n\n"},
	} {
		got := string(dialect.ProblemEvent(tt.op, core.Unavailable, p).Append(nil))
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.op, got, tt.want)
		}
		var err error
		if tt.op == dialect.OpMessages {
			_, err = asAnthropic(got)
		} else {
			_, err = asOpenAI(got)
		}
		if err == nil || !strings.Contains(err.Error(), "Oh") {
			t.Errorf("%s: the client sees %v", tt.op, err)
		}
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	said := dialect.Problem{Type: "x", Param: "n", Message: "n is too much"}
	for _, tt := range []struct {
		err  error
		want dialect.Problem
	}{
		{core.E(core.Invalid, "op", "").Because(said), said},
		{core.E(core.Unsupported, "op", "").WithHint("one at a time").Because(said), dialect.Problem{Type: "x", Param: "n", Message: "n is too much (one at a time)"}},
		{core.E(core.NotFound, "op", "there is no model m").WithHint("isekai model list"), dialect.Problem{Message: "there is no model m (isekai model list)"}},
		{core.E(core.Internal, "op", "the secret is s"), dialect.Problem{}},
		{errors.New("the secret is s"), dialect.Problem{}},
	} {
		if got := dialect.ProblemOf(tt.err); got != tt.want {
			t.Errorf("of %v: %+v, want %+v", tt.err, got, tt.want)
		}
	}
}

func FuzzProblem(f *testing.F) {
	for _, s := range []string{``, `{"error":{"message":"x","code":7}}`, `[{"error":"x"}]`, `<html><script>`, `{"error":{"error":{"error":{"error":{"error":1}}}}}`, "\xff\xfe", `{"detail":[1]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := dialect.ReadProblem(body)
		for _, s := range []string{p.Type, p.Code, p.Param, p.Message} {
			if len(s) > 2048 || !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n") {
				t.Fatalf("%q", s)
			}
		}
		for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages, dialect.OpResponses} {
			if b := dialect.WriteProblem(op, "", p, "r"); !json.Valid(b) || !json.Valid(dialect.ProblemEvent(op, "", p).Data) {
				t.Fatalf("%s", b)
			}
		}
	})
}
