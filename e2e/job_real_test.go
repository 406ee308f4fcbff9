package e2e

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestARealModelLooksIntoTheManual finds the page by a question of the model's own. What it makes of the page isn't
// looked at: a model as small as this one answers with another sentence of it.
func TestARealModelLooksIntoTheManual(t *testing.T) {
	m := realModel(t)
	d := newData(t)
	d.env = cleanEnv("OPENAI_API_KEY=k", "OPENAI_BASE_URL="+m.ChatURL, "ISEKAI_MODEL_NAME="+m.ChatModel)
	j := &job{server: serve(t, d.dir, d.env), data: d}
	addManual(t, d)
	offering(t, j.Client, "recall")
	j.begin(client.NewTask{Prompt: "Recall what error E17 means."})
	events := j.follow(func(p core.Payload) bool { _, ok := p.(core.ToolSettled); return ok })
	if _, err := j.CancelTask(t.Context(), j.task, "it has found the page"); err != nil {
		t.Fatal(err)
	}
	found := settled(t, events, "recall")
	if len(found) != 1 || found[0].Failed {
		t.Fatalf("it doesn't look it up\n%s", told(events))
	}
	first := passages(found[0].Output.Text)[0]
	if first.cite != manualTitle+", page 6" || !strings.Contains(first.text, "the flow sensor measures nothing") {
		t.Errorf("it finds %+v", first)
	}
	j.ended(t, j.task)
}
