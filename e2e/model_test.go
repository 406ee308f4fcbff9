package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// A small app as a model might write it.
const (
	appManifest = `{"title":"Guest book","runtime":"python","start":["python3","server.py"],"test":["python3","run_tests.py"],"suggestions":["add a date"],"notes":[]}`
	appServer   = `import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>Guest book</title><h1>Guest book</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`
	appTestsBad  = "print('the guest book has no entries yet')\nprint('0 passed, 1 failed')\nraise SystemExit(1)\n"
	appTestsGood = "print('1 passed, 0 failed')\n"
)

func writeCall(id, path, content string) modeltest.Call {
	args, err := json.Marshal(map[string]string{"path": path, "content": content})
	if err != nil {
		panic(err)
	}
	return modeltest.Call{ID: id, Name: "write_file", Arguments: string(args)}
}

// modelBuilder scripts a model that builds the app: its first attempt has a
// failing test, which the feedback makes it mend, and one of its calls has
// arguments that aren't JSON, which it is shown.
func modelBuilder(_ int, r modeltest.Request) modeltest.Answer {
	first := r.Messages[0].Text
	last := r.Messages[len(r.Messages)-1]
	switch {
	case r.Schema != nil:
		return modeltest.Answer{Text: `{"title":"Guest book","summary":"A guest book.","steps":[{"title":"Write the app","goal":"it runs"}],"notes":["no photos"]}`}
	case last.Role == "tool":
		return modeltest.Answer{Text: "The app is written."}
	case strings.Contains(first, "no entries yet"):
		return modeltest.Answer{Calls: []modeltest.Call{writeCall("r", "run_tests.py", appTestsGood)}}
	case strings.Contains(first, "What was wrong"):
		return modeltest.Answer{Status: http.StatusBadRequest, Error: "the feedback doesn't say what failed: " + first}
	}
	return modeltest.Answer{Calls: []modeltest.Call{
		writeCall("a", "server.py", appServer), writeCall("b", "run_tests.py", appTestsBad),
		{ID: "c", Name: "write_file", Arguments: `{"path": "notes.txt", "cont`}, writeCall("d", "isekai.json", appManifest),
	}}
}

func TestAModelBuildsAnApp(t *testing.T) {
	t.Parallel()
	up := modeltest.NewServer(modelBuilder)
	t.Cleanup(up.Close)
	dir := t.TempDir()
	env := cleanEnv("OPENAI_API_KEY=sk-canary-4711", "OPENAI_BASE_URL="+up.BaseURL(), "ISEKAI_MODEL_NAME=scripted")
	r := isekai(t, env, "run", "--exit", "--json", "--data-dir", dir, "a guest book")
	if r.code != 0 {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	var verdicts []string
	for _, e := range lines[core.Event](t, r.out[:strings.LastIndex(strings.TrimSpace(r.out), "\n")+1]) {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := p.(core.VerdictGiven); ok {
			verdicts = append(verdicts, string(v.Verdict))
		}
	}
	if got := fmt.Sprint(verdicts); got != "[RETRY SUCCESS SUCCESS SUCCESS]" {
		t.Errorf("verdicts: %s", got)
	}
	for _, q := range up.Requests() {
		if q.Model != "scripted" || q.Header.Get("Authorization") != "Bearer sk-canary-4711" {
			t.Errorf("asked %q with %q", q.Model, q.Header.Get("Authorization"))
		}
	}
	// The key is nowhere in what is kept.
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), "sk-canary-4711") {
			t.Errorf("%s holds the API key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.out+r.err, "sk-canary-4711") {
		t.Error("the API key was printed")
	}
}

func TestOllamaIsFound(t *testing.T) {
	t.Parallel()
	up := modeltest.NewServer(modelBuilder)
	t.Cleanup(up.Close)
	env := append(cleanEnv(), "ISEKAI_MODEL_OLLAMA="+up.URL)
	r := isekai(t, env, "run", "--exit", "--data-dir", t.TempDir(), "a guest book")
	if r.code != 0 || !strings.Contains(r.out, "Model: scripted") || !strings.Contains(r.out, "RETRY") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
}

// When the model is down, the built-in planner builds the app, and says so.
func TestThePlannerStandsIn(t *testing.T) {
	t.Parallel()
	up := modeltest.NewServer(func(int, modeltest.Request) modeltest.Answer {
		return modeltest.Answer{Status: http.StatusUnauthorized, Error: "bad key"}
	})
	t.Cleanup(up.Close)
	env := cleanEnv("OPENAI_API_KEY=k", "OPENAI_BASE_URL="+up.BaseURL())
	r := isekai(t, env, "run", "--exit", "--data-dir", t.TempDir(), "a tip calculator")
	if r.code != 0 || !strings.Contains(r.out, "the built-in planner goes on") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	// A task can't be done by it: the error is the model's.
	r = isekai(t, env, "task", "run", "--data-dir", t.TempDir(), "count the files")
	if r.code == 0 || !strings.Contains(r.err, "refuses its credential") || !strings.Contains(r.err, "OPENAI_API_KEY, or model.api_key") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
}

// counter scripts a model that counts TODO comments with the search tool, and
// sends its call in a shape that isn't OpenAI's.
func counter(_ int, r modeltest.Request) modeltest.Answer {
	last := r.Messages[len(r.Messages)-1]
	switch {
	case strings.Contains(string(r.Schema), "verdict"):
		return modeltest.Answer{Text: `{"verdict":"SUCCESS","reason":"they are listed","feedback":""}`}
	case r.Schema != nil:
		return modeltest.Answer{Text: `{"title":"Count TODOs","summary":"s","steps":[{"title":"Search","goal":"listed"}],"notes":[]}`}
	case last.Role == "tool":
		return modeltest.Answer{Text: fmt.Sprintf("There are %d:\n%s", strings.Count(last.Text, "TODO:"), last.Text)}
	}
	return modeltest.Answer{Text: "```json\n{\"tool\":{\"name\":\"search_code\",\"args\":{\"pattern\":\"TODO:\"}}}\n```"}
}

func TestATaskWithTools(t *testing.T) {
	t.Parallel()
	up := modeltest.NewServer(counter)
	t.Cleanup(up.Close)
	ws := t.TempDir()
	for name, text := range map[string]string{"a.go": "// TODO: one\n", "b/c.py": "# TODO: two\nx = 1\n# TODO: three\n", "d.txt": "nothing"} {
		path := filepath.Join(ws, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := cleanEnv("OPENAI_API_KEY=k", "OPENAI_BASE_URL="+up.BaseURL())
	dir := t.TempDir()
	r := isekai(t, env, "task", "run", "--data-dir", dir, "--workspace", ws, "count the TODO comments in this folder and list them")
	if r.code != 0 || !strings.Contains(r.out, "There are 3") || !strings.Contains(r.out, "b/c.py") {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	r = isekai(t, env, "task", "list", "--json", "--data-dir", dir)
	page := lines[client.Page[client.Task]](t, r.out)[0]
	if len(page.Items) != 1 || page.Items[0].Status != core.StatusSucceeded || page.Items[0].Kind != core.KindTask {
		t.Errorf("%+v", page)
	}
	// Without a model the error says what to set.
	r = isekai(t, cleanEnv(), "task", "run", "--data-dir", t.TempDir(), "--workspace", ws, "count")
	if r.code != 8 || !strings.Contains(r.err, "OPENAI_API_KEY") || !strings.Contains(r.err, "Ollama") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
