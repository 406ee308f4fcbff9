package redact_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/tool"
)

// hand is a tool that keeps what it gets.
type hand struct {
	spec   tool.Spec
	got    string
	called bool
}

func (h *hand) Spec() tool.Spec { return h.spec }

func (h *hand) Call(_ context.Context, c tool.Call) (tool.Result, error) {
	h.got, h.called = string(c.Arguments), true
	return tool.Result{Output: "got " + token}, nil
}

var (
	fetch = tool.Spec{Name: "web_fetch", Effect: core.Pure}
	write = tool.Spec{Name: "write_file", Effect: core.Idempotent, Contained: true}
	grep  = tool.Spec{Name: "search_code", Effect: core.Pure, Contained: true}
)

// TestWhatToolsGet: what leaves is cleaned, what stays is never changed, at most refused.
func TestWhatToolsGet(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pem := strings.ReplaceAll(pem("PRIVATE KEY"), "\n", `\n`)
	marker := redact.AWS.Marker()
	same, none := "=", ""
	for name, c := range map[string]struct {
		spec   tool.Spec
		text   string // within a JSON string
		want   string // likewise; same: as it was; none: the tool isn't called
		code   core.Code
		policy redact.Policy
		told   string
	}{
		"outside: a token":            {spec: fetch, text: token, want: redact.GitHub.Marker(), told: "redact [github_token][]"},
		"outside: escaped":            {spec: fetch, text: `\u0067hp_` + token[4:], want: redact.GitHub.Marker(), told: "redact [github_token][]"},
		"outside: kept by the org":    {spec: fetch, text: "kept by org_a", want: redact.Known.Marker(), told: "redact [known_secret][deploy]"},
		"outside: a canary":           {spec: fetch, text: "canary of org_a", want: none, code: core.Denied, told: "refuse [canary][trap]"},
		"outside: another's canary":   {spec: fetch, text: "canary of org_b", want: same},
		"outside: a marker":           {spec: fetch, text: marker, want: same},
		"outside: refused":            {spec: fetch, text: token, want: none, code: core.Denied, policy: redact.Policy{Default: redact.Refuse}, told: "refuse [github_token][]"},
		"outside: allowed":            {spec: fetch, text: token, want: same, policy: redact.Policy{Default: redact.Allow}, told: "allow [github_token][]"},
		"inside: a token":             {spec: write, text: token, want: same},
		"inside: a password":          {spec: write, text: `password = \"Tr0ub4dor&3\"`, want: same},
		"inside: a private key":       {spec: write, text: pem, want: same},
		"inside: all is refused":      {spec: write, text: token, want: same, policy: redact.Policy{Default: redact.Refuse}},
		"inside: kept by the org":     {spec: write, text: "kept by org_a", want: same, told: "allow [known_secret][deploy]"},
		"inside: kept and refused":    {spec: write, text: "kept by org_a", want: none, code: core.Denied, policy: redact.Policy{Default: redact.Refuse}, told: "refuse [known_secret][deploy]"},
		"inside: kept, escaped":       {spec: write, text: `kept\u0020by org_a`, want: none, code: core.Denied, policy: redact.Policy{Default: redact.Refuse}, told: "refuse [known_secret][deploy]"},
		"inside: a canary":            {spec: write, text: "canary of org_a", want: none, code: core.Denied, told: "refuse [canary][trap]"},
		"inside: a canary, looked at": {spec: grep, text: "canary of org_a", want: none, code: core.Denied, told: "refuse [canary][trap]"},
		"inside: another's canary":    {spec: write, text: "canary of org_b", want: same},
		"inside: a marker":            {spec: write, text: "KEY=" + marker, want: none, code: core.Invalid},
		"inside: an escaped marker":   {spec: write, text: `KEY=\u005b` + marker[1:], want: none, code: core.Invalid},
		"inside: a marker in escapes": {spec: write, text: `KEY=[\u0072edacted:aws_key]`, want: none, code: core.Invalid},
		"inside: a marker, looked at": {spec: grep, text: marker, want: same},
		"inside: a marker asked for":  {spec: write, text: redact.JWT.Marker(), want: same},
		"inside: no marker of ours":   {spec: write, text: "[redacted:name]", want: same},
	} {
		_, version, err := r.Policy(t.Context(), "org_a")
		ok(t, err)
		ok(t, r.SetPolicy(t.Context(), "org_a", version, c.policy))
		h := &hand{spec: c.spec}
		guarded := r.Tool(h)
		r.found = nil
		args := r.planted.Replace(`{ "b": "x", "content": "` + c.text + `" }`)
		result, err := guarded.Call(t.Context(), tool.Call{
			Scope: scopeOf("org_a"), Task: "tsk_1", Arguments: json.RawMessage(args), Facts: tool.Facts{Prompt: "explain " + redact.JWT.Marker()},
		})
		want := `{"b":"x","content":"` + c.want + `"}`
		if c.want == same {
			want = args
		}
		switch {
		case c.want == none:
			wantCode(t, name, err, c.code)
			if h.called || core.HintOf(err) == "" {
				t.Errorf("%s: called: %t; %v", name, h.called, err)
			}
		case err != nil || h.got != want:
			t.Errorf("%s: the tool gets %s (%v), want %s", name, h.got, err, want)
		case result.Output != "got "+token:
			t.Errorf("%s: the result was changed: %s", name, result.Output)
		}
		told := ""
		if c.told != "" {
			told = "org_a tsk_1 tool " + c.spec.Name + " " + c.told
		}
		if r.last() != told || guarded.Spec().Name != c.spec.Name {
			t.Errorf("%s: told %q, want %q", name, r.last(), told)
		}
	}
}
