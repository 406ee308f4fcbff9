package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/identity"
)

// untried are operations that schemathesis leaves out, and why.
var untried = map[string]string{
	"list-events":         "it has no end: a test of httpapi's reads it",
	"follow-live":         "it has no end, if there is what is followed: tests of httpapi's read it",
	"conversation-events": "it ends when its conversation does: a test of e2e reads it",
	"shred-keys":          "it makes the data of the org that is tried unreadable for good, as it should",
}

// settings are schemathesis's. The status 501 is no failure: it says in words, with the code
// unsupported, what this installation can't do, as a task without a model.
const settings = `
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]
`

// TestSchema has schemathesis try every operation of the OpenAPI document, by whoever may do
// all, who may do all in an org, and who may do next to nothing: no answer is a failure of the
// server's, and each has a status, a type and a form that the document names. Then it tries them
// in turn, with what those before have made or removed: what was made is there, and what was
// removed isn't. When soaking, requests are made up at random, too.
func TestSchema(t *testing.T) {
	t.Parallel()
	folder := clients(t)
	for name, key := range map[string]func(*rig) string{
		"operator": func(r *rig) string { return r.token() },
		"owner":    func(r *rig) string { return r.newKey("all", identity.Scopes()...) },
		"sight":    func(r *rig) string { return r.sight },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			who := key(r)
			phases, turns, inTurns := "examples,coverage", "40", 30
			if coretest.Soaking {
				phases, turns, inTurns = "examples,coverage,fuzzing", "300", 100
			}
			r.schemathesis(t, folder, who, 1000, "--phases", phases, "--max-examples", "5")
			if name == "sight" { // who makes nothing, and so has nothing to go on from
				return
			}
			out := r.schemathesis(t, folder, who, inTurns, "--phases", "stateful", "--mode", "positive", "--max-examples", turns)
			if !inTurn.Match(out) {
				t.Errorf("nothing was tried with what was made before\n%s", out)
			}
		})
	}
}

// token is that of whoever owns the data directory.
func (r *rig) token() string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "server.json"))
	var at struct{ Token string }
	if err == nil {
		err = json.Unmarshal(b, &at)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return at.Token
}

var (
	generated = regexp.MustCompile(`(\d+) generated`)
	inTurn    = regexp.MustCompile(`API Links: +[1-9]\d* covered`)
)

// schemathesis tries every operation with a key, and returns what it says. What it generates is the
// same each time; it makes at least so many requests.
func (r *rig) schemathesis(t *testing.T, folder, key string, least int, phases ...string) []byte {
	t.Helper()
	within := 2 * patience
	if coretest.Soaking {
		within = 10 * patience
	}
	ctx, done := context.WithTimeout(t.Context(), within)
	defer done()
	args := []string{
		"run", r.url + "/openapi.json", "-H", "Authorization: Bearer " + key, "--seed", "1", "--no-color", "--generation-database", "none",
		"--continue-on-failure", "--no-shrink", "--request-timeout", "30", "--workers", "1", // more of them change CPython's recursion limit under each other: SystemError
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance,use_after_free,ensure_resource_availability",
	}
	args = append(args, phases...)
	for id := range untried {
		args = append(args, "--exclude-operation-id", id)
	}
	c := exec.CommandContext(ctx, filepath.Join(folder, "python", "bin", "schemathesis"), args...)
	c.Env, c.Dir = quiet(), t.TempDir()
	if slices.Contains(phases, "stateful") {
		hooks, err := filepath.Abs("programs/anew.py")
		if err != nil {
			t.Fatal(err)
		}
		c.Env = append(c.Env, "SCHEMATHESIS_HOOKS="+hooks)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "schemathesis.toml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	n := 0
	if m := generated.FindSubmatch(out.Bytes()); m != nil {
		n, _ = strconv.Atoi(string(m[1])) // they are digits
	}
	if err != nil || n < least {
		t.Errorf("%v after %d requests\n%s", err, n, out.Bytes())
	}
	t.Logf("%d requests", n)
	return out.Bytes()
}
