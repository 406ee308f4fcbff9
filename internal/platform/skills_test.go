package platform

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/command"
	skilltool "github.com/isekai-run/isekai/internal/tool/skill"
	"github.com/isekai-run/isekai/skills"
)

// TestShippedSkills are skills without a warning, and name tools that there are.
func TestShippedSkills(t *testing.T) {
	t.Parallel()
	registry := everyTool(t, nil)
	entries, err := fs.ReadDir(skills.Files, ".")
	if err != nil || len(entries) < 11 {
		t.Fatalf("%d skills, %v", len(entries), err)
	}
	for _, e := range entries {
		sub, err := fs.Sub(skills.Files, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		p, problems, err := skill.Read(sub, e.Name())
		if err != nil || len(problems) > 0 {
			t.Fatalf("%s: %v, %v", e.Name(), problems, err)
		}
		if p.License != "Apache-2.0" || !strings.Contains(p.Description, "Use it ") || len(p.Body) > 8<<10 {
			t.Errorf("%s: license %q, %d bytes; %s", p.Name, p.License, len(p.Body), p.Description)
		}
		for _, name := range p.Tools() {
			if _, ok := registry.Get(name); !ok && name != agent.AskPerson {
				t.Errorf("%s names the tool %s, which there isn't", p.Name, name)
			}
		}
	}
}

// bench is a workspace, the tools of skills, and a command in a real sandbox.
type bench struct {
	t     *testing.T
	dir   string
	tools *tool.Registry
}

func newBench(t *testing.T) bench {
	t.Helper()
	blobs, err := local.Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	service, err := skill.New(skill.Config{Records: sqlitetest.Open(t, sqlite.Config{}), Blobs: blobs, Shipped: skills.Files, Dir: filepath.Join(t.TempDir(), "lent")})
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := ns.New(ns.Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = boxes.Close() })
	tools, err := tool.NewRegistry(append(skilltool.Tools(shelf{service}), command.NewWithSkills(boxes, service))...)
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, t.TempDir(), tools}
}

func (b bench) call(name string, args any) tool.Result {
	b.t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := b.tools.Call(context.Background(), name, tool.Call{
		Scope: core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorWorker, ID: "wrk_x"}},
		Task:  "tsk_x", ID: "cal_x", Arguments: text, Workspace: tool.Workspace{Dir: b.dir, Managed: true},
	})
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	return r
}

func (b bench) run(argv ...string) tool.Result {
	b.t.Helper()
	return b.call("run_command", map[string]any{"argv": argv})
}

func (b bench) put(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// TestScriptsRunInTheSandbox: a model that has read the skill gets its chart, and can't change
// the script.
func TestScriptsRunInTheSandbox(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if r := b.call("use_skill", map[string]any{"name": "analyze-csv"}); !strings.Contains(r.Output, "/skills/analyze-csv/scripts/chart.py") || !strings.Contains(string(r.Data), `"run_command"`) {
		t.Errorf("%s\n%s", r.Output, r.Data)
	}
	if r := b.call("read_skill_file", map[string]any{"skill": "analyze-csv", "path": "references/charts.md"}); !strings.Contains(r.Output, "# Charts") {
		t.Errorf("%s", r.Output)
	}
	var table strings.Builder
	table.WriteString("day;region;revenue\n")
	for i := range 120 {
		fmt.Fprintf(&table, "%02d.%02d.2026;%s;1.%03d,50\n", i%28+1, i%12+1, []string{"North", "<South> & \"West\""}[i%2], i)
	}
	table.WriteString("01.01.2026;North;n/a\n")
	b.put("sales.csv", table.String())
	if r := b.run("python3", "/skills/analyze-csv/scripts/describe.py", "sales.csv", "--decimal", ","); r.Failed ||
		!strings.Contains(r.Output, "121 rows, 3 columns") || !strings.Contains(r.Output, "revenue: number, all different, 1 missing") || !strings.Contains(r.Output, "day: date") {
		t.Errorf("%s", r.Output)
	}
	for kind, args := range map[string][]string{
		"bar":     {"--x", "region", "--y", "revenue", "--agg", "mean"},
		"line":    {"--x", "day", "--y", "revenue", "--by", "region"},
		"scatter": {"--x", "revenue", "--y", "revenue"},
		"hist":    {"--x", "revenue"},
	} {
		r := b.run(append([]string{"python3", "/skills/analyze-csv/scripts/chart.py", "sales.csv", "--decimal", ",", "--kind", kind, "--out", kind + ".svg"}, args...)...)
		if r.Failed || !strings.Contains(r.Output, kind+".svg: 120 of 121 rows drawn, 1 left out") {
			t.Errorf("%s: %s", kind, r.Output)
			continue
		}
		if shapes := drawn(t, filepath.Join(b.dir, kind+".svg")); shapes[map[string]string{"bar": "rect", "line": "polyline", "scatter": "circle", "hist": "rect"}[kind]] < 2 {
			t.Errorf("%s: drawn are %v", kind, shapes)
		}
	}
	if r := b.run("python3", "/skills/analyze-csv/scripts/chart.py", "sales.csv", "--kind", "bar", "--x", "nope", "--y", "revenue"); !r.Failed || !strings.Contains(r.Output, "the columns are: day, region, revenue") {
		t.Errorf("%s", r.Output)
	}
	if r := b.run("sh", "-c", "echo x >> /skills/analyze-csv/scripts/chart.py || rm -r /skills/analyze-csv || touch /skills/analyze-csv/x || test \"$(ls /skills)\" = analyze-csv"); r.Failed || !strings.Contains(r.Output, "Read-only") {
		t.Errorf("%s", r.Output)
	}
}

// drawn counts the elements of an SVG file, which has to be XML.
func drawn(t *testing.T, path string) map[string]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	counts := map[string]int{}
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if err == io.EOF {
			return counts
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			counts[e.Name.Local]++
		}
	}
}

