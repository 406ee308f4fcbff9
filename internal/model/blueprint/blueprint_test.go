package blueprint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/blueprint"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate"
	"github.com/isekai-run/isekai/internal/model/blueprint/parse"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

const readingList = "a reading list with title, author, pages, a finished flag and a rating from 1 to 5"

var tools = []model.ToolSpec{{Name: "read_file"}, {Name: "write_file"}, {Name: "delete_file"}}

func planner() *blueprint.Planner {
	return blueprint.New(blueprint.Config{Runtime: func() (string, error) { return "python", nil }})
}

func ask(t *testing.T, r model.Request) (model.Answer, error) {
	t.Helper()
	return model.Collect(t.Context(), planner(), r, nil)
}

func plan(t *testing.T, b model.Brief) core.Plan {
	t.Helper()
	a, err := ask(t, model.Request{Purpose: model.Plan, Brief: b})
	if err != nil {
		t.Fatal(err)
	}
	var p core.Plan
	if err := json.Unmarshal([]byte(a.Text), &p); err != nil {
		t.Fatalf("%v in %s", err, a.Text)
	}
	return p
}

// workspace is an agent that runs the planner's calls on files in memory.
type workspace struct {
	files map[string]string
	ids   map[core.CallID]bool
	room  int // bytes that read_file returns at a time; 0: all
}

func newWorkspace() *workspace {
	return &workspace{files: map[string]string{}, ids: map[core.CallID]bool{}}
}

// do works on a step until the planner stops calling tools.
func (w *workspace) do(t *testing.T, b model.Brief, step core.Step) (model.Answer, error) {
	t.Helper()
	b.Step, b.Attempt = &step, 1
	ms := []model.Message{{Role: model.User, Text: b.Prompt}}
	for range 20 {
		a, err := ask(t, model.Request{Purpose: model.Work, Brief: b, Tools: tools, Messages: ms})
		if err != nil || len(a.Calls) == 0 {
			return a, err
		}
		ms = append(ms, model.Message{Role: model.Assistant, Text: a.Text, Calls: a.Calls})
		for _, c := range a.Calls {
			if w.ids[c.ID] || !core.ValidID("cal", string(c.ID)) {
				t.Errorf("the id %q is used twice, or isn't one", c.ID)
			}
			w.ids[c.ID] = true
			out, failed := w.run(t, c)
			ms = append(ms, model.Message{Role: model.Tool, CallID: c.ID, Text: out, Failed: failed})
		}
	}
	t.Fatal("the step doesn't end")
	return model.Answer{}, nil
}

func (w *workspace) run(t *testing.T, c core.Call) (out string, failed bool) {
	t.Helper()
	var a struct {
		Path, Content string
		From          int
	}
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		t.Fatalf("%s: %v", c.Tool, err)
	}
	switch c.Tool {
	case "write_file":
		w.files[a.Path] = a.Content
		return "wrote " + a.Path, false
	case "delete_file":
		delete(w.files, a.Path)
		return "deleted " + a.Path, false
	case "read_file":
		text, ok := w.files[a.Path]
		if !ok {
			return "there is no " + a.Path, true
		}
		return w.part(text, max(1, a.From)), false
	}
	return "unknown tool " + c.Tool, true
}

// part is what the tool read_file returns of a long file.
func (w *workspace) part(text string, from int) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	out, at := "", from-1
	for ; at < len(lines) && (w.room == 0 || len(out)+len(lines[at]) <= w.room); at++ {
		out += lines[at]
	}
	if at < len(lines) {
		out += fmt.Sprintf("[lines %d to %d of %d; go on with from=%d]", from, at, len(lines), at+1)
	}
	return out
}

func (w *workspace) build(t *testing.T, prompt string) {
	t.Helper()
	b := model.Brief{Prompt: prompt}
	for _, s := range plan(t, b).Steps {
		if a, err := w.do(t, b, s); err != nil || a.Text == "" {
			t.Fatalf("%s: %v, %q", s.Title, err, a.Text)
		}
	}
}

