package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// jewels are secrets of each sort that nobody outside may see.
type jewels struct {
	aws, github, key, kept, canary string
	org                            core.OrgID // another one
	elsewhere                      *client.Client
}

// body is the part of a private key that says it.
func (j jewels) body() string { return strings.Split(j.key, "\n")[1] }

// all are their texts, as they stand in what was captured: within JSON.
func (j jewels) all() []string { return []string{j.aws, j.github, j.body(), j.kept, j.canary} }

// jewelsOf gives the first org a kept secret and a canary, and makes another org.
func jewelsOf(t *testing.T, s *server) jewels {
	t.Helper()
	j := jewels{
		aws: "AKIA" + rand.Text()[:16], github: "ghp_" + rand.Text() + rand.Text(), kept: "kept secret of " + strings.ToLower(rand.Text()),
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	j.key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if _, err := s.PutSecret(t.Context(), "deploy", true, client.NewSecret{Kind: "text", Value: j.kept + "\n"}, ""); err != nil {
		t.Fatal(err)
	}
	made, err := s.CreateCanary(t.Context(), client.NewCanary{Name: "wiki"}, "")
	if err != nil {
		t.Fatal(err)
	}
	j.canary = made.Text
	ann, operator := s.first(t)
	org, err := operator.CreateOrg(t.Context(), client.NewOrg{Name: "Elsewhere", Owner: ann}, "")
	if err != nil {
		t.Fatal(err)
	}
	j.org, j.elsewhere = org.ID, s.as(t, org.ID)
	return j
}

// looking is the script of a task that makes these calls, all in one answer.
func looking(calls ...modeltest.Call) modeltest.Script {
	return func(_ int, r modeltest.Request) modeltest.Answer {
		switch kind, turn := turnOf(r); {
		case kind == planning:
			return onePlan
		case kind == judging:
			return aSuccess
		case turn == 0 && len(calls) > 0:
			return modeltest.Answer{Calls: calls}
		}
		return modeltest.Answer{Text: "I have seen it."}
	}
}

// captured is all that came over the wire since a number of requests, headers included.
func captured(up *modeltest.Upstream, from int) string {
	var b strings.Builder
	for _, r := range up.Requests()[from:] {
		fmt.Fprintf(&b, "%v\n%s\n", r.Header, r.Body)
	}
	return b.String()
}

// task has a task done to its end.
func task(t *testing.T, c *client.Client, n client.NewTask) client.TaskDetail {
	t.Helper()
	n.Kind = core.KindTask
	made, err := c.CreateTask(t.Context(), n, "")
	if err != nil {
		t.Fatal(err)
	}
	return (&server{Client: c}).ended(t, made.ID)
}

func holdsNone(t *testing.T, what, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s: there is %s in\n%s", what, s, text)
		}
	}
}