// TestSkeletonOfAnAppPasses its own tests in the sandbox.
func TestSkeletonOfAnAppPasses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, name := range []string{"server.py", "run_tests.py"} {
		b.put(name, b.call("read_skill_file", map[string]any{"skill": "app-builder", "path": "assets/" + name}).Output)
	}
	if r := b.run("python3", "run_tests.py"); r.Failed || !strings.Contains(r.Output, "6 passed, 0 failed") {
		t.Errorf("%s", r.Output)
	}
}

// TestSurveyOfARepository says what is there.
func TestSurveyOfARepository(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put("go.mod", "module example.org/shop\n\ngo 1.26\n")
	b.put("main.go", "package main\n\n// TODO: sell\nfunc main() {}\n")
	b.put("main_test.go", "package main\n")
	b.put("Makefile", "build:\n\tgo build\ntest: build\n\tgo test\n")
	r := b.run("python3", "/skills/onboard-repository/scripts/survey.py")
	for _, want := range []string{"Go: 5 lines in 2 files", "module example.org/shop", "build\n  test", "1 test files", "1 main.go"} {
		if r.Failed || !strings.Contains(r.Output, want) {
			t.Errorf("it doesn't say %q:\n%s", want, r.Output)
		}
	}
}

// TestReadSkill reads what people name.
func TestReadSkill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "good")
	if err := os.CopyFS(dir, os.DirFS("../../skills/code-review")); err != nil {
		t.Fatal(err)
	}
	if k, err := New().ReadSkill(t.Context(), dir); err != nil || k.Name != "" || len(k.Problems) != 1 || !strings.Contains(k.Problems[0].Message, `"good"`) {
		t.Errorf("%+v, %v", k, err)
	}
	one, err := New().ReadSkill(t.Context(), "../../skills/code-review/SKILL.md")
	if err != nil || one.Name != "code-review" || len(one.Archive) == 0 {
		t.Fatalf("%+v, %v", one, err)
	}
	packed := filepath.Join(t.TempDir(), "any.zip")
	if err := os.WriteFile(packed, one.Archive, 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := New().ReadSkill(t.Context(), packed); err != nil || again.Digest != one.Digest || string(again.Archive) != string(one.Archive) {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := New().ReadSkill(t.Context(), filepath.Join(dir, "none")); core.CodeOf(err) != core.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := New().ReadSkill(t.Context(), filepath.Join(dir, "references/checklist.md")); core.CodeOf(err) != core.Invalid {
		t.Errorf("%v", err)
	}
}
