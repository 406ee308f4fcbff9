package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// lastLine is what run --json prints last.
type lastLine struct {
	Type    string            `json:"type"`
	Task    client.TaskDetail `json:"task"`
	App     client.AppDetail  `json:"app"`
	Stopped bool              `json:"stopped"`
}

// built checks what run --exit --json printed, and returns the app.
func (w wish) built(t *testing.T, out string) client.AppDetail {
	t.Helper()
	last, answered := timeline(t, out)
	switch {
	case last.Type != "result" || last.Task.Status != core.StatusSucceeded || last.Task.Prompt != w.prompt:
		t.Fatalf("%q ended with %+v", w.prompt, last)
	case last.Task.Tests.Passed == 0 || last.Task.Tests.Failed != 0:
		t.Errorf("%q: the app's tests: %+v", w.prompt, last.Task.Tests)
	case !answered:
		t.Errorf("%q: the app was never seen to answer", w.prompt)
	case !last.Stopped || last.App.Status != "stopped":
		t.Errorf("%q: the app is %s after --exit", w.prompt, last.App.Status)
	case w.title != "" && last.App.Title != w.title:
		t.Errorf("%q is called %q, want %q", w.prompt, last.App.Title, w.title)
	}
	for _, word := range w.notes {
		if !strings.Contains(strings.Join(last.App.Selected.Notes, "\n"), word) {
			t.Errorf("%q: no note says %q: %q", w.prompt, word, last.App.Selected.Notes)
		}
	}
	if len(last.App.Selected.Suggestions) == 0 {
		t.Errorf("%q: no suggestion for what to do next", w.prompt)
	}
	return last.App
}

// timeline checks the events of a task as --json prints them, a line each, and
// returns the line after them and whether an app was seen to answer.
func timeline(t *testing.T, out string) (last lastLine, answered bool) {
	t.Helper()
	all := lines[json.RawMessage](t, out)
	if len(all) < 2 {
		t.Fatalf("only %d lines: %s", len(all), out)
	}
	for i, line := range all[:len(all)-1] {
		var e core.Event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if e.Version != int64(i+1) {
			t.Errorf("line %d is event %d", i+1, e.Version)
		}
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := p.(core.ToolSettled); ok && s.Evidence != nil && s.Evidence.Kind == "http" {
			answered = s.Evidence.OK
		}
	}
	if err := json.Unmarshal(all[len(all)-1], &last); err != nil {
		t.Fatal(err)
	}
	return last, answered
}

// describes compares the app's own description with what was asked for.
func (w wish) describes(t *testing.T, s *server, a client.AppDetail) {
	t.Helper()
	b := blueprint(t, s, a.ID, 0)
	for name, kind := range w.fields {
		if f := field(t, b, 0, name); f.Type != kind {
			t.Errorf("%s is a %s, want a %s", name, f.Type, kind)
		}
	}
	if w.check != nil {
		w.check(t, b)
	}
}

// blueprint reads the description in a version's files.
func blueprint(t *testing.T, s *server, id core.AppID, version int) (a spec.App) {
	t.Helper()
	var b bytes.Buffer
	if err := s.ReadFile(t.Context(), id, version, spec.Name, &b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// field returns a field of an app's description by its name.
func field(t *testing.T, a spec.App, entity int, name string) spec.Field {
	t.Helper()
	if entity >= len(a.Entities) {
		t.Fatalf("%q has %d entities", a.Title, len(a.Entities))
	}
	for _, f := range a.Entities[entity].Fields {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("%q has no %s", a.Title, name)
	return spec.Field{}
}
