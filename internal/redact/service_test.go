package redact_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
)

var token = "ghp_" + fake(alnum, 36)

func scopeOf(org core.OrgID) core.Scope {
	return core.Scope{Org: org, Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}
}

// rig is a service on a store, with a clock and a list of what was found.
type rig struct {
	*redact.Service
	cfg redact.ServiceConfig

	mu    sync.Mutex
	clock time.Time
	found []string
	// planted puts canaries where a text speaks of them: "canary of org_a".
	planted *strings.Replacer
}

// last returns what was found last.
func (r *rig) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.found) == 0 {
		return ""
	}
	return r.found[len(r.found)-1]
}

func newRig(t *testing.T) *rig {
	t.Helper()
	st := sqlitetest.Open(t, sqlite.Config{})
	r := &rig{clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	r.cfg = redact.ServiceConfig{
		Records: st, Now: func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.clock },
		Secrets: func(_ context.Context, org core.OrgID) ([]redact.Value, error) {
			return []redact.Value{{Name: "deploy", Text: "kept by " + string(org)}, {Name: "pin", Text: "1234"}}, nil
		},
		Found: func(_ context.Context, s redact.Sighting) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.found = append(r.found, fmt.Sprintf("%s %s %s %s %v%v", s.Scope.Org, s.Task, s.Where, s.Outcome, s.Kinds, s.Names))
		},
	}
	r.Service = redact.NewService(r.cfg)
	var planted []string
	for _, org := range []core.OrgID{"org_a", "org_b", "org_c"} {
		_, text, err := r.AddCanary(t.Context(), scopeOf(org), "trap")
		ok(t, err)
		planted = append(planted, "canary of "+string(org), text)
	}
	r.planted = strings.NewReplacer(planted...)
	return r
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	text := "a " + token + " b"
	say := func(org core.OrgID, text string) string {
		out, err := r.Text(t.Context(), scopeOf(org), "model", text)
		if err != nil {
			if strings.Contains(err.Error()+core.HintOf(err), token) || core.HintOf(err) == "" {
				t.Errorf("%v shows the secret, or has no hint", err)
			}
			return string(core.CodeOf(err)) + out
		}
		return out
	}
	redacted := "a " + redact.GitHub.Marker() + " b"
	for name, c := range map[string]struct {
		policy redact.Policy
		text   string
		want   string
	}{
		"none":                           {redact.Policy{}, text, redacted},
		"canary":                         {redact.Policy{}, "the canary of org_c", "denied"},
		"another's canary":               {redact.Policy{}, "the canary of org_b", "the canary of org_b"},
		"refuse":                         {redact.Policy{Default: redact.Refuse}, text, "denied"},
		"allow":                          {redact.Policy{Default: redact.Allow}, text, text},
		"allow, but a kind":              {redact.Policy{Default: redact.Allow, Kinds: map[redact.Kind]redact.Action{redact.GitHub: redact.Redact}}, text, redacted},
		"a kind":                         {redact.Policy{Kinds: map[redact.Kind]redact.Action{redact.GitHub: redact.Allow}}, text, text},
		"the default isn't for canaries": {redact.Policy{Default: redact.Allow}, "the canary of org_c", "denied"},
		"a canary within another":        {redact.Policy{}, "password='1canary of org_c'", "denied"},
		"an allowed one around another":  {redact.Policy{Kinds: map[redact.Kind]redact.Action{redact.Assignment: redact.Allow}}, "password=" + token, "password=" + redact.GitHub.Marker()},
		"nothing":                        {redact.Policy{Default: redact.Refuse}, "hello", "hello"},
	} {
		_, version, err := r.Policy(t.Context(), "org_c")
		ok(t, err)
		ok(t, r.SetPolicy(t.Context(), "org_c", version, c.policy))
		if got := say("org_c", r.planted.Replace(c.text)); got != r.planted.Replace(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		got, _, err := r.Policy(t.Context(), "org_c")
		ok(t, err)
		if diff := cmp.Diff(c.policy, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	wantCode(t, "an old version", r.SetPolicy(t.Context(), "org_c", 1, redact.Policy{}), core.Conflict)
	for _, bad := range []redact.Policy{{Default: "drop"}, {Kinds: map[redact.Kind]redact.Action{"x": redact.Allow}}, {Kinds: map[redact.Kind]redact.Action{redact.JWT: "x"}}} {
		wantCode(t, fmt.Sprint(bad), r.SetPolicy(t.Context(), "org_c", 0, bad), core.Invalid)
	}
}

// TestAPolicyIsHeeded at once here, and by other processes soon.
func TestAPolicyIsHeeded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := redact.NewService(r.cfg)
	ask := func(s *redact.Service) core.Code {
		_, err := s.Text(t.Context(), scopeOf("org_a"), "model", token)
		return core.CodeOf(err)
	}
	if ask(r.Service) != "" || ask(other) != "" {
		t.Fatal("refused without a policy")
	}
	ok(t, r.SetPolicy(t.Context(), "org_a", 0, redact.Policy{Default: redact.Refuse}))
	if ask(r.Service) != core.Denied {
		t.Error("it isn't heeded where it was set")
	}
	r.mu.Lock()
	r.clock = r.clock.Add(5 * time.Second)
	r.mu.Unlock()
	if ask(other) != core.Denied {
		t.Error("it isn't heeded elsewhere")
	}
}

// TestWhatAnOrgKeepsIsHeeded soon after it changed.
func TestWhatAnOrgKeepsIsHeeded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kept := "kept at first"
	r.cfg.Secrets = func(context.Context, core.OrgID) ([]redact.Value, error) {
		return []redact.Value{{Name: "deploy", Text: kept}}, nil
	}
	s := redact.NewService(r.cfg)
	say := func(text string) string {
		out, err := s.Text(t.Context(), scopeOf("org_a"), "model", text)
		ok(t, err)
		return out
	}
	if got := say("kept at first"); got != redact.Known.Marker() {
		t.Errorf("at first %q", got)
	}
	kept = "kept later on"
	r.mu.Lock()
	r.clock = r.clock.Add(5 * time.Second)
	r.mu.Unlock()
	if got := say("kept at first, kept later on"); got != "kept at first, "+redact.Known.Marker() {
		t.Errorf("later %q", got)
	}
}

