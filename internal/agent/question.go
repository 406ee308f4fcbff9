package agent

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// AskPerson is the name of the tool by which a model asks the person whose task it is. It needs
// no driver: the task rests until it is answered.
const AskPerson = "ask_person"

var askPerson = tool.Spec{
	Name: AskPerson, Version: "1", Effect: core.Pure, Contained: true, Bare: true, Kinds: []core.TaskKind{core.KindTask, core.KindChat},
	Description: "Asks the person whose task this is, and waits for the answer. For what only a person knows or may decide; not for what a tool can find out. They may be away for hours.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"question":{"type":"string","minLength":1,"maxLength":1500,"description":"one question, with what is needed to answer it"},
		"choices":{"type":"array","items":{"type":"string","minLength":1,"maxLength":100},"maxItems":8,"description":"if only these are answers"}
	},"required":["question"],"additionalProperties":false}`),
}

// decideQuestion asks a person what a model wants to know, and tells the model.
func (s State) decideQuestion(c core.CallContent) Effect {
	var q struct {
		Question string
		Choices  []string
	}
	bad := json.Unmarshal([]byte(c.Arguments.Text), &q) != nil
	q.Question = strings.TrimSpace(q.Question)
	if bad || q.Question == "" || len(q.Choices) > 8 || slices.Contains(q.Choices, "") {
		return settle(c, core.ToolSettled{Failed: true, Output: core.Content{Text: "That is no question. Give question, a text of up to 1,500 characters, and choices if only these are answers."}})
	}
	switch a := s.answer(c.ID); {
	case a.Answer == core.AnswerReply:
		return settle(c, core.ToolSettled{Output: core.Content{Text: "The person says: " + a.Text}})
	case a.Expired:
		return settle(c, core.ToolSettled{Denied: true, Output: core.Content{Text: "Nobody answered in time. Go on without it; say in the end what you assumed."}})
	case a.Answer != "":
		return settle(c, core.ToolSettled{Denied: true, Output: core.Content{Text: strings.TrimSpace("The person gives no answer. " + a.Text)}})
	}
	for i := range q.Choices {
		q.Choices[i] = core.Clip(q.Choices[i], 100)
	}
	return Effect{Ask: &core.ApprovalRequested{
		Call: c.ID, Why: core.AskQuestion, Question: core.Clip(q.Question, core.MaxInline), Choices: q.Choices, Tool: AskPerson, Otherwise: core.AnswerDeny,
	}}
}

// settle is the effect of a call of which it is known what comes of it.
func settle(c core.CallContent, as core.ToolSettled) Effect {
	as.Call = c.ID
	return Effect{Tool: &CallTool{Call: c, Settle: &as}}
}
