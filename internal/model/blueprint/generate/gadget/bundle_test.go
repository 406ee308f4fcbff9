package gadget_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate/gadget"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

var imported = regexp.MustCompile(`(?m)(?:from|^import) "\./([^"]+)"|Worker\("/([^"]+)"\)`)

// TestBundle holds for each gadget on each runtime what generate relies on.
func TestBundle(t *testing.T) {
	// The files of an app that keeps entities, which views may import.
	theirs := map[string]bool{"static/dom.js": true, "static/api.js": true, "static/toast.js": true}
	for _, runtime := range []string{"python", "node"} {
		for _, name := range each() {
			t.Run(runtime+"/"+name, func(t *testing.T) {
				t.Parallel()
				a := made(name, runtime)
				b, err := gadget.Files(a)
				if err != nil {
					t.Fatal(err)
				}
				if hasEntities := len(a.Entities) > 0; hasEntities != (b.Body == "") || hasEntities != (len(b.Views) > 0) {
					t.Errorf("entities %v, body %d bytes, views %v", hasEntities, len(b.Body), b.Views)
				}
				paths := map[string]bool{}
				for _, f := range b.Files {
					if paths[f.Path] {
						t.Errorf("%s is there twice", f.Path)
					}
					paths[f.Path] = true
					checkText(t, f.Path, f.Text)
				}
				for _, f := range b.Files {
					for _, m := range imported.FindAllStringSubmatch(f.Text, -1) {
						want := m[1] + m[2]
						if strings.HasPrefix(f.Path, "static/") {
							want = "static/" + want
						} else if strings.HasPrefix(f.Path, "tests/") {
							continue // harness.js is generate's
						}
						if !paths[want] && !theirs[want] {
							t.Errorf("%s imports %s, which isn't there", f.Path, want)
						}
					}
				}
				for _, action := range b.Actions {
					ending := map[string]string{"python": ".py", "node": ".js"}[runtime]
					if !paths[action.Module+ending] || !paths[action.Invalid+ending] {
						t.Errorf("no modules for the action %+v", action)
					}
				}
				checkText(t, "body", b.Body)
			})
		}
	}
}

// checkText holds what is true of every file that a person will read.
func checkText(t *testing.T, name, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimRight(line, " \t") != line {
			t.Errorf("%s:%d ends with spaces", name, i+1)
		}
		if strings.Contains(line, "{{") || strings.Contains(line, "<no value>") {
			t.Errorf("%s:%d is left of a template: %s", name, i+1, line)
		}
		if len([]rune(line)) > 140 {
			t.Errorf("%s:%d has %d characters", name, i+1, len([]rune(line)))
		}
	}
	for _, never := range []string{"innerHTML", "eval(", "new Function", "https://cdn", " style=\""} {
		if strings.Contains(text, never) && !strings.HasPrefix(name, "tests/") {
			t.Errorf("%s has %s", name, never)
		}
	}
	if strings.Contains(text, "\n\n\n") && !strings.HasSuffix(name, ".py") {
		t.Errorf("%s has two blank lines in a row", name)
	}
	if name != "body" && (!strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") || strings.HasPrefix(text, "\n")) {
		t.Errorf("%s begins or ends badly", name)
	}
}

func TestSpecOfNoGadget(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]spec.App{
		"unknown kind":       {Runtime: "node", Gadget: &spec.Gadget{Kind: "chess"}},
		"unknown calculator": {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Calculator, Variant: "tax"}},
		"unknown converter":  {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Converter, Variant: "mood"}},
		"unknown timer":      {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Timer, Variant: "egg"}},
		"negative minutes":   {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Timer, Variant: "countdown", Minutes: -1}},
		"endless timer":      {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Timer, Variant: "countdown", Minutes: 6000}},
		"unknown runtime":    {Runtime: "ruby", Gadget: &spec.Gadget{Kind: spec.TicTacToe}},
		"no entity":          {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Poll}},
		"another entity":     {Runtime: "node", Gadget: &spec.Gadget{Kind: spec.Poll}, Entities: []spec.Entity{{Table: "parties"}}},
	} {
		if b, err := gadget.Files(a); core.CodeOf(err) != core.Invalid || len(b.Files) > 0 {
			t.Errorf("%s: %d files, error %v", name, len(b.Files), err)
		}
	}
}
