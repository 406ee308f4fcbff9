package skill_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/skill/skilltest"
)

// read reads a skill of a SKILL.md alone.
func read(t testing.TB, folder, text string) (*skill.Package, skill.Problems) {
	t.Helper()
	p, problems, err := skill.Read(fstest.MapFS{skill.Main: {Data: []byte(text)}}, folder)
	ok(t, err)
	return p, problems
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range skilltest.Corpus() {
		p, problems := read(t, skilltest.Folder, c.Text)
		if (problems.Err() == nil) != c.OK || (p != nil) != c.OK {
			t.Errorf("%s: %v", c.Name, problems)
		}
		for _, b := range problems.Errors() {
			if b.Msg == "" || b.Hint == "" || b.File == "" && c.Name != "empty" || b.Line == 0 && b.File != "" && len(c.Text) < 1<<17 && utf8.ValidString(c.Text) && c.Name != "another name" {
				t.Errorf("%s: %q at line %d of %q has the hint %q", c.Name, b.Msg, b.Line, b.File, b.Hint)
			}
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	text := "---\nname: csv\ndescription: >\n  Looks at tables.\n  Use it for CSV.\nlicense: MIT\ncompatibility: Python 3\n" +
		"allowed-tools: read_file, Bash(git status:*) Bash(git diff*) read_file\nmetadata:\n  version: 1.0\n  deep: {a: b}\n---\n\n# Tables\n\nGo.\n"
	meta, body, problems := skill.Parse([]byte(text))
	want := skill.Meta{
		Name: "csv", Description: "Looks at tables. Use it for CSV.", License: "MIT", Compatibility: "Python 3", Metadata: map[string]string{"version": "1.0"},
		Allowed: []skill.Allowed{{Tool: "read_file"}, {Tool: "Bash", Pattern: "git status:*"}, {Tool: "Bash", Pattern: "git diff*"}, {Tool: "read_file"}},
	}
	if d := cmp.Diff(want, meta); d != "" || body != "# Tables\n\nGo." {
		t.Errorf("%s\n%q", d, body)
	}
	if len(problems) != 2 || problems.Err() != nil || problems[1].Line != 11 { // a short description, and metadata that isn't a text
		t.Errorf("%v", problems)
	}
	if got := meta.Tools(); !cmp.Equal(got, []string{"read_file", "run_command"}) {
		t.Errorf("the tools are %q", got)
	}
}

// TestProblemsSayWhere they are, all at once.
func TestProblemsSayWhere(t *testing.T) {
	t.Parallel()
	_, problems := read(t, "pdf", "---\nname: PDF\nversion: 1\ndescription: \"\"\ncompatibility: 3\n---\n")
	err := problems.Err()
	for _, want := range []string{"SKILL.md:2: ", `"PDF"`, "SKILL.md:3: ", `"version"`, "SKILL.md:4: ", "empty", "SKILL.md:5: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it doesn't say %q: %v", want, err)
		}
	}
	if core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("%q, %q", core.CodeOf(err), core.HintOf(err))
	}
	_, problems = read(t, "pdf", "---\nname: pdf\ndescription: a: b\n---\n")
	if got := problems.Errors(); len(got) != 1 || got[0].Line != 3 || !strings.Contains(got[0].Hint, "quotes") {
		t.Errorf("%v", got)
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	meta := func(allowed string) skill.Meta {
		m, _, problems := skill.Parse([]byte("---\nname: x\ndescription: x\nallowed-tools: " + allowed + "\n---\n"))
		ok(t, problems.Err())
		return m
	}
	for _, tt := range []struct {
		allowed, tool, subject string
		want                   bool
	}{
		{`""`, "run_command", "rm", true}, // it says nothing
		{"read_file", "read_file", "a", true},
		{"read_file", "write_file", "a", false},
		{"Read", "read_file", "a", true},
		{"Bash", "run_command", "rm -rf x", true},
		{"Bash(*)", "run_command", "rm -rf x", true},
		{"Bash(git:*)", "run_command", "git", true},
		{"Bash(git:*)", "run_command", "git status", true},
		{"Bash(git:*)", "run_command", "gitk", false},
		{"Bash(git:*)", "run_command", "rm git ", false},
		{"run_command(git status*)", "run_command", "git status -s", true},
		{"run_command(git status*)", "run_command", "x git status", false},
		{"run_command(python3 /skills/csv/*)", "run_command", "python3 /skills/csv/scripts/chart.py a\nb", true},
		{"run_command(a.c)", "run_command", "abc", false},
		{"read_file(docs/*) read_file(README.md)", "read_file", "README.md", true},
		{"read_file(docs/*)", "read_file", "src/docs/x", false},
	} {
		if got := meta(tt.allowed).Allows(tt.tool, tt.subject); got != tt.want {
			t.Errorf("%s: %s %q: %t", tt.allowed, tt.tool, tt.subject, got)
		}
	}
}

// TestBombs: what is small and would be large, or deep, is refused, and at once.
func TestBombs(t *testing.T) {
	t.Parallel()
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		laughs += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	start := time.Now()
	for name, front := range map[string]string{
		"laughs":      laughs,
		"deep":        "name: " + strings.Repeat("[", 8000) + "\n",
		"deep maps":   "name: " + strings.Repeat("{a: ", 4000) + "\n",
		"many keys":   strings.Repeat("? [a]\n: b\n", 1000),
		"many fields": strings.Repeat("a: b\n", 3000),
		"merge":       "x: &x {name: x, description: x}\n<<: *x\n",
		"tags":        "name: " + strings.Repeat("!!str ", 2000) + "x\n",
		"binary":      "name: !!binary aGVsbG8=\ndescription: x\n",
		"long":        "name: " + strings.Repeat("x", skill.MaxFront) + "\n",
	} {
		_, problems := read(t, "", "---\n"+front+"---\n")
		if err := problems.Err(); err == nil || len(err.Error()) > 4096 {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range skilltest.Corpus() {
		if len(c.Text) < 4096 {
			f.Add([]byte(c.Text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		meta, body, problems := skill.Parse(text)
		if problems.Err() != nil {
			return
		}
		if !skill.CheckName(meta.Name) || meta.Description == "" || !utf8.ValidString(body) || len(meta.Description) > 3*skill.MaxDescription {
			t.Fatalf("%+v", meta)
		}
		again, _, problems := skill.Parse([]byte(fmt.Sprintf("---\nname: %s\ndescription: %q\n---\n%s", meta.Name, "x", body)))
		if again.Name != meta.Name || problems.Err() != nil {
			t.Fatalf("%q, %v", again.Name, problems)
		}
	})
}