func files(t *testing.T, a spec.App) map[string]string {
	t.Helper()
	fs, err := generate.Files(a)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, f := range fs {
		m[f.Path] = f.Text
	}
	return m
}

func TestPlanSaysWhatWasUnderstood(t *testing.T) {
	t.Parallel()
	p := plan(t, model.Brief{Prompt: readingList})
	if p.Title != "Reading list" || p.Summary != "An app for books with title, author, pages, finished and rating." {
		t.Errorf("%q: %q", p.Title, p.Summary)
	}
	var titles []string
	for _, s := range p.Steps {
		titles = append(titles, s.Title)
		if s.Goal == "" || s.Call != nil || s.Check != nil {
			t.Errorf("%+v", s)
		}
	}
	if d := cmp.Diff([]string{"Data and server", "Pages", "Tests"}, titles); d != "" {
		t.Error(d)
	}
	if p := plan(t, model.Brief{Prompt: "een boodschappenlijst"}); !strings.Contains(strings.Join(p.Notes, " "), `"boodschappenlijst"`) {
		t.Errorf("the notes don't name the word: %q", p.Notes)
	}
	c := plan(t, model.Brief{Prompt: "make it green", Change: true})
	if len(c.Steps) != 1 || !strings.Contains(c.Summary, "make it green") {
		t.Errorf("%+v", c)
	}
}

func TestPlanIsStreamed(t *testing.T) {
	t.Parallel()
	n := 0
	for c, err := range planner().Stream(t.Context(), model.Request{Purpose: model.Plan, Brief: model.Brief{Prompt: readingList}}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Text != "" {
			n++
		}
	}
	if n < 3 {
		t.Errorf("%d chunks of text", n)
	}
}

func TestWorkWritesEveryFileOnce(t *testing.T) {
	t.Parallel()
	for _, prompt := range []string{readingList, "a tip calculator", "poll: where do we eat?"} {
		w := newWorkspace()
		w.build(t, prompt)
		if d := cmp.Diff(files(t, parse.Prompt(prompt, "python")), w.files); d != "" {
			t.Errorf("%s: %s", prompt, d)
		}
	}
}

// A step of another planner's plan, taken over from a model that is down.
func TestWorkOnAForeignStepWritesTheWholeApp(t *testing.T) {
	t.Parallel()
	w := newWorkspace()
	if _, err := w.do(t, model.Brief{Prompt: readingList}, core.Step{Title: "Design the database"}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files(t, parse.Prompt(readingList, "python")), w.files); d != "" {
		t.Error(d)
	}
}

func TestChangeRewritesTheApp(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 300} {
		w := newWorkspace()
		w.room = room
		w.build(t, readingList)
		brief := model.Brief{Prompt: "add a due date, remove csv and drop the rating", Change: true}
		if _, err := w.do(t, brief, plan(t, brief).Steps[0]); err != nil {
			t.Fatal(err)
		}
		next, understood := parse.Change(parse.Prompt(readingList, "python"), brief.Prompt)
		want := files(t, next)
		if !understood || len(want) >= len(files(t, parse.Prompt(readingList, "python"))) {
			t.Fatal("the change should take a file away")
		}
		if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(w.files))); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(want, w.files); d != "" {
			t.Error(d)
		}
	}
}

func TestChangeFailsHonestly(t *testing.T) {
	t.Parallel()
	step := core.Step{Title: "Change the app"}
	w := newWorkspace()
	w.build(t, readingList)
	before := maps.Clone(w.files)
	_, err := w.do(t, model.Brief{Prompt: "make it dance", Change: true}, step)
	if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), `"dance"`) || core.HintOf(err) == "" {
		t.Errorf("%v, hint %q", err, core.HintOf(err))
	}
	if d := cmp.Diff(before, w.files); d != "" {
		t.Error(d)
	}
	if _, err := newWorkspace().do(t, model.Brief{Prompt: "make it green", Change: true}, step); core.CodeOf(err) != core.Unsupported {
		t.Errorf("an app without a blueprint: %v", err)
	}
	w.files[spec.Name] = `{"format":1}`
	w.ids = map[core.CallID]bool{} // another task
	if _, err := w.do(t, model.Brief{Prompt: "make it green", Change: true}, step); core.CodeOf(err) != core.Invalid {
		t.Errorf("a spoilt blueprint: %v", err)
	}
}

