package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
)

func TestBodiesAreCleanedWhateverTheirEscapes(t *testing.T) {
	t.Parallel()
	s := newRig(t)
	escaped := ""
	for _, c := range token {
		escaped += `\u00` + strings.ToLower(hex2(byte(c)))
	}
	for name, text := range map[string]string{
		"as it is":      `{"messages":[{"content":"take ` + token + ` please"}],"n":12345678901234567890}`,
		"after a break": `{"messages":[{"content":"take\n` + token + `\tplease"}]}`,
		"in escapes":    `{"messages":[{"content":"take ` + escaped + ` please"}]}`,
		"in a string":   `{"arguments":"{\"key\":\"` + token + `\"}"}`,
		"as a name":     `{"` + token + `":1}`,
	} {
		s.found = nil
		got, err := s.Body(t.Context(), redact.Sighting{Scope: scopeOf("org_a"), Where: "model"}, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(got) || strings.Contains(string(got), token) || strings.Contains(string(got), escaped) || len(s.found) != 1 {
			t.Errorf("%s: %s; told of %d", name, got, len(s.found))
		}
		if name == "as it is" && !strings.Contains(string(got), "12345678901234567890") {
			t.Errorf("a large number changed: %s", got)
		}
	}
}

func TestABodyWithoutSecretsIsUntouched(t *testing.T) {
	t.Parallel()
	s := newRig(t)
	rapid.Check(t, func(rt *rapid.T) {
		text, err := json.Marshal(map[string]any{"model": "m", "max_tokens": 5, "messages": rapid.SliceOf(rapid.StringMatching(`[a-z <>&"\\/\n\t\x{1F600}]{0,40}`)).Draw(rt, "texts")})
		if err != nil {
			rt.Fatal(err)
		}
		got, err := s.Body(t.Context(), redact.Sighting{Scope: scopeOf("org_a"), Where: "model"}, text)
		if err != nil || string(got) != string(text) {
			rt.Fatalf("%s became %s, %v", text, got, err)
		}
	})
}

func TestAPolicyCanRefuseABody(t *testing.T) {
	t.Parallel()
	s := newRig(t)
	ok(t, s.SetPolicy(t.Context(), "org_a", 0, redact.Policy{Default: redact.Refuse}))
	_, err := s.Body(t.Context(), redact.Sighting{Scope: scopeOf("org_a"), Where: "model"}, []byte(`{"content":"`+token+`"}`))
	if core.CodeOf(err) != core.Denied {
		t.Errorf("the error is %v", err)
	}
}

func hex2(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}
