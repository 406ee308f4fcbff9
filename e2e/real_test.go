package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
)

// realModel is the real model that the tests of this binary share. It answers one question at a time, so a test
// that asks it doesn't run in parallel with others.
func realModel(t *testing.T) *realmodel.Server {
	t.Helper()
	runs(t, "a real model")
	return backends.model.get(t, realmodel.New)
}

// A task done with a real model from plan to judgement: what it plans, calls, says and judges is its own. It is
// the same each time, for the model takes the likeliest token.
func TestATaskByARealModel(t *testing.T) {
	m := realModel(t)
	ws := t.TempDir()
	if err := os.WriteFile(filepath.Join(ws, "notes.txt"), []byte("remember the milk\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := cleanEnv("OPENAI_API_KEY=k", "OPENAI_BASE_URL="+m.ChatURL, "ISEKAI_MODEL_NAME="+m.ChatModel)
	r := isekai(t, env, "task", "run", "--json", "--data-dir", t.TempDir(), "--workspace", ws, "Read the file notes.txt.")
	if r.code != 0 {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	var planned core.Plan
	var called core.Call
	var saw, answer string
	var judged core.Verdict
	tokens := 0
	for _, e := range lines[core.Event](t, r.out[:strings.LastIndex(strings.TrimSpace(r.out), "\n")+1]) {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.TaskPlanned:
			planned = p.Plan
		case core.ModelSettled:
			tokens += p.Usage.Input + p.Usage.Output
		case core.ToolRequested:
			called.Tool, called.Arguments = p.Call.Tool, []byte(p.Call.Arguments.Text)
		case core.ToolSettled:
			saw = p.Output.Text
		case core.VerdictGiven:
			judged = p.Verdict
		case core.TaskFinished:
			answer = p.Answer.Text
		}
	}
	if len(planned.Steps) != 1 || !strings.Contains(planned.Steps[0].Title, "notes.txt") || planned.Summary == "" { // what stands in for a plan has no summary
		t.Errorf("planned: %+v", planned)
	}
	if called.Tool != "read_file" || string(called.Arguments) != `{"path":"notes.txt"}` || saw != "remember the milk\n" {
		t.Errorf("called %s %s, which said %q", called.Tool, called.Arguments, saw)
	}
	if !strings.Contains(answer, "remember the milk") || judged != core.Success || tokens < 500 {
		t.Errorf("answered %q, judged %s, %d tokens", answer, judged, tokens)
	}
}
