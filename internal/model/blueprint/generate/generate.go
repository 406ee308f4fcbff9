// Package generate turns an app's spec into the files of that app: a server on
// its runtime's standard library, pages that need no download, and tests.
//
// The built-in planner calls it. The same spec gives the same bytes. It writes
// no file, runs nothing and parses no prose.
package generate

import (
	"encoding/json"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// File is one generated file.
type File struct {
	Path string // slash-separated, relative to the app's root
	Text string
}

// Files returns the files of the app, core.ManifestName and spec.Name among
// them, in the order in which a person would write them. The error is invalid
// for a spec that no app can be made of; parse makes none such.
func Files(a spec.App) ([]File, error) {
	a = resolve(a)
	if err := check(a); err != nil {
		return nil, err
	}
	v := newView(a)
	if err := v.addGadget(); err != nil {
		return nil, err
	}
	files, err := described(a)
	if err != nil {
		return nil, err
	}
	for _, part := range parts(v) {
		text, err := render(part.template, v)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Path: part.path, Text: text})
	}
	for _, f := range v.bundle.Files {
		files = append(files, File{Path: f.Path, Text: f.Text})
	}
	return files, unique(files)
}

// described returns the two files that machines read: how the app runs, and
// the spec that it was made from.
func described(a spec.App) ([]File, error) {
	m := core.Manifest{
		Title:       a.Title,
		Description: a.Description,
		Runtime:     a.Runtime,
		Start:       []string{"python3", "server.py"},
		Test:        []string{"python3", "tests/run.py"},
		Suggestions: a.Suggestions,
		Notes:       a.Notes,
	}
	if a.Runtime == "node" {
		m.Start = []string{"node", "server.js"}
		m.Test = []string{"node", "tests/run.js"}
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	blueprint, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("blueprint: %w", err)
	}
	return []File{
		{Path: core.ManifestName, Text: string(manifest) + "\n"},
		{Path: spec.Name, Text: string(blueprint) + "\n"},
	}, nil
}

func unique(files []File) error {
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.Path] {
			return core.E(core.Internal, "generate", "two files are called "+f.Path)
		}
		seen[f.Path] = true
	}
	return nil
}
