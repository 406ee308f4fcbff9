package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// What a model is sent at most. More is neither better nor cheaper, and many models take no more.
const (
	maxContext = 100_000 // tokens of a request
	keptTurns  = 4       // messages at the end that are never shortened
	shortened  = 600     // bytes that stay of a text which is left out
)

// fit shortens what is oldest in a request until it is short enough: results of tools first, then
// what tools were given. What is left out can be read again by ReadResult. The stored events keep
// everything: this is about one request alone, and the same state gives the same one.
func fit(r *model.Request) {
	over := (tokens(*r) - maxContext) * bytesPerToken
	end := max(1, len(r.Messages)-keptTurns)
	for i := 1; i < end && over > 0; i++ {
		if m := &r.Messages[i]; m.Role == model.Tool && len(m.Text) > 2*shortened {
			over -= len(m.Text)
			m.Text = fmt.Sprintf("%s\n[… %d bytes are left out here; %s with call %q shows them]", core.Clip(m.Text, shortened), len(m.Text)-shortened, ReadResult, m.CallID)
			over += len(m.Text)
		}
	}
	for i := 1; i < end && over > 0; i++ {
		m := &r.Messages[i]
		for k, c := range m.Calls {
			if len(c.Arguments) > 2*shortened {
				over -= len(c.Arguments)
				m.Calls[k].Arguments = json.RawMessage(fmt.Sprintf(`{"left_out":"%d bytes"}`, len(c.Arguments)))
			}
		}
	}
}

// ReadResult is the name of the tool by which a model reads again what a request left out.
const ReadResult = "read_result"

var readResult = tool.Spec{
	Name: ReadResult, Version: "1", Effect: core.Pure, Contained: true, Bare: true, Timeout: tool.DefaultTimeout,
	Description: "Shows the result of an earlier tool call of this step again, where it was left out for its length.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"call":{"type":"string","minLength":1,"maxLength":100,"description":"the call's id"},
		"offset":{"type":"integer","minimum":0,"description":"bytes to skip"}
	},"required":["call"],"additionalProperties":false}`),
}

// resultReader is ReadResult, for one task.
type resultReader struct{ d *drive }

func (resultReader) Spec() tool.Spec { return readResult }

// maxResultPage bounds what is shown at once, in bytes: what is shown stays in the requests.
const maxResultPage = 12 << 10

func (t resultReader) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a struct {
		Call   core.CallID
		Offset int
	}
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, ReadResult, "the arguments don't decode").Because(err)
	}
	a.Offset = max(0, a.Offset)
	for _, turn := range t.d.state.Turns {
		i := slices.IndexFunc(turn.Results, func(r core.ToolSettled) bool { return r.Call == a.Call })
		if i < 0 {
			continue
		}
		text, err := t.d.text(ctx, turn.Results[i].Output)
		if err != nil {
			return tool.Result{}, err
		}
		rest := text[min(a.Offset, len(text)):]
		shown := core.Clip(rest, maxResultPage)
		if left := len(rest) - len(shown); left > 0 {
			shown += fmt.Sprintf("\n[… %d more bytes: offset %d]", left, len(text)-left)
		}
		return tool.Result{Output: tool.Cut(shown)}, nil // an offset may be within a character
	}
	return tool.Result{}, core.E(core.NotFound, ReadResult, "this step made no call "+string(a.Call))
}
