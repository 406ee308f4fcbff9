package permission_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

var scope = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorWorker, ID: "w"}}

type rules = []permission.Rule

func put(t *testing.T, s *permission.Service, project core.ProjectID, p permission.Policy) {
	t.Helper()
	_, version, err := s.Get(t.Context(), scope.Org, project)
	if err == nil {
		err = s.Put(t.Context(), scope.Org, project, version, p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRule(t *testing.T) {
	t.Parallel()
	st := sqlitetest.Open(t, sqlite.Config{})
	push := func(args string) permission.Wanted {
		return permission.Wanted{Tool: "git_push", Effect: core.Once, Arguments: json.RawMessage(args), Skill: "fix"}
	}
	read := permission.Wanted{Tool: "read_file", Effect: core.Pure, Contained: true, Arguments: json.RawMessage(`{"path":"./secret/../secret/key"}`)}
	run := permission.Wanted{Tool: "run_command", Effect: core.Once, Contained: true, Arguments: json.RawMessage(`{"argv":["rm","-rf","x"],"n":3,"o":{"a": 1}}`)}
	at := func(tool string, e core.Effect) func(string) permission.Wanted {
		return func(url string) permission.Wanted {
			return permission.Wanted{Tool: tool, Effect: e, Arguments: json.RawMessage(`{"url":"` + url + `"}`)}
		}
	}
	get, post := at("http_get", core.Pure), at("http_request", core.Once)
	for _, c := range []struct {
		name         string
		org, project rules
		wanted       permission.Wanted
		want         core.Permission
		rule         string
	}{
		{"a look", nil, nil, read, core.Allow, ""},
		{"what stays inside", nil, nil, run, core.Allow, ""},
		{"what changes something elsewhere", nil, nil, push(`{}`), core.Ask, ""},
		{"allowed by the project", nil, rules{{Do: core.Allow, Tool: "git_*"}}, push(`{}`), core.Allow, "allow git_*"},
		{"the org is stricter", rules{{Do: core.Ask, Tool: "*"}}, rules{{Do: core.Allow, Tool: "git_push"}}, push(`{}`), core.Ask, "ask *"},
		{"the project is stricter", rules{{Do: core.Allow, Tool: "*"}}, rules{{Do: core.Deny, Tool: "git_push"}}, push(`{}`), core.Deny, "deny git_push"},
		{"whatever the order", nil, rules{{Do: core.Deny, Tool: "git_push"}, {Do: core.Allow, Tool: "git_push"}}, push(`{}`), core.Deny, "deny git_push"},
		{"an argument", nil, rules{{Do: core.Allow, Tool: "git_push", With: map[string]string{"branch": "isekai/*"}}}, push(`{"branch":"isekai/x"}`), core.Allow, "allow git_push with branch=isekai/*"},
		{"another argument", nil, rules{{Do: core.Allow, Tool: "git_push", With: map[string]string{"branch": "isekai/*"}}}, push(`{"branch":"main"}`), core.Ask, ""},
		{"no argument", nil, rules{{Do: core.Allow, Tool: "git_push", With: map[string]string{"branch": "*"}}}, push(`{}`), core.Ask, ""},
		{"all of several", nil, rules{{Do: core.Deny, Tool: "git_push", With: map[string]string{"branch": "main", "force": "true"}}}, push(`{"branch":"main","force":true}`), core.Deny, "deny git_push with branch=main, force=true"},
		{"one of several", nil, rules{{Do: core.Deny, Tool: "git_push", With: map[string]string{"branch": "main", "force": "true"}}}, push(`{"branch":"main"}`), core.Ask, ""},
		{"a path that is written oddly", nil, rules{{Do: core.Deny, Tool: "read_file", With: map[string]string{"path": "secret/*"}}}, read, core.Deny, "deny read_file with path=secret/*"},
		{"an address that is written oddly", nil, rules{{Do: core.Deny, Tool: "http_get", With: map[string]string{"url": "https://evil.example/*"}}}, get("https://x:y@EVIL.example.:443/a"), core.Deny, "deny http_get with url=https://evil.example/*"},
		{"an address without a path", nil, rules{{Do: core.Deny, Tool: "http_get", With: map[string]string{"url": "https://evil.example/*"}}}, get("https://evil.example?a"), core.Deny, "deny http_get with url=https://evil.example/*"},
		{"an address that looks like another", nil, rules{{Do: core.Allow, Tool: "http_request", With: map[string]string{"url": "https://good.example*"}}}, post("https://good.example@evil.example/"), core.Ask, ""},
		{"an address that is allowed", nil, rules{{Do: core.Allow, Tool: "http_request", With: map[string]string{"url": "https://good.example/*"}}}, post("https://good.example/a"), core.Allow, "allow http_request with url=https://good.example/*"},
		{"a list", nil, rules{{Do: core.Ask, Tool: "run_command", With: map[string]string{"argv": "rm *"}}}, run, core.Ask, "ask run_command with argv=rm *"},
		{"a number", nil, rules{{Do: core.Ask, Tool: "run_command", With: map[string]string{"n": "3"}}}, run, core.Ask, "ask run_command with n=3"},
		{"an object", nil, rules{{Do: core.Ask, Tool: "run_command", With: map[string]string{"o": `{"a":1}`}}}, run, core.Ask, `ask run_command with o={"a":1}`},
		{"of the skill", nil, rules{{Do: core.Allow, Tool: "git_push", Skill: "fix"}}, push(`{}`), core.Allow, "allow git_push in fix"},
		{"of another skill", nil, rules{{Do: core.Allow, Tool: "git_push", Skill: "review"}}, push(`{}`), core.Ask, ""},
		{"arguments that are none", nil, rules{{Do: core.Allow, Tool: "git_push", With: map[string]string{"branch": "*"}}}, push(`["branch"]`), core.Ask, ""},
	} {
		s := permission.New(st, nil)
		put(t, s, "", permission.Policy{Rules: c.org})
		put(t, s, scope.Project, permission.Policy{Rules: c.project})
		got, err := s.Rule(t.Context(), scope, c.wanted)
		if err != nil || got.Do != c.want || got.Rule != c.rule || got.Wait != permission.DefaultWait {
			t.Errorf("%s: %+v, %v; want %s by %q", c.name, got, err, c.want, c.rule)
		}
	}
}

// A policy is its org's and its project's alone, a change is heeded within a moment elsewhere, and
// nobody overwrites what they haven't seen.
func TestPolicies(t *testing.T) {
	t.Parallel()
	clock := coretest.Noon()
	st := sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	here, there := permission.New(st, clock.Now), permission.New(st, clock.Now)
	wanted := permission.Wanted{Tool: "act"}
	rule := func(s *permission.Service, sc core.Scope) core.Permission {
		t.Helper()
		r, err := s.Rule(t.Context(), sc, wanted)
		if err != nil {
			t.Fatal(err)
		}
		return r.Do
	}
	other, beside := scope, scope
	other.Org, beside.Project = "org_b", "prj_b"
	if rule(here, scope) != core.Allow || rule(there, scope) != core.Allow {
		t.Fatal("not allowed at first")
	}
	put(t, here, scope.Project, permission.Policy{Rules: rules{{Do: core.Deny, Tool: "act"}}, Wait: 90})
	if rule(here, scope) != core.Deny {
		t.Error("a change isn't heeded where it is made")
	}
	clock.Advance(permission.Fresh)
	if rule(there, scope) != core.Deny || rule(there, other) != core.Allow || rule(there, beside) != core.Allow {
		t.Error("a change isn't heeded elsewhere, or is by others")
	}
	if r, err := there.Rule(t.Context(), scope, wanted); err != nil || r.Wait != 90*time.Second {
		t.Errorf("it waits %s, %v", r.Wait, err)
	}
	if err := there.Put(t.Context(), scope.Org, scope.Project, 0, permission.Policy{}); core.CodeOf(err) != core.Conflict {
		t.Errorf("what wasn't seen is overwritten: %v", err)
	}
}

func TestPoliciesThatCantBe(t *testing.T) {
	t.Parallel()
	s := permission.New(sqlitetest.Open(t, sqlite.Config{}), nil)
	many := make(rules, permission.MaxRules+1)
	for i := range many {
		many[i] = permission.Rule{Do: core.Ask, Tool: "x"}
	}
	with := map[string]string{}
	for i := range 11 {
		with[fmt.Sprint(i)] = "x"
	}
	for name, p := range map[string]permission.Policy{
		"no tool": {Rules: rules{{Do: core.Ask}}}, "no permission": {Rules: rules{{Tool: "x"}}}, "an argument without a name": {Rules: rules{{Do: core.Deny, Tool: "x", With: map[string]string{"": "y"}}}}, "another": {Rules: rules{{Do: "maybe", Tool: "x"}}},
		"too many": {Rules: many}, "long": {Rules: rules{{Do: core.Ask, Tool: strings.Repeat("x", 301)}}},
		"no text": {Rules: rules{{Do: core.Ask, Tool: "x", With: map[string]string{"a": "\xff"}}}}, "a line": {Rules: rules{{Do: core.Ask, Tool: "x", Skill: "a\nb"}}},
		"too much of arguments": {Rules: rules{{Do: core.Ask, Tool: "x", With: with}}}, "no patience": {Wait: 1}, "too much patience": {Wait: 1 << 40}, "negative": {Wait: -60},
	} {
		if err := s.Put(t.Context(), scope.Org, scope.Project, 0, p); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A pattern is anchored, and its letters are what they are.
func FuzzPattern(f *testing.F) {
	f.Add("git_*", "git_push")
	f.Add("*a*b?c*", "xxaxxbbcx")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 200 || !utf8.ValidString(a+"|"+b) { // a policy's patterns and JSON's texts are valid
			return
		}
		literal := func(s string) bool { return !strings.ContainsAny(s, "*?") }
		if got := permission.Match(a, b); literal(a) && got != ([]rune(a) != nil && string([]rune(a)) == string([]rune(b))) && a != "" {
			t.Fatalf("%q and %q: %v", a, b, got)
		}
		if !permission.Match("*", b) || !permission.Match(b, b) || !permission.Match(a+"*", a+b) && literal(a) || !permission.Match("*"+a, b+a) && literal(a) {
			t.Fatalf("%q, %q", a, b)
		}
	})
}
