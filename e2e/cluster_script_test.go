package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// modelEnv leads to a scripted model, if there is one.
func modelEnv(up *modeltest.Upstream) []string {
	if up == nil {
		return nil
	}
	return []string{"OPENAI_API_KEY=k", "OPENAI_BASE_URL=" + up.BaseURL(), "ISEKAI_MODEL_NAME=scripted"}
}

// upstream starts a scripted model that ends with the test.
func upstream(t *testing.T, s modeltest.Script) *modeltest.Upstream {
	t.Helper()
	up := modeltest.NewServer(s)
	t.Cleanup(up.Close)
	return up
}

// turn says where in a task's work a request to the model stands.
type turn string

const (
	planning turn = "plan"
	judging  turn = "judge"
	working  turn = "work"
)

// turnOf returns what the model is asked for, and for work how many of its answers
// called tools before.
func turnOf(r modeltest.Request) (turn, int) {
	switch {
	case strings.Contains(string(r.Schema), "verdict"):
		return judging, 0
	case r.Schema != nil:
		return planning, 0
	}
	n := 0
	for _, m := range r.Messages {
		if len(m.Calls) > 0 {
			n++
		}
	}
	return working, n
}

// onePlan and aSuccess are the answers of a scripted model that isn't asked for more.
var (
	onePlan  = modeltest.Answer{Text: `{"title":"Do it","summary":"s","steps":[{"title":"Do it","goal":"g"}],"notes":[]}`}
	aSuccess = modeltest.Answer{Text: `{"verdict":"SUCCESS","reason":"done","feedback":""}`}
)

// call is a tool call of a scripted model.
func call(id, tool string, args any) modeltest.Call {
	b, err := json.Marshal(args)
	if err != nil {
		panic(err)
	}
	return modeltest.Call{ID: id, Name: tool, Arguments: string(b)}
}

// noting is the script of the load: a plan, a file that is written, read back, and an
// answer that repeats the prompt's last word.
func noting(_ int, r modeltest.Request) modeltest.Answer {
	kind, n := turnOf(r)
	switch {
	case kind == planning:
		return onePlan
	case kind == judging:
		return aSuccess
	case n == 0:
		return modeltest.Answer{Calls: []modeltest.Call{call("w", "write_file", map[string]string{"path": "note.txt", "content": lastWord(r)})}}
	case n == 1:
		return modeltest.Answer{Calls: []modeltest.Call{call("r", "read_file", map[string]string{"path": "note.txt"})}}
	}
	if text := r.Last(); !strings.Contains(text, lastWord(r)) {
		return modeltest.Answer{Text: "the note is gone: " + text}
	}
	return modeltest.Answer{Text: "noted " + lastWord(r)}
}

// lastWord returns the last word of the prompt that a request is about. Prompts of the load
// are one line.
func lastWord(r modeltest.Request) string {
	_, text, found := strings.Cut(r.Messages[0].Text, "What the person asked for:\n")
	if !found {
		text = r.Messages[0].Text
	}
	line, _, _ := strings.Cut(text, "\n")
	return line[strings.LastIndex(line, " ")+1:]
}

// commanding is the script of a task that makes one call, which must not be made twice.
func commanding(c modeltest.Call) modeltest.Script {
	return func(_ int, r modeltest.Request) modeltest.Answer {
		switch kind, turn := turnOf(r); {
		case kind == planning:
			return onePlan
		case kind == judging:
			return aSuccess
		case turn == 0:
			return modeltest.Answer{Calls: []modeltest.Call{c}}
		}
		return modeltest.Answer{Text: "appended"}
	}
}
