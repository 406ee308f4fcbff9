package skill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/skill"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// shelf is a skill.Shelf in memory.
type shelf map[string]map[string]string // by skill and path

func (s shelf) Use(ctx context.Context, c tool.Call, name string) (skill.Skill, error) {
	if err := ctx.Err(); err != nil {
		return skill.Skill{}, err
	}
	if name == "off" {
		return skill.Skill{}, core.E(core.Denied, "skill", "the skill off is off")
	}
	files, ok := s[name]
	if !ok || c.Scope.Org != core.DefaultOrg || c.Task != "tsk_test" {
		return skill.Skill{}, core.E(core.NotFound, "skill", "there is no skill "+name).WithHint("there are others")
	}
	k := skill.Skill{Name: name, Number: 2, Digest: "sha256:x", Body: files["SKILL.md"], Allowed: []string{"read_file"}, Patterns: []skill.Pattern{{Tool: "read_file"}}}
	for p := range files {
		k.Files = append(k.Files, p)
	}
	return k, nil
}

func (s shelf) ReadFile(ctx context.Context, c tool.Call, name, path string) ([]byte, error) {
	if _, err := s.Use(ctx, c, name); err != nil {
		return nil, err
	}
	text, ok := s[name][path]
	if !ok {
		return nil, core.E(core.NotFound, "skill", "no file "+path)
	}
	return []byte(text), nil
}

var lines = func() string {
	var b strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&b, "line %d é\n", i)
	}
	return b.String()
}()

var all = shelf{
	"csv":  {"SKILL.md": "# Tables\n\nLook first.", "references/more.md": "More.\n", "assets/x.png": "\x89PNG\xff"},
	"long": {"SKILL.md": lines},
}

func TestUseSkill(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, skill.Tools(all)[0],
		tooltest.Case{
			Name: "a skill", Args: `{"name":"csv"}`, Output: []string{"# Skill csv, version 2", "Look first.", "Tools for this: read_file", "- references/more.md", "/skills/csv"}, Not: []string{"- SKILL.md"},
			Check: func(t *testing.T, r tool.Result) {
				var k skill.Skill
				if err := json.Unmarshal(r.Data, &k); err != nil || k.Name != "csv" || k.Digest != "sha256:x" || len(k.Allowed) != 1 || k.Patterns[0].Tool != "read_file" || k.Body != "" {
					t.Errorf("%s, %v", r.Data, err)
				}
			},
		},
		tooltest.Case{Name: "a long one", Args: `{"name":"long"}`, Output: []string{"line 0 é\n", "the whole is by read_skill_file"}},
		tooltest.Case{Name: "none", Args: `{"name":"nope"}`, Code: core.NotFound, Output: []string{"there are others"}},
		tooltest.Case{Name: "one that is off", Args: `{"name":"off"}`, Code: core.NotFound, Output: []string{"is off", "without it"}},
	)
}

func TestReadSkillFile(t *testing.T) {
	t.Parallel()
	tl := skill.Tools(all)[1]
	tooltest.Run(t, tl,
		tooltest.Case{Name: "a file", Args: `{"skill":"csv","path":"references/more.md"}`, Output: []string{"More.\n"}},
		tooltest.Case{Name: "by its place in the sandbox", Args: `{"skill":"csv","path":"/skills/csv/references/more.md"}`, Output: []string{"More.\n"}},
		tooltest.Case{Name: "what isn't text", Args: `{"skill":"csv","path":"assets/x.png"}`, Failed: true, Output: []string{"isn't text", "/skills/csv/assets/x.png"}},
		tooltest.Case{Name: "no such file", Args: `{"skill":"csv","path":"../csv/SKILL.md"}`, Code: core.NotFound},
		tooltest.Case{Name: "no such skill", Args: `{"skill":"nope","path":"SKILL.md"}`, Code: core.NotFound},
		tooltest.Case{Name: "one that is off", Args: `{"skill":"off","path":"SKILL.md"}`, Code: core.NotFound},
		tooltest.Case{Name: "beyond the end", Args: `{"skill":"csv","path":"SKILL.md","from":100}`, Code: core.Invalid},
	)
	var whole strings.Builder
	for from := 0; ; {
		r, err := tl.Call(t.Context(), tooltest.Call("", fmt.Sprintf(`{"skill":"long","path":"SKILL.md","from":%d}`, from)))
		if err != nil {
			t.Fatal(err)
		}
		i := strings.LastIndex(r.Output, "\n[")
		if i < 0 {
			whole.WriteString(r.Output)
			break
		}
		whole.WriteString(r.Output[:i])
		var of int
		if _, err := fmt.Sscanf(r.Output[i:], "\n[%d of %d bytes; go on with from: %d]", new(int), &of, &from); err != nil || of != len(lines) || len(r.Output) > tool.MaxOutput {
			t.Fatalf("%s: %v", r.Output[i:], err)
		}
	}
	if whole.String() != lines {
		t.Error("the parts aren't the whole")
	}
}
