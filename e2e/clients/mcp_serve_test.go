package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// inspect runs the inspector's command line against a server, and returns the JSON that it prints.
func (r *rig) inspect(t *testing.T, server []string, args ...string) map[string]any {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	script := filepath.Join(clients(t), "node_modules", "@modelcontextprotocol", "inspector", "cli", "build", "cli.js")
	c := exec.CommandContext(ctx, node22(t), append(append([]string{script, "--cli"}, server...), args...)...)
	var out, errs bytes.Buffer
	c.Env, c.Stdout, c.Stderr = append(quiet(), "PATH="+filepath.Dir(node22(t))), &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("the inspector with %q: %v\n%s%s", args, err, out.String(), errs.String())
	}
	var v map[string]any
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	return v
}

// signed is the server for clients that have no credentials: a proxy adds them.
func (r *rig) signed(t *testing.T, key string) string {
	t.Helper()
	to, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: tracing(t, bearing{key, http.DefaultTransport}), FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// asks has the inspector call a tool, and returns what that answers, as JSON, and whether it failed.
func (r *rig) asks(t *testing.T, server []string, tool string, args ...string) (string, bool) {
	t.Helper()
	argv := []string{"--method", "tools/call", "--tool-name", tool}
	for _, a := range args {
		argv = append(argv, "--tool-arg", a)
	}
	got := r.inspect(t, server, argv...)
	said, err := json.Marshal(got)
	if content, ok := got["structuredContent"]; ok && err == nil {
		said, err = json.Marshal(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(said), got["isError"] == true
}

// has checks what a tool answers.
func (r *rig) has(t *testing.T, server []string, wanted, tool string, args ...string) string {
	t.Helper()
	said, failed := r.asks(t, server, tool, args...)
	if failed || !strings.Contains(said, wanted) {
		t.Errorf("%s %q has no %q: %s", tool, args, wanted, said)
	}
	return said
}

// The inspector has the tools, over both transports.
func TestMCPInspector(t *testing.T) {
	t.Parallel()
	r := newMCPRig(t)
	key := r.newKey("agent", "tasks:read", "tasks:write", "memory:read", "memory:write", "skills:read")
	if _, err := r.owner.SetMemorySettings(t.Context(), client.MemorySettings{Remember: true}, ""); err != nil {
		t.Fatal(err)
	}
	r.isekai("memory", "settings", "--remember", "on")
	for name, server := range map[string][]string{
		"http":  {r.signed(t, key) + "/mcp", "--transport", "http"},
		"stdio": {bin, "--data-dir", r.dir, "mcp", "serve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listed, err := json.Marshal(r.inspect(t, server, "--method", "tools/list"))
			if err != nil {
				t.Fatal(err)
			}
			for _, tool := range []string{`"create_task"`, `"task_events"`, `"list_apps"`, `"recall"`, `"remember"`, `"forget"`, `"list_skills"`, `"run_skill"`} {
				if !strings.Contains(string(listed), tool) {
					t.Errorf("there is no %s in %s", tool, listed)
				}
			}
			var made struct{ ID string }
			if err := json.Unmarshal([]byte(r.has(t, server, "a list of "+name, "create_task", "prompt=a list of "+name, "credits=1000000")), &made); err != nil {
				t.Fatal(err)
			}
			r.has(t, server, "a list of "+name, "show_task", "task="+made.ID)
			if err := json.Unmarshal([]byte(r.has(t, server, "otters swim by "+name, "remember", "text=otters swim by "+name)), &made); err != nil {
				t.Fatal(err)
			}
			r.has(t, server, "otters swim by "+name, "recall", "question=otters", "kind=fact")
			r.has(t, server, made.ID, "list_facts")
			r.has(t, server, made.ID, "forget", "fact="+made.ID)
			if said := r.has(t, server, `"items":[]`, "list_facts"); strings.Contains(said, "otters") {
				t.Errorf("it is still remembered: %s", said)
			}
			r.has(t, server, `"code-review"`, "list_skills")
			r.has(t, server, `"instructions":`, "show_skill", "skill=code-review")
			if said, failed := r.asks(t, server, "run_skill", "skill=none", "prompt=x"); !failed || !strings.Contains(said, "not_found: ") {
				t.Errorf("a skill that isn't there: %s", said)
			}
			if name == "http" { // whose key may not
				if said, failed := r.asks(t, server, "list_apps"); !failed || !strings.Contains(said, "apps:read") {
					t.Errorf("%s", said)
				}
			}
		})
	}
}

// Another org's key sees nothing of what an org knows, and one without the scope is refused.
func TestMCPInspectorOfOthers(t *testing.T) {
	t.Parallel()
	r := newMCPRig(t)
	ctx := t.Context()
	if _, err := r.owner.SetMemorySettings(ctx, client.MemorySettings{Remember: true}, ""); err != nil {
		t.Fatal(err)
	}
	fact, err := r.owner.Remember(ctx, client.NewFact{Text: "otters swim"}, "")
	if err != nil {
		t.Fatal(err)
	}
	limited := []string{r.signed(t, r.newKey("limited", "tasks:read")) + "/mcp", "--transport", "http"}
	for tool, args := range map[string][]string{"recall": {"question=otters"}, "remember": {"text=x"}, "forget": {"fact=" + fact.ID}, "list_facts": nil, "list_documents": nil, "list_skills": nil, "show_skill": {"skill=code-review"}} {
		if said, failed := r.asks(t, limited, tool, args...); !failed || !strings.Contains(said, "denied: ") || strings.Contains(said, "otters") {
			t.Errorf("%s without its scope: %s", tool, said)
		}
	}
	me, err := r.owner.Me(ctx)
	if err != nil {
		t.Fatal(err)
	}
	org, err := r.signIn(core.Installation).CreateOrg(ctx, client.NewOrg{Name: "Other", Owner: me.User}, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.signIn(org.ID).CreateKey(ctx, client.NewKey{Name: "other", Scopes: []string{"memory:read", "memory:write"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	other := []string{r.signed(t, key.Text) + "/mcp", "--transport", "http"}
	r.has(t, other, `"hits":[]`, "recall", "question=otters")
	r.has(t, other, `"items":[]`, "list_facts")
	if said, failed := r.asks(t, other, "forget", "fact="+fact.ID); !failed || !strings.Contains(said, "not_found: ") {
		t.Errorf("another org's fact: %s", said)
	}
}

// conform runs scenarios of the conformance suite against a server and returns the checks that
// succeeded and failed, by name.
func conform(t *testing.T, args ...string) (passed, failed []string, said string) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	script := filepath.Join(clients(t), "node_modules", "@modelcontextprotocol", "conformance", "dist", "index.js")
	c := exec.CommandContext(ctx, node22(t), append([]string{script}, append(args, "--verbose")...)...)
	c.Dir = t.TempDir()
	c.Env = append(quiet(), "PATH="+filepath.Dir(node22(t))+":/usr/bin:/bin")
	out, err := c.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	for _, check := range checksIn(string(out)) {
		switch check.Status {
		case "SUCCESS":
			passed = append(passed, check.ID)
		case "FAILURE":
			failed = append(failed, check.ID+": "+check.ErrorMessage)
		}
	}
	return passed, failed, string(out)
}

type check struct{ ID, Status, ErrorMessage string }

// checksIn finds the lists of checks in what the suite prints.
func checksIn(out string) (all []check) {
	for i := strings.Index(out, "[\n  {"); i >= 0; {
		var some []check
		if err := json.NewDecoder(strings.NewReader(out[i:])).Decode(&some); err == nil {
			all = append(all, some...)
		}
		next := strings.Index(out[i+1:], "[\n  {")
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return all
}

// The scenarios of the suite that are of what this server has. They pass by something: each
// names checks that succeeded.
func TestMCPConformanceOfTheServer(t *testing.T) {
	t.Parallel()
	r := newMCPRig(t)
	address := r.signed(t, r.newKey("agent", "tasks:read"))
	for _, scenario := range []string{"server-initialize", "ping", "tools-list"} {
		t.Run(scenario, func(t *testing.T) {
			passed, failed, said := conform(t, "server", "--url", address+"/mcp", "--scenario", scenario)
			if len(passed) == 0 || len(failed) > 0 {
				t.Errorf("passed %q, failed %q\n%s", passed, failed, said)
			}
		})
	}
}
