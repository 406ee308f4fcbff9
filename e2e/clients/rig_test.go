package clients

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
)

// The names of models. The first three are of a provider each, which speaks one dialect.
const (
	byChat      = "gpt-5-of-chat"
	byMessages  = "claude-opus-of-messages"
	byResponses = "gpt-5-of-responses"

	dear    = "dear"    // more than anybody has credits for
	limited = "limited" // has its provider say that it is too much
	broken  = "broken"  // has its provider fail
)

// rig is a server before scripted models, in an org that pays.
type rig struct {
	t     *testing.T
	dir   string
	env   []string // of the server, besides environment
	port  string   // that it listens at; "": any
	url   string
	up    *upstream
	owner *client.Client // of the org, who is the installation's operator, too
	key   string         // that may call models
	sight string         // that may do all but that
}

const password = "correct horse battery staple"

// newRig starts a server of a new installation, and ends it with the test.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), up: newUpstream(t)}
	r.serve()
	r.settle()
	for _, p := range [][]string{
		{"chat", "--kind", "openai-compatible", "--address", r.up.url + "/chat/v1", "--model", byChat, "--model", dear, "--model", "embed", "--speaks", "chat,embeddings"},
		{"messages", "--kind", "anthropic", "--address", r.up.url + "/messages/v1", "--model", byMessages},
		{"responses", "--kind", "openai", "--address", r.up.url + "/responses/v1", "--model", byResponses, "--speaks", "responses,compact"},
		{"limited", "--kind", "openai-compatible", "--address", r.up.url + "/limited/v1", "--model", limited},
		{"broken", "--kind", "openai-compatible", "--address", r.up.url + "/broken/v1", "--model", broken, "--failures", "1000", "--failures-of", "1000"},
	} {
		r.isekai(append([]string{"model", "add", "--installation"}, p...)...)
	}
	r.isekai("credit", "price", "set", "model/*", "--input", "1", "--cached", "0.5", "--output", "2")
	r.isekai("credit", "price", "set", "model/"+dear, "--output", "1000000")
	return r
}

// serve starts the server and returns when it is ready.
func (r *rig) serve() {
	r.t.Helper()
	c := exec.Command(bin, "serve", "--listen", "127.0.0.1:"+cmp.Or(r.port, "0"), "--data-dir", r.dir)
	var said coretest.Output
	c.Env, c.Stdout, c.Stderr = append(environment(), r.env...), &said, &said
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	r.t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended by itself
		select {
		case err := <-ended:
			if err != nil {
				r.t.Errorf("the server ended badly: %v\n%s", err, said.String())
			}
		case <-time.After(patience):
			_ = c.Process.Kill()
			r.t.Errorf("the server didn't stop\n%s", said.String())
		}
		if r.t.Failed() {
			r.t.Logf("the server said\n%s", said.String())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(r.dir, "server.json"))
		var at struct{ URL string }
		if err == nil && json.Unmarshal(b, &at) == nil && at.URL != "" {
			r.url = at.URL
			return
		}
		if len(ended) > 0 || time.Now().After(deadline) {
			r.t.Fatalf("the server isn't ready\n%s", said.String())
		}
	}
}

// settle makes the first user, an org of hers with credits, and keys in it.
func (r *rig) settle() {
	r.t.Helper()
	token, err := os.ReadFile(filepath.Join(r.dir, "setup-token"))
	if err != nil {
		r.t.Fatal(err)
	}
	ann := client.NewUser{Email: "ann@example.org", Name: "Ann", Password: password}
	made, err := client.New(r.url, "", nil).FinishSetup(r.t.Context(), strings.TrimSpace(string(token)), ann)
	if err != nil {
		r.t.Fatal(err)
	}
	operator := r.signIn(core.Installation)
	org, err := operator.CreateOrg(r.t.Context(), client.NewOrg{Name: "Org", Owner: made.User}, "")
	if err != nil {
		r.t.Fatal(err)
	}
	r.isekai("credit", "grant", "1000", "--org", string(org.ID), "--id", "first")
	r.owner = r.signIn(org.ID)
	r.key = r.newKey("models", "models:use")
	r.sight = r.newKey("sight", "tasks:read", "models:read")
}

func (r *rig) signIn(org core.OrgID) *client.Client {
	r.t.Helper()
	in, err := client.New(r.url, "", nil).SignIn(r.t.Context(), client.Login{Email: "ann@example.org", Password: password, Org: org})
	if err != nil {
		r.t.Fatal(err)
	}
	return client.New(r.url, in.Access, nil)
}

// newKey makes a key of the owner's and returns its text.
func (r *rig) newKey(name string, scopes ...string) string {
	r.t.Helper()
	k, err := r.owner.CreateKey(r.t.Context(), client.NewKey{Name: name, Scopes: scopes}, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return k.Text
}

// environment is that of the program under test: nothing of the developer's own.
func environment() []string {
	return []string{
		"HOME=/nonexistent", "PATH=" + os.Getenv("PATH"), "ISEKAI_MODEL_OLLAMA=", "ISEKAI_CREDITS_CHARGE=true",
		"ISEKAI_RATES_KEY=100000", "ISEKAI_RATES_USER=100000", "ISEKAI_RATES_ADMIN=100000", "ISEKAI_RATES_SIGN_IN=100000", "ISEKAI_RATES_PROJECT=1000000", "ISEKAI_RATES_ORG=1000000",
	}
}

// isekai runs a command as who owns the data directory, and returns what it says.
func (r *rig) isekai(args ...string) string {
	r.t.Helper()
	ctx, done := context.WithTimeout(r.t.Context(), patience)
	defer done()
	c := exec.CommandContext(ctx, bin, append(args, "--data-dir", r.dir)...)
	c.Env = environment()
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("isekai %q: %v\n%s", args, err, out)
	}
	return string(out)
}
