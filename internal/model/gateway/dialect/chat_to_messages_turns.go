package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// turns gathers a conversation as Anthropic has it.
type turns struct {
	system []msgBlock
	list   []turn
}

type turn struct {
	role    string
	blocks  []msgBlock
	results bool // it begins with tools' results, and what the user says next belongs to it
}

// takeMessages says a chat request's messages. Those of tools that follow each other become one
// turn of the user, together with what the user says after them: all results of one turn's calls
// must be in the next.
func (m *msgRequest) takeMessages(list []json.RawMessage) error {
	var t turns
	for i, raw := range list {
		path := fmt.Sprintf("messages[%d]", i)
		msg, err := take[chatMessage](raw, path, unsaid{
			drop:  []string{"annotations", "cache_control", "reasoning", "provider_specific_fields"},
			hints: map[string]string{"function_call": "use tool_calls, which have taken its place"},
		})
		if err != nil {
			return err
		}
		if err := t.add(msg, path); err != nil {
			return err
		}
	}
	if len(t.list) == 0 {
		return wrong("messages", "has nothing but instructions: a user or assistant message with content is needed")
	}
	for _, turn := range t.list {
		m.Messages = append(m.Messages, encode(msgTurn{Role: turn.role, Content: blocksOrText(turn.blocks)}))
	}
	if len(t.system) > 0 {
		m.System = blocksOrText(t.system)
	}
	if t.thoughtless() {
		m.unbudget()
	}
	return nil
}

// thoughtless reports whether the model is to go on with a turn of its own that it began
// without thinking, or whose thinking hasn't come back.
func (t *turns) thoughtless() bool {
	n := len(t.list) - 1
	if n > 0 && t.list[n].blocks[0].Type == "tool_result" {
		n--
	}
	last := t.list[n]
	return last.role == "assistant" && last.blocks[0].Type != "thinking" && last.blocks[0].Type != "redacted_thinking"
}

// add takes a message. One without any content says nothing and is left out, as Anthropic takes
// no empty ones.
func (t *turns) add(m chatMessage, path string) error {
	blocks, err := blocksOf(m.Content, join(path, "content"))
	if err != nil {
		return err
	}
	switch m.Role {
	case "system", "developer":
		for i, b := range blocks {
			if b.Type != "text" {
				return refuse(fmt.Sprintf("%s.content[%d]", path, i), "instructions are text")
			}
		}
		t.system = append(t.system, blocks...)
	case "user":
		if n := len(t.list); n > 0 && t.list[n-1].results {
			t.list[n-1].blocks = append(t.list[n-1].blocks, blocks...)
			t.list[n-1].results = false
			return nil
		}
		t.say("user", blocks)
	case "assistant":
		said, err := assistantBlocks(m, blocks, path)
		if err != nil {
			return err
		}
		t.say("assistant", said)
	case "tool":
		return t.result(m, blocks, path)
	default:
		return refuse(join(path, "role"), "the roles are system, developer, user, assistant and tool")
	}
	return nil
}

func (t *turns) say(role string, blocks []msgBlock) {
	if len(blocks) > 0 {
		t.list = append(t.list, turn{role: role, blocks: blocks})
	}
}

// result takes a tool's result.
func (t *turns) result(m chatMessage, blocks []msgBlock, path string) error {
	if m.ToolCallID == "" {
		return wrong(join(path, "tool_call_id"), "is missing")
	}
	b := msgBlock{Type: "tool_result", ToolUseID: anthropicID(m.ToolCallID)}
	if len(blocks) > 0 {
		b.Content = blocksOrText(blocks)
	}
	if n := len(t.list); n > 0 && t.list[n-1].results {
		t.list[n-1].blocks = append(t.list[n-1].blocks, b)
		return nil
	}
	t.list = append(t.list, turn{role: "user", blocks: []msgBlock{b}, results: true})
	return nil
}

// assistantBlocks returns what a model said before: its thinking first, as far as it is
// Anthropic's own, and its calls last.
func assistantBlocks(m chatMessage, content []msgBlock, path string) ([]msgBlock, error) {
	var blocks []msgBlock
	for _, d := range mergeReasoning(m.ReasoningDetails) {
		switch {
		case d.Format != anthropicFormat && d.Format != "":
			// another provider's: Anthropic can't check it
		case d.Type == "reasoning.text" && d.Signature != "":
			blocks = append(blocks, msgBlock{Type: "thinking", Thinking: &d.Text, Signature: &d.Signature})
		case d.Type == "reasoning.encrypted":
			blocks = append(blocks, msgBlock{Type: "redacted_thinking", Data: d.Data})
		}
	}
	blocks = append(blocks, content...)
	if m.Refusal != "" {
		blocks = append(blocks, textBlock(m.Refusal))
	}
	for i, c := range m.ToolCalls {
		at := fmt.Sprintf("%s.tool_calls[%d]", path, i)
		if c.Type != "" && c.Type != "function" {
			return nil, refuse(at+".type", "only calls of the type function can be said")
		}
		if c.ID == "" {
			return nil, wrong(at+".id", "is missing")
		}
		input, ok := objectOf(string(c.Function.Arguments))
		if !ok {
			return nil, wrong(at+".function.arguments", "isn't a JSON object, which Anthropic needs it to be")
		}
		blocks = append(blocks, msgBlock{Type: "tool_use", ID: anthropicID(c.ID), Name: c.Function.Name, Input: input})
	}
	return blocks, nil
}

// mergeReasoning puts together the pieces of reasoning that a client kept as they were streamed:
// those of one index are one.
func mergeReasoning(list []reasoningDetail) []reasoningDetail {
	var out []reasoningDetail
	for _, d := range list {
		if n := len(out); n > 0 && out[n-1].Index == d.Index && out[n-1].Type == d.Type && out[n-1].Signature == "" && d.Type == "reasoning.text" {
			out[n-1].Text += d.Text
			out[n-1].Signature = d.Signature
			continue
		}
		out = append(out, d)
	}
	return out
}

// objectOf returns a call's arguments as a JSON object; nothing is an empty one.
func objectOf(arguments string) (json.RawMessage, bool) {
	if strings.TrimSpace(arguments) == "" {
		return json.RawMessage("{}"), true
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(arguments)) != nil || b.Bytes()[0] != '{' {
		return nil, false
	}
	return b.Bytes(), true
}

// anthropicID returns a call's id with only the characters that Anthropic takes: some servers
// have others in theirs ("functions.read:0").
func anthropicID(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, id)
}
