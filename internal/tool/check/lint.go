package check

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

var lintSpec = tool.Spec{
	Name: "run_linter", Version: "1", Effect: core.Idempotent, Contained: true, Timeout: MaxTimeout + time.Minute,
	Description: "Looks for mistakes in the workspace's code without running it, in a sandbox, and says where they are: go vet, gofmt and staticcheck; ruff, flake8 or pyflakes, else the compiler, for Python; the project's eslint, else the parser, for JavaScript.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"dir":{"type":"string","description":"the folder of the project, relative to the workspace"},
		"timeout_seconds":{"type":"integer","minimum":1,"maximum":1800,"description":"300 if not given"}
	},"additionalProperties":false}`),
}

type lintArgs struct{ common }

// Findings is what linters found.
type Findings struct {
	Linters  []string  `json:"linters"` // that ran
	Total    int       `json:"total"`
	Findings []Finding `json:"findings,omitempty"` // the first of them
}

// Finding is one of them.
type Finding struct {
	Linter  string `json:"linter"`
	File    string `json:"file"` // relative to the folder that is checked
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

const maxFindings = 200

// linter is a program that looks at code. Its exit code says whether it ran: what it found is
// in its words.
type linter struct {
	name  string
	argv  []string
	parse func(string) []Finding
	codes []int // of a run that came to its end
}

// languages are what linters there are for. Of each group, the first that is there runs.
var languages = []struct {
	glob   string
	groups [][]linter
}{
	{"*.go", [][]linter{
		{{"go vet", []string{"go", "vet", "./..."}, parseLines, []int{0, 1}}},
		{{"gofmt", []string{"gofmt", "-l", "."}, parseNames, []int{0, 2}}},
		{{"staticcheck", []string{"staticcheck", "./..."}, parseLines, []int{0, 1}}},
	}},
	{"*.py", [][]linter{{
		{"ruff", []string{"python3", "-m", "ruff", "check", "--output-format=concise", "."}, parseLines, []int{0, 1}},
		{"ruff", []string{"ruff", "check", "--output-format=concise", "."}, parseLines, []int{0, 1}},
		{"flake8", []string{"python3", "-m", "flake8"}, parseLines, []int{0, 1}},
		{"pyflakes", []string{"python3", "-m", "pyflakes", "."}, parseLines, []int{0, 1}},
		{"python3", []string{"python3", "-I", "-c", compilePython}, parseLines, []int{0}},
	}}},
	{"*.{js,mjs,cjs}", [][]linter{{
		{"eslint", []string{"node", "node_modules/eslint/bin/eslint.js", "--format", "json", "."}, parseESLint, []int{0, 1}},
		{"node", []string{"node", "-e", compileNode}, parseLines, []int{0}},
	}}},
}

// compilePython compiles each file, and writes none.
const compilePython = `
import os
for base, dirs, files in os.walk("."):
    dirs[:] = sorted(d for d in dirs if d not in ("node_modules", "__pycache__") and not d.startswith("."))
    for name in sorted(files):
        if name.endswith(".py"):
            path = os.path.join(base, name)
            try:
                with open(path, "rb") as f:
                    compile(f.read(), path, "exec", dont_inherit=True)
            except SyntaxError as e:
                print("%s:%d:%d: %s" % (path, e.lineno or 1, e.offset or 1, e.msg))
            except (OSError, ValueError) as e:
                print("%s:1:1: %s" % (path, e))
