package blueprint

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate"
)

// The tools that the planner calls.
const (
	writeFile  = "write_file"
	readFile   = "read_file"
	deleteFile = "delete_file"
)

// build answers a step of building an app: first with a call for each of its
// files, and once they are written with the end of the step.
func (p *Planner) build(r model.Request) (model.Answer, error) {
	_, files, err := p.app(r.Brief.Prompt)
	if err != nil {
		return model.Answer{}, err
	}
	mine := ofStep(r.Brief.Step.Title, files)
	calls := make([]core.Call, 0, len(mine))
	for _, f := range mine {
		calls = append(calls, write(f))
	}
	return settle(r, calls, fmt.Sprintf("Wrote %d files.", len(calls)))
}

// ofStep returns the files that a step writes. A step of another planner's plan,
// taken over when its model is down, writes the whole app.
func ofStep(title string, files []generate.File) []generate.File {
	for _, p := range []part{server, pages, tests} {
		if p.title == title {
			return filesOf(p, files)
		}
	}
	return files
}

// settle answers with the calls, or with done if they are made already. A call
// that failed is the end: the planner knows no other way.
func settle(r model.Request, calls []core.Call, done string) (model.Answer, error) {
	made, results := lastTurn(r.Messages)
	if !same(made, calls) {
		return model.Answer{Calls: number(r.Brief, calls)}, nil
	}
	for i, m := range results {
		if m.Failed {
			return model.Answer{}, core.E(core.Unsupported, "blueprint", fmt.Sprintf("%s didn't work (%s), and the built-in planner knows no other way", made[min(i, len(made)-1)].Tool, clip(m.Text, 200))).
				WithHint("see to what the message says and start the task again")
		}
	}
	return model.Answer{Text: done}, nil
}

// lastTurn returns the calls of the last answer and their results, if the
// conversation ends with those.
func lastTurn(ms []model.Message) (calls []core.Call, results []model.Message) {
	i := len(ms)
	for i > 0 && ms[i-1].Role == model.Tool {
		i--
	}
	if i == len(ms) || i == 0 || ms[i-1].Role != model.Assistant {
		return nil, nil
	}
	return ms[i-1].Calls, ms[i:]
}

// same reports whether a and b call the same tools for the same files.
func same(a, b []core.Call) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Tool != b[i].Tool || target(a[i]) != target(b[i]) {
			return false
		}
	}
	return true
}

// target returns what identifies a call's file.
func target(c core.Call) string {
	var a struct {
		Path string `json:"path"`
		From int    `json:"from"`
	}
	if json.Unmarshal(c.Arguments, &a) != nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", a.Path, a.From)
}

func write(f generate.File) core.Call {
	return call(writeFile, map[string]any{"path": f.Path, "content": f.Text})
}

func call(tool string, args map[string]any) core.Call {
	b, _ := json.Marshal(args) // strings and ints always encode
	return core.Call{Tool: tool, Arguments: b}
}

// number gives each call an id that is unique within the task: by its step, the
// attempt, the tool and its place.
func number(b model.Brief, calls []core.Call) []core.Call {
	step := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(b.Step.Title))
	for i := range calls {
		tool, _, _ := strings.Cut(calls[i].Tool, "_")
		var a struct {
			From int `json:"from"`
		}
		_ = json.Unmarshal(calls[i].Arguments, &a) // ours
		calls[i].ID = core.CallID(fmt.Sprintf("cal_%.16s%s%dx%dx%d", step, tool, max(1, b.Attempt), a.From, i+1))
	}
	return calls
}
