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
	proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: bearing{key, http.DefaultTransport}, FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// The inspector has the tools, over both transports.
func TestMCPInspector(t *testing.T) {
	t.Parallel()
	r := newMCPRig(t)
	key := r.newKey("agent", "tasks:read", "tasks:write")
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
			for _, tool := range []string{`"create_task"`, `"task_events"`, `"list_apps"`} {
				if !strings.Contains(string(listed), tool) {
					t.Errorf("there is no %s in %s", tool, listed)
				}
			}
			made := r.inspect(t, server, "--method", "tools/call", "--tool-name", "create_task", "--tool-arg", "prompt=a list of "+name, "--tool-arg", "credits=1000000")
			content, ok := made["structuredContent"].(map[string]any)
			if !ok || made["isError"] == true {
				t.Fatalf("%v", made)
			}
			id, _ := content["id"].(string)
			seen, err := json.Marshal(r.inspect(t, server, "--method", "tools/call", "--tool-name", "show_task", "--tool-arg", "task="+id))
			if err != nil || !strings.Contains(string(seen), "a list of "+name) {
				t.Errorf("%s %v", seen, err)
			}
			if name == "http" { // whose key may not
				apps := r.inspect(t, server, "--method", "tools/call", "--tool-name", "list_apps")
				if said, _ := json.Marshal(apps); apps["isError"] != true || !strings.Contains(string(said), "apps:read") {
					t.Errorf("%s", said)
				}
			}
		})
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