// TestAClockThatIsSetBack doesn't make what was read of an org older hold for longer.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := redact.NewService(r.cfg)
	_, err := other.Text(t.Context(), scopeOf("org_a"), "model", token)
	ok(t, err)
	ok(t, r.SetPolicy(t.Context(), "org_a", 0, redact.Policy{Default: redact.Refuse}))
	r.mu.Lock()
	r.clock = r.clock.Add(-time.Hour)
	r.mu.Unlock()
	_, err = other.Text(t.Context(), scopeOf("org_a"), "model", token)
	wantCode(t, "after the clock was set back", err, core.Denied)
}

// TestAPolicyThatChangesInTheMidst of reading what an org has set: what was read isn't kept.
func TestAPolicyThatChangesInTheMidst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var s *redact.Service
	var once sync.Once
	r.cfg.Secrets = func(context.Context, core.OrgID) ([]redact.Value, error) { // is asked after the policy was read
		once.Do(func() { ok(t, s.SetPolicy(t.Context(), "org_a", 0, redact.Policy{Default: redact.Refuse})) })
		return nil, nil
	}
	s = redact.NewService(r.cfg)
	_, err := s.Text(t.Context(), scopeOf("org_a"), "model", token)
	ok(t, err)
	_, err = s.Text(t.Context(), scopeOf("org_a"), "model", token)
	wantCode(t, "after the policy was set", err, core.Denied)
}

