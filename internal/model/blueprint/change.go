package blueprint

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate"
	"github.com/isekai-run/isekai/internal/model/blueprint/parse"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// change answers the step of changing an app: first it reads the app's spec,
// then it writes the files of the next one and deletes those that are no longer
// made, and then the step is over.
func (p *Planner) change(r model.Request) (model.Answer, error) {
	text, next, err := blueprint(r.Messages)
	if err != nil {
		return model.Answer{}, err
	}
	if next > 0 {
		args := map[string]any{"path": spec.Name}
		if next > 1 {
			args["from"] = next
		}
		return model.Answer{Calls: number(r.Brief, []core.Call{call(readFile, args)})}, nil
	}
	was, err := spec.Decode([]byte(text))
	if err != nil {
		return model.Answer{}, fmt.Errorf("read the app's description: %w", err)
	}
	app, understood := parse.Change(was, r.Brief.Prompt)
	if !understood {
		return model.Answer{}, misunderstood(app)
	}
	calls, err := rewrite(was, app)
	if err != nil {
		return model.Answer{}, err
	}
	done := "Changed the app."
	if len(app.Notes) > 0 {
		done += " " + strings.Join(app.Notes, " ")
	}
	return settle(r, calls, done)
}

// goOn is what read_file ends a part of a long file with.
var goOn = regexp.MustCompile(`\[lines \d+ to \d+ of \d+; go on with from=(\d+)\]\s*$`)

// blueprint returns the app's spec as the conversation's results show it, or the
// line from which it is to be read on: 1 when nothing was read yet.
func blueprint(ms []model.Message) (text string, next int, err error) {
	next = 1
	reads := map[core.CallID]bool{}
	for _, m := range ms {
		for _, c := range m.Calls {
			reads[c.ID] = c.Tool == readFile
		}
		if m.Role != model.Tool || !reads[m.CallID] {
			continue
		}
		if m.Failed {
			return "", 0, core.E(core.Unsupported, "blueprint", "the app wasn't made by the built-in planner ("+clip(m.Text, 120)+"), so it can't change it").
				WithHint("configure a model to change this app")
		}
		next = 0
		if at := goOn.FindStringSubmatchIndex(m.Text); at != nil {
			next, _ = strconv.Atoi(m.Text[at[2]:at[3]]) // digits by the pattern; too many give 0
			m.Text = m.Text[:at[0]]
		}
		text += m.Text
	}
	return text, next, nil
}

// misunderstood is the error for a wish of which nothing was understood.
func misunderstood(a spec.App) error {
	msg := strings.Join(a.Notes, " ")
	if msg == "" {
		msg = "I didn't understand what to change."
	}
	hint := `try "add a due date", "drop the rating", "rename author to writer" or "make it green"`
	if len(a.Suggestions) > 0 {
		hint = `try "` + strings.Join(a.Suggestions, `" or "`) + `"`
	}
	return core.E(core.Invalid, "blueprint", msg).WithHint(hint)
}

// rewrite returns the calls that turn the files of one app into those of the
// next.
func rewrite(was, app spec.App) ([]core.Call, error) {
	before, err := generate.Files(was)
	if err != nil {
		return nil, fmt.Errorf("generate the app as it is: %w", err)
	}
	after, err := generate.Files(app)
	if err != nil {
		return nil, fmt.Errorf("generate the changed app: %w", err)
	}
	made := map[string]bool{}
	var calls []core.Call
	for _, f := range after {
		made[f.Path] = true
		calls = append(calls, write(f))
	}
	for _, f := range before {
		if !made[f.Path] {
			calls = append(calls, call(deleteFile, map[string]any{"path": f.Path}))
		}
	}
	return calls, nil
}
