package dialect

import (
	"encoding/json"
	"fmt"
)

// noParameters is the schema of a tool that takes nothing.
const noParameters = `{"type":"object","properties":{}}`

// takeTools says a chat request's tools, and which of them the model is to use.
func (m *msgRequest) takeTools(in chatRequest) error {
	for i, raw := range in.Tools {
		path := fmt.Sprintf("tools[%d]", i)
		var kind struct {
			Type     string          `json:"type"`
			Function json.RawMessage `json:"function"`
		}
		if json.Unmarshal(raw, &kind) != nil || kind.Type == "function" && absent(kind.Function) {
			return wrong(path, "isn't a tool")
		}
		if kind.Type != "function" {
			return refuse(path+".type", "only tools of the type function can be said")
		}
		if _, err := take[chatTool](raw, path, unsaid{drop: []string{"cache_control"}}); err != nil {
			return err
		}
		f, err := take[chatFunction](kind.Function, path+".function", unsaid{drop: []string{"cache_control"}})
		if err != nil {
			return err
		}
		schema := f.Parameters
		if absent(schema) || sameJSON(schema, "{}") {
			schema = json.RawMessage(noParameters)
		}
		m.Tools = append(m.Tools, encode(msgTool{Name: f.Name, Description: f.Description, InputSchema: schema, Strict: f.Strict}))
	}
	choice, err := msgChoice(in.ToolChoice)
	if err != nil {
		return err
	}
	if p := in.ParallelToolCalls; p != nil && len(m.Tools) > 0 && (choice == nil || choice.Type != "none") {
		if choice == nil {
			choice = &msgToolChoice{Type: "auto"}
		}
		disable := !*p
		choice.DisableParallelToolUse = &disable
	}
	if m.ToolChoice = choice; choice != nil && (choice.Type == "any" || choice.Type == "tool") {
		m.unbudget()
	}
	return nil
}

// msgChoice translates a tool_choice; none is said as it is, for without tools it says nothing.
func msgChoice(raw json.RawMessage) (*msgToolChoice, error) {
	if absent(raw) {
		return nil, nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		switch word {
		case "auto", "none":
			return &msgToolChoice{Type: word}, nil
		case "required":
			return &msgToolChoice{Type: "any"}, nil
		}
		return nil, wrong("tool_choice", "isn't one of none, auto and required, nor names a function")
	}
	var named chatChoiceOfTool
	if json.Unmarshal(raw, &named) != nil {
		return nil, wrong("tool_choice", "isn't one of none, auto and required, nor names a function")
	}
	if named.Type != "function" {
		return nil, refuse("tool_choice.type", "name one function, or send only the tools that the model may use")
	}
	if named.Function.Name == "" {
		return nil, wrong("tool_choice.function", "has no name")
	}
	return &msgToolChoice{Type: "tool", Name: named.Function.Name}, nil
}