// TestWhatCantBeCheckedGoesNowhere has the policy be out of reach.
func TestWhatCantBeCheckedGoesNowhere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := r.Text(ctx, scopeOf("org_a"), "model", token); err == nil || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	_, err := r.Text(t.Context(), core.Scope{}, "model", token)
	wantCode(t, "no tenant", err, core.Internal)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	quoted, err := json.Marshal(strings.Replace(pem("PRIVATE KEY"), "-----END PRIVATE KEY-----", "", 1))
	ok(t, err)
	m := func(k redact.Kind) string { return k.Marker() }
	for raw, want := range map[string]string{
		`{"a": [1, 2.50, 12345678901234567890, null, true, "x"]}`: `{"a": [1, 2.50, 12345678901234567890, null, true, "x"]}`,
		`{"a":"` + token + `","b":[{"c":"` + token + `"}]}`:       `{"a":"` + m(redact.GitHub) + `","b":[{"c":"` + m(redact.GitHub) + `"}]}`,
		`{"` + token + `":1}`:                                 `{"` + m(redact.GitHub) + `":1}`,
		`{"password":"Tr0ub4dor&3","n":1.0}`:                  `{"n":1.0,"password":"` + m(redact.Assignment) + `"}`,
		`{"a":"\u0067hp_` + token[4:] + `"}`:                  `{"a":"` + m(redact.GitHub) + `"}`,
		`{"content":` + string(quoted) + `,"path":"key.pem"}`: `{"content":"` + m(redact.PrivateKey) + `","path":"key.pem"}`,
		``:                ``,
		`"` + token + `"`: `"` + m(redact.GitHub) + `"`,
	} {
		got, err := r.JSON(t.Context(), scopeOf("org_a"), "tool x", json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s becomes %s (%v), want %s", raw, got, err, want)
		}
	}
	_, err = r.JSON(t.Context(), scopeOf("org_a"), "tool x", json.RawMessage(`{"a":`))
	wantCode(t, "no JSON", err, core.Invalid)
}

// echo is a model and a tool that keep what they get.
type echo struct {
	request model.Request
	call    tool.Call
	called  bool
}

func (e *echo) Stream(_ context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	e.request, e.called = r, true
	return func(yield func(model.Chunk, error) bool) { yield(model.Chunk{Text: "fine", Done: true}, nil) }
}

func (e *echo) Spec() tool.Spec { return tool.Spec{Name: "echo"} }

func (e *echo) Call(_ context.Context, c tool.Call) (tool.Result, error) {
	e.call, e.called = c, true
	return tool.Result{Output: "got " + token}, nil
}

func TestAModelGetsNoSecret(t *testing.T) {
	t.Parallel()
	r, e := newRig(t), &echo{}
	request := model.Request{
		System: "s " + token, Tools: []model.ToolSpec{{Name: "x", Description: token, Schema: json.RawMessage(`{"title":"` + token + `"}`)}, {Name: "y", Schema: json.RawMessage(`{ "type": "object" }`)}},
		Messages: []model.Message{
			{Role: model.User, Text: "u " + token},
			{Role: model.Assistant, Calls: []core.Call{{Tool: "x", Arguments: json.RawMessage(`{"a":"` + token + `"}`)}}},
			{Role: model.Tool, Text: token},
		},
	}
	before := fmt.Sprintf("%+v", request)
	answer, err := model.Collect(t.Context(), r.Model(scopeOf("org_a"), "tsk_1", e), request, nil)
	ok(t, err)
	if got := fmt.Sprintf("%+v", e.request); strings.Contains(got, token) || strings.Count(got, redact.GitHub.Marker()) != 4 || string(e.request.Tools[1].Schema) != `{ "type": "object" }` || answer.Text != "fine" {
		t.Errorf("the model gets %s", got)
	}
	if fmt.Sprintf("%+v", request) != before {
		t.Error("the caller's request was changed")
	}
	if r.last() != "org_a tsk_1 model redact [github_token][]" || len(r.found) != 1 {
		t.Errorf("of one request is told %q", r.found)
	}
	*e = echo{}
	request.Messages[0].Text = r.planted.Replace("a canary of org_a")
	_, err = model.Collect(t.Context(), r.Model(scopeOf("org_a"), "tsk_1", e), request, nil)
	wantCode(t, "a canary", err, core.Denied)
	if !errors.Is(err, model.ErrRefused) || e.called {
		t.Errorf("%v, called: %t", err, e.called)
	}
	if diff := cmp.Diff("org_a tsk_1 model refuse [canary github_token][trap]", r.last()); diff != "" {
		t.Error(diff)
	}
}