// escaped writes each character of a text as JSON may: \u0041.
func escaped(text string) string {
	var b strings.Builder
	for _, c := range text {
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}

// TestSecretsDontLeave for a model: in a prompt, in escapes, in files that the agent reads,
// in what the model itself says. What is refused makes no request, and nothing tells.
func TestSecretsDontLeave(t *testing.T) {
	t.Parallel()
	workspace := t.TempDir()
	var calls []modeltest.Call
	up := upstream(t, func(n int, r modeltest.Request) modeltest.Answer { return looking(calls...)(n, r) })
	s := serve(t, t.TempDir(), cleanEnv(append(modelEnv(up), "ISEKAI_LOG_LEVEL=debug")...))
	j := jewelsOf(t, s)
	open := []string{j.aws, j.github, j.body(), j.kept}

	d := task(t, s.Client, client.NewTask{Prompt: "look at " + j.aws + " and " + j.github + ",\n" + j.key + "and " + j.kept + "."})
	sent := captured(up, 0)
	holdsNone(t, "a prompt", sent, open...)
	for _, kind := range []string{"aws_key", "github_token", "private_key", "known_secret"} {
		if !strings.Contains(sent, "[redacted:"+kind+"]") {
			t.Errorf("there is no mark of %s in %s", kind, sent)
		}
	}
	if d.Status != core.StatusSucceeded {
		t.Errorf("%s: %+v", d.Status, d.Error)
	}

	before := len(up.Requests())
	prompt := escaped("see "+j.aws+" "+j.github+" "+j.kept+" ") + escaped(j.key)
	r := s.ask(t, "POST", "/v1/tasks", json.RawMessage(`{"kind":"task","prompt":"`+prompt+`"}`), s.bearer()...)
	var made client.Task
	if err := json.Unmarshal([]byte(r.text), &made); err != nil {
		t.Fatal(err)
	}
	s.ended(t, made.ID)
	holdsNone(t, "an escaped prompt", captured(up, before), open...)

	quoted, err := json.Marshal(map[string]string{"id": j.aws, "token": j.github, "key": j.key, "kept": j.kept})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"config.env": "AWS_ACCESS_KEY_ID=" + j.aws + "\nGITHUB_TOKEN=" + j.github + "\nDEPLOY='" + j.kept + "'\n", "server.pem": j.key, "all.json": string(quoted),
	} {
		if err := os.WriteFile(filepath.Join(workspace, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before = len(up.Requests())
	calls = []modeltest.Call{
		call("a", "read_file", map[string]string{"path": "config.env"}), call("b", "read_file", map[string]string{"path": "server.pem"}),
		call("c", "read_file", map[string]string{"path": "all.json"}), call("d", "search_code", map[string]string{"pattern": "."}),
		{ID: "e", Name: "search_code", Arguments: `{"pattern":"` + escaped(j.github) + `"}`}, {ID: "f", Name: "write_file", Arguments: `{"path":"x","content":"` + escaped(j.kept) + `"}`},
	}
	d = task(t, s.Client, client.NewTask{Prompt: "read these files", Workspace: workspace})
	if d.Status != core.StatusSucceeded {
		t.Errorf("%s: %+v", d.Status, d.Error)
	}
	sent = captured(up, before)
	holdsNone(t, "files", sent, open...)
	if !strings.Contains(sent, "AWS_ACCESS_KEY_ID=[redacted:") || !strings.Contains(sent, "config.env:1:") {
		t.Errorf("the files aren't shown: %s", sent)
	}

	// What is refused makes no request at all.
	calls = nil
	before = len(up.Requests())
	for _, text := range []string{j.canary, "a" + j.canary + "b", `{"key":"` + j.canary + `"}`} {
		d = task(t, s.Client, client.NewTask{Prompt: "look at " + text})
		if d.Status != core.StatusFailed || d.Error == nil || d.Error.Code != core.Denied || !strings.Contains(d.Error.Msg, "canary") || !strings.Contains(d.Error.Hint, "policy") {
			t.Errorf("%s: %+v", d.Status, d.Error)
		}
	}
	app, err := s.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "an app with " + j.canary}, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := s.ended(t, app.ID); d.Status != core.StatusFailed || d.Error == nil || d.Error.Code != core.Denied { // and no other model is asked
		t.Errorf("an app: %s: %+v", d.Status, d.Error)
	}
	if n := len(up.Requests()); n != before {
		t.Errorf("%d requests were made: %s", n-before, captured(up, before))
	}
	// One that a file has isn't sent after the reading.
	if err := os.WriteFile(filepath.Join(workspace, "trap.txt"), []byte("token: "+j.canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	calls = []modeltest.Call{call("a", "read_file", map[string]string{"path": "trap.txt"})}
	if d = task(t, s.Client, client.NewTask{Prompt: "read the file", Workspace: workspace}); d.Status != core.StatusFailed || d.Error == nil || d.Error.Code != core.Denied {
		t.Errorf("a file with a canary: %s %+v", d.Status, d.Error)
	}
	// One that the model says isn't written, and isn't sent again.
	calls = []modeltest.Call{call("a", "write_file", map[string]string{"path": "new.txt", "content": j.canary})}
	if d = task(t, s.Client, client.NewTask{Prompt: "write a file", Workspace: workspace}); d.Status != core.StatusFailed || d.Error == nil || d.Error.Code != core.Denied {
		t.Errorf("a canary of the model's: %s %+v", d.Status, d.Error)
	}
	if _, err := os.Stat(filepath.Join(workspace, "new.txt")); !os.IsNotExist(err) {
		t.Errorf("it was written: %v", err)
	}
	holdsNone(t, "all", captured(up, 0), j.all()...)

	// Another org's canary, and what it keeps, are plain text.
	calls = nil
	before = len(up.Requests())
	if d = task(t, j.elsewhere, client.NewTask{Prompt: "look at " + j.canary + " and " + j.kept}); d.Status != core.StatusSucceeded {
		t.Errorf("elsewhere: %s %+v", d.Status, d.Error)
	}
	if sent := captured(up, before); !strings.Contains(sent, j.canary) || !strings.Contains(sent, j.kept) {
		t.Errorf("another org's secrets aren't let go: %s", sent)
	}

	wantTold(t, s, j)
	s.stop(t)
	holdsNone(t, "the server's log", s.outs.String()+s.errs.String(), j.all()...)
	if !strings.Contains(s.errs.String(), "a canary was found on its way out") {
		t.Errorf("the log says nothing of the canary: %s", s.errs)
	}
}

// wantTold sees that the audit log tells what was found, and no text.
func wantTold(t *testing.T, s *server, j jewels) {
	t.Helper()
	page, err := s.Audit(t.Context(), client.OrgLog, client.AuditOptions{PageOptions: client.PageOptions{Limit: 200}})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{}
	for _, e := range page.Items {
		if e.Action == "redact.found" || e.Action == "redact.refused" {
			kinds[e.Action+" "+e.Outcome+" "+e.Detail["where"]] = append(kinds[e.Action+" "+e.Outcome+" "+e.Detail["where"]], e.Detail["kinds"])
			if e.Target == "" {
				t.Errorf("no task is named: %+v", e)
			}
		}
	}
	if refused := kinds["redact.refused refused model"]; len(refused) != 6 || !slices.Contains(refused, "canary") || len(kinds["redact.refused refused tool write_file"]) != 1 {
		t.Errorf("told %q", kinds)
	}
	if found := strings.Join(kinds["redact.found done model"], "; "); !strings.Contains(found, "aws_key, github_token, known_secret, private_key") {
		t.Errorf("told %q", kinds)
	}
	all, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	holdsNone(t, "the audit log", string(all), j.all()...)
}

// TestAnAppStaysByteForByte, whatever its code looks like, though the model isn't shown its
// own words again; and a marker takes no secret's place.
func TestAnAppStaysByteForByte(t *testing.T) {
	t.Parallel()
	key := "AKIA" + rand.Text()[:16]
	files := map[string]string{
		"server.py": appServer + "\npassword = os.environ.get(\"X\")\napi_key = \"" + strings.ToLower(rand.Text()) + "\"\n",
		"run_tests.py": "token=\"abc" + rand.Text() + "\"\nAWS = '" + key + "'\nurl = \"postgres://app:s3cr-t!pw@db/app\"\n" +
			"pem = '''-----BEGIN PRIVATE KEY-----\n" + rand.Text() + rand.Text() + "\n-----END PRIVATE KEY-----'''\n" + appTestsGood,
		"isekai.json": appManifest,
	}
	var calls []modeltest.Call
	for name, text := range files {
		calls = append(calls, writeCall(name, name, text))
	}
	up := upstream(t, looking(calls...))
	s := serve(t, t.TempDir(), cleanEnv(modelEnv(up)...))
	made, err := s.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "a guest book"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := s.ended(t, made.ID); d.Status != core.StatusSucceeded {
		t.Fatalf("%s: %+v", d.Status, d.Error)
	}
	apps, err := s.Apps(t.Context(), client.ListOptions{})
	if err != nil || len(apps.Items) != 1 {
		t.Fatal(apps, err)
	}
	for name, want := range files {
		var got bytes.Buffer
		if err := s.ReadFile(t.Context(), apps.Items[0].ID, 1, name, &got); err != nil || got.String() != want {
			t.Errorf("%s is %q (%v), want %q", name, got.String(), err, want)
		}
	}
	if sent := captured(up, 0); strings.Contains(sent, key) || !strings.Contains(sent, "[redacted:aws_key]") {
		t.Errorf("the model was sent %s", sent)
	}
}

// TestAMarkerTakesNoSecretsPlace: a model that writes back what it was shown is told so, and
// can change what is around it.
func TestAMarkerTakesNoSecretsPlace(t *testing.T) {
	t.Parallel()
	key := "AKIA" + rand.Text()[:16]
	path := filepath.Join(t.TempDir(), "config.env")
	if err := os.WriteFile(path, []byte("KEY="+key+"\nMODE=test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := upstream(t, func(_ int, r modeltest.Request) modeltest.Answer {
		switch kind, turn := turnOf(r); {
		case kind == planning:
			return onePlan
		case kind == judging:
			return aSuccess
		case turn == 0:
			return modeltest.Answer{Calls: []modeltest.Call{call("r", "read_file", map[string]string{"path": "config.env"})}}
		case turn == 1:
			shown := strings.Replace(r.Last(), "MODE=test", "MODE=live", 1)
			return modeltest.Answer{Calls: []modeltest.Call{call("w", "write_file", map[string]string{"path": "config.env", "content": shown})}}
		case turn == 2 && strings.Contains(r.Last(), "edit_file"):
			return modeltest.Answer{Calls: []modeltest.Call{call("e", "edit_file", map[string]string{"path": "config.env", "old": "MODE=test", "new": "MODE=live"})}}
		}
		return modeltest.Answer{Text: "done"}
	})
	s := serve(t, t.TempDir(), cleanEnv(modelEnv(up)...))
	if d := task(t, s.Client, client.NewTask{Prompt: "go live", Workspace: filepath.Dir(path)}); d.Status != core.StatusSucceeded {
		t.Errorf("%s: %+v", d.Status, d.Error)
	}
	got, err := os.ReadFile(path)
	if want := "KEY=" + key + "\nMODE=live\n"; err != nil || string(got) != want {
		t.Errorf("the file is %q (%v), want %q", got, err, want)
	}
	holdsNone(t, "the wire", captured(up, 0), key)
}

// TestErrorsShowNoPassword of a setting or an argument that they quote.
func TestErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	const password = "s3cr-t!pw%zz"
	for _, c := range []struct {
		env  string
		args []string
	}{
		{"ISEKAI_STORE_URL=postgres://app:" + password + "@db:port/x", []string{"task", "list"}},
		{"ISEKAI_MODEL_BASE_URL=https://u:" + password + "@h\x01/", []string{"task", "run", "x"}},
		{"ISEKAI_STORE_MAX_CONNS=postgres://app:" + password + "@db/x", []string{"config"}},
		{"A=b", []string{"task", "list", "--server=https://u:" + password + "@h"}},
		{"A=b", []string{"app", "show", "https://u:" + password + "@h"}},
	} {
		for _, json := range []string{"--json=false", "--json"} {
			r := isekai(t, cleanEnv(c.env, "ISEKAI_LOG_LEVEL=debug"), append(c.args, json, "--data-dir", t.TempDir())...)
			if r.code == 0 || r.err == "" || strings.Contains(r.err+r.out, password) {
				t.Errorf("%s %q: %d %s%s", c.env, c.args, r.code, r.out, r.err)
			}
		}
	}
}