func TestWhatItCannotDo(t *testing.T) {
	t.Parallel()
	step := &core.Step{Title: "Pages"}
	for _, c := range []struct {
		name string
		r    model.Request
		hint string
	}{
		{"a judgement", model.Request{Purpose: model.Judge, Brief: model.Brief{Step: step}}, ""},
		{"a task that isn't an app", model.Request{Purpose: model.Work, Tools: []model.ToolSpec{{Name: "search"}}, Brief: model.Brief{Prompt: "count", Step: step}}, "OPENAI_API_KEY"},
		{"work without tools", model.Request{Purpose: model.Work, Brief: model.Brief{Prompt: readingList, Step: step}}, "Ollama"},
		{"a second try", model.Request{Purpose: model.Work, Tools: tools, Brief: model.Brief{Prompt: readingList, Step: step, Attempt: 2, Feedback: "a test failed"}}, "model"},
		{"a second plan", model.Request{Purpose: model.Plan, Brief: model.Brief{Prompt: readingList, Feedback: "a test failed"}}, "model"},
		{"an unknown purpose", model.Request{Purpose: "dream"}, ""},
	} {
		_, err := ask(t, c.r)
		if core.CodeOf(err) != core.Unsupported || !strings.Contains(core.HintOf(err), c.hint) {
			t.Errorf("%s: %v, hint %q", c.name, err, core.HintOf(err))
		}
	}
}

func TestAFailedCallEndsTheStep(t *testing.T) {
	t.Parallel()
	r := model.Request{Purpose: model.Work, Tools: tools, Brief: model.Brief{Prompt: readingList, Step: &core.Step{Title: "Tests"}, Attempt: 1}}
	a, err := ask(t, r)
	if err != nil {
		t.Fatal(err)
	}
	r.Messages = []model.Message{{Role: model.Assistant, Calls: a.Calls}}
	for _, c := range a.Calls {
		r.Messages = append(r.Messages, model.Message{Role: model.Tool, CallID: c.ID, Text: "the disk is full", Failed: true})
	}
	if _, err := ask(t, r); core.CodeOf(err) != core.Unsupported || !strings.Contains(err.Error(), "the disk is full") {
		t.Error(err)
	}
}

func TestWithoutARuntime(t *testing.T) {
	t.Parallel()
	none := core.E(core.Unavailable, "runtime", "neither Python nor Node is here")
	p := blueprint.New(blueprint.Config{Runtime: func() (string, error) { return "", none }})
	_, err := model.Collect(t.Context(), p, model.Request{Purpose: model.Plan, Brief: model.Brief{Prompt: readingList}}, nil)
	if !errors.Is(err, none) {
		t.Error(err)
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := model.Collect(ctx, planner(), model.Request{Purpose: model.Plan, Brief: model.Brief{Prompt: readingList}}, nil)
	if core.CodeOf(err) != core.Canceled {
		t.Error(err)
	}
}

// Every prompt of the parser's corpus becomes files, for either runtime.
func TestEveryPromptBecomesFiles(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("parse/testdata/prompts.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, prompt := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		for _, runtime := range []string{"python", "node"} {
			fs := files(t, parse.Prompt(prompt, runtime))
			a, err := spec.Decode([]byte(fs[spec.Name]))
			if err != nil || fs[core.ManifestName] == "" {
				t.Errorf("%q on %s: %v", prompt, runtime, err)
			}
			if next, understood := parse.Change(a, a.Suggestions[0]); !understood {
				t.Errorf("%q: %q isn't understood of the app as it was stored", prompt, a.Suggestions[0])
			} else if runtime == "python" {
				files(t, next)
			}
		}
	}
}
