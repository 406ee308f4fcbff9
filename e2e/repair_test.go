package e2e

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

// mending is the script of a model that sees a test fail, mends what it tests, sees it pass,
// and gives the repository a commit.
func mending(t *testing.T) modeltest.Script {
	steps := []struct {
		says string // of the call before
		call modeltest.Call
	}{
		{"", call("a", "run_tests", map[string]any{})},
		{"FAIL adds (add.test.js:3)", call("b", "edit_file", map[string]any{"path": "add.js", "old": "a - b", "new": "a + b"})},
		{"", call("c", "run_tests", map[string]any{})},
		{"1 test passed", call("d", "git_diff", map[string]any{})},
		{"-exports.add = (a, b) => a - b;\n+exports.add = (a, b) => a + b;", call("e", "git_commit", map[string]any{"message": "Add, and don't subtract"})},
		{"committed 1 files to isekai/tsk_", call("f", "git_push", map[string]any{})},
	}
	return func(_ int, r modeltest.Request) modeltest.Answer {
		switch kind, turn := turnOf(r); {
		case kind == planning:
			return onePlan
		case kind == judging:
			return aSuccess
		case turn < len(steps):
			if last := r.Messages[len(r.Messages)-1]; !strings.Contains(last.Text, steps[turn].says) {
				t.Errorf("before call %d it is shown %q, not %q", turn, last.Text, steps[turn].says)
			}
			return modeltest.Answer{Calls: []modeltest.Call{steps[turn].call}}
		}
		return modeltest.Answer{Text: "It adds now."}
	}
}

// TestARepositoryIsMended: a task begins with a repository whose test fails, and ends with a
// branch of its own there, on which it passes. The host asks for the project's credential.
func TestARepositoryIsMended(t *testing.T) {
	t.Parallel()
	host := gitdirtest.Upstream(t, map[string]string{
		"package.json": `{"scripts":{"test":"node --test"}}`, "add.js": "exports.add = (a, b) => a - b;\n",
		"add.test.js": "const { test } = require('node:test'), assert = require('node:assert'), { add } = require('./add.js');\n\ntest('adds', () => assert.strictEqual(add(1, 2), 3));\n",
	})
	forge := gitdirtest.HTTP(t, host)
	at, err := url.Parse(forge.URL)
	if err != nil {
		t.Fatal(err)
	}
	up := upstream(t, mending(t))
	s := serve(t, t.TempDir(), cleanEnv(append(modelEnv(up), "ISEKAI_EGRESS_ALLOW="+at.Host)...))
	ctx := t.Context()
	if _, err := s.PutSecret(ctx, "forge", false, client.NewSecret{Kind: "token", Value: gitdirtest.Password, Hosts: []string{"http://" + at.Host}}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetPermissions(ctx, false, client.NewPermissions{Rules: []client.PermissionRule{{Do: core.Allow, Tool: "git_push", With: map[string]string{}}}}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddRepository(ctx, client.NewRepository{Name: "sums", URL: forge.URL + "/team/project.git", Credential: "forge"}); err != nil {
		t.Fatal(err)
	}
	d := task(t, s.Client, client.NewTask{Prompt: "mend the failing test", Repository: "sums"})
	if d.Status != core.StatusSucceeded {
		t.Fatalf("%s: %+v", d.Status, d.Error)
	}
	bare, branch := filepath.Join(host, "team/project.git"), "isekai/"+string(d.ID)
	if got := gitdirtest.Git(t, bare, "log", "--format=%s", "main.."+branch); got != "Add, and don't subtract" {
		t.Errorf("the branch has %q", got)
	}
	if got := gitdirtest.Git(t, bare, "show", branch+":add.js"); got != "exports.add = (a, b) => a + b;" {
		t.Errorf("add.js is %q", got)
	}
	if strings.Contains(captured(up, 0), gitdirtest.Password) {
		t.Error("the model saw the credential")
	}
}