`

// compileNode has Node parse each file, and runs none.
const compileNode = `
const fs = require('fs'), path = require('path'), { spawnSync } = require('child_process');
function walk(dir) {
  for (const e of fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => a.name < b.name ? -1 : 1)) {
    const name = path.join(dir, e.name);
    if (e.isDirectory() && e.name !== 'node_modules' && !e.name.startsWith('.')) walk(name);
    else if (e.isFile() && /\.[cm]?js$/.test(e.name)) {
      const r = spawnSync(process.execPath, ['--check', name], { encoding: 'utf8' });
      const at = /:(\d+)\n/.exec(r.stderr || ''), why = /^(\w*Error: .*)$/m.exec(r.stderr || '');
      if (r.status !== 0) console.log(name + ':' + (at ? at[1] : 1) + ':1: ' + (why ? why[1] : 'it does not parse'));
    }
  }
}
walk('.');
`

func lint(ctx context.Context, b *box, _ lintArgs) (tool.Result, error) {
	found := Findings{Linters: []string{}}
	var troubles []string
	for _, l := range languages {
		if !b.some(ctx, l.glob) {
			continue
		}
		for _, group := range l.groups {
			trouble, err := b.lint(ctx, group, &found)
			if err != nil {
				return tool.Result{}, err
			}
			troubles = append(troubles, trouble...)
		}
	}
	if len(found.Linters) == 0 && len(troubles) == 0 {
		return tool.Result{}, core.E(core.NotFound, lintSpec.Name, "there is no Go, Python or JavaScript in "+b.dir).
			WithHint("give the project's folder as dir, or run another linter with run_command")
	}
	return found.result(troubles), nil
}

// lint runs the first linter of a group that is there. troubles: it couldn't come to its end.
func (b *box) lint(ctx context.Context, group []linter, found *Findings) (troubles []string, err error) {
	for _, l := range group {
		s, missing, err := b.exec(ctx, nil, l.argv...)
		if err != nil {
			return nil, err
		}
		if missing || notThere(s) {
			continue
		}
		found.Linters = append(found.Linters, l.name)
		findings := l.parse(s.out + s.err)
		for _, f := range findings {
			f.Linter = l.name
			found.add(f)
		}
		if !l.ended(s, len(findings)) {
			troubles = append(troubles, fmt.Sprintf("%s didn't come to its end (%s, exit code %d):\n%s", l.name, s.exit.Reason, s.exit.Code, tool.Tail(s.both, 2048)))
		}
		return troubles, nil
	}
	return nil, nil
}

// notThere reports whether an interpreter said that it doesn't have the linter.
func notThere(s said) bool {
	return s.exit.Code == 1 && (strings.Contains(s.err, "No module named ") || strings.Contains(s.err, "Cannot find module"))
}

// ended reports whether the linter has looked at all of it.
func (l linter) ended(s said, findings int) bool {
	if s.exit.Reason != sandbox.Exited || s.cut {
		return false
	}
	for _, c := range l.codes {
		if s.exit.Code == c && (c == 0 || findings > 0) {
			return true
		}
	}
	return false
}

func (f *Findings) add(one Finding) {
	if f.Total++; len(f.Findings) < maxFindings {
		one.Message = short(one.Message)
		f.Findings = append(f.Findings, one)
	}
}

func (f Findings) result(troubles []string) tool.Result {
	e := core.Evidence{Kind: "lint", OK: f.Total == 0 && len(troubles) == 0}
	switch names := strings.Join(f.Linters, ", "); {
	case len(troubles) > 0:
		e.Text = fmt.Sprintf("%s; not all linters came to their end (%s)", plural(f.Total, "finding"), names)
	case f.Total == 0:
		e.Text = "nothing found by " + names
	default:
		e.Text = plural(f.Total, "finding") + " by " + names
	}
	var b strings.Builder
	shown := 0
	for _, one := range f.Findings {
		line := fmt.Sprintf("%s: %s (%s)\n", one.place(), one.Message, one.Linter)
		if b.Len()+len(line) > tool.MaxOutput/2 {
			break
		}
		b.WriteString(line)
		shown++
	}
	if f.Total > shown {
		fmt.Fprintf(&b, "[%d more aren't shown]\n", f.Total-shown)
	}
	for _, t := range troubles {
		b.WriteString("\n" + t + "\n")
	}
	if !e.OK {
		e.Detail = head(b.String(), core.MaxInline)
	}
	data, _ := json.Marshal(f) // plain values
	return tool.Result{Output: e.Text + "\n" + b.String(), Failed: !e.OK, Evidence: &e, Data: data}
}

func (f Finding) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}
