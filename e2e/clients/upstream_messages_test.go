package clients

import (
	"encoding/json"
	"net/http"
	"strings"
)

// messages is Anthropic's.
func (u *upstream) messages(w http.ResponseWriter, r *http.Request) {
	in := u.read(r)
	a := askedByMessages(in)
	switch {
	case in["max_tokens"] == nil || r.Header.Get("Anthropic-Version") == "":
		answer(w, 400, object{"type": "error", "error": object{"type": "invalid_request_error", "message": "max_tokens: Field required"}, "request_id": "req_1"})
		return
	case a.text == "too much":
		answer(w, 400, object{"type": "error", "error": object{"type": "invalid_request_error", "message": "This is too long."}, "request_id": "req_1"})
		return
	case a.stream:
		u.messagesStream(w, r, a)
		return
	}
	s := a.answer()
	out := message(a.model)
	content := list{}
	if s.think != "" {
		content = append(content, object{"type": "thinking", "thinking": s.think, "signature": "c2lnbmF0dXJl"})
	}
	if s.text != "" {
		content = append(content, object{"type": "text", "text": s.text, "citations": nil})
	}
	for _, c := range s.calls {
		content = append(content, object{"type": "tool_use", "id": c.id, "name": c.name, "input": json.RawMessage(c.arguments), "caller": object{"type": "direct"}})
	}
	out["content"], out["stop_reason"], out["usage"] = content, s.stop(), messagesUsage(7)
	if a.unknown != nil {
		out["x_echo"] = a.unknown
	}
	answer(w, 200, out)
}

func message(model string) object {
	return object{
		"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": list{}, "stop_reason": nil, "stop_sequence": nil,
		"container": nil, "stop_details": nil, "usage": messagesUsage(1),
	}
}

func messagesUsage(output int) object {
	return object{
		"input_tokens": 8, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0, "output_tokens": output, "service_tier": "standard",
		"cache_creation": object{"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "server_tool_use": nil, "inference_geo": nil, "output_tokens_details": nil, "speed": nil,
	}
}

func (s said) stop() string {
	if len(s.calls) > 0 {
		return "tool_use"
	}
	return "end_turn"
}

func (u *upstream) messagesStream(w http.ResponseWriter, r *http.Request, a asked) {
	send := func(name string, o object) {
		o["type"] = name
		event(w, name, o)
	}
	start := object{"message": message(a.model)}
	if a.unknown != nil {
		start["x_echo"] = a.unknown
	}
	send("message_start", start)
	n := 0
	block := func(begin object, deltas ...object) {
		send("content_block_start", object{"index": n, "content_block": begin})
		for _, d := range deltas {
			send("content_block_delta", object{"index": n, "delta": d})
		}
		send("content_block_stop", object{"index": n})
		n++
	}
	send("ping", object{})
	if a.text == "slow" {
		send("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}})
		u.slowly(r, func() {
			send("content_block_delta", object{"index": 0, "delta": object{"type": "text_delta", "text": "tick "}})
		})
		return
	}
	u.thinks(w, a)
	s := a.answer()
	if s.think != "" {
		var all []object
		for _, p := range pieces(s.think) {
			all = append(all, object{"type": "thinking_delta", "thinking": p})
		}
		block(object{"type": "thinking", "thinking": "", "signature": ""}, append(all, object{"type": "signature_delta", "signature": "c2lnbmF0dXJl"})...)
	}
	if s.text != "" {
		var all []object
		for _, p := range pieces(s.text) {
			all = append(all, object{"type": "text_delta", "text": p})
		}
		block(object{"type": "text", "text": ""}, all...)
	}
	for _, c := range s.calls {
		all := []object{{"type": "input_json_delta", "partial_json": ""}}
		for _, p := range pieces(c.arguments) {
			all = append(all, object{"type": "input_json_delta", "partial_json": p})
		}
		block(object{"type": "tool_use", "id": c.id, "name": c.name, "input": object{}, "caller": object{"type": "direct"}}, all...)
	}
	send("message_delta", object{"delta": object{"stop_reason": s.stop(), "stop_sequence": nil, "container": nil, "stop_details": nil}, "usage": messagesUsage(7)})
	send("message_stop", object{})
}

// askedByMessages reads a request of messages.
func askedByMessages(in object) asked {
	a := asked{
		model: text(in["model"]), stream: in["stream"] == true, tools: toolsOf(in, "name"), unknown: in["x_unknown"],
		schema: field(in, "output_config", "format", "type") == "json_schema",
		think:  field(in, "thinking", "type") == "enabled" || field(in, "thinking", "type") == "adaptive" || field(in, "output_config", "effort") != nil,
	}
	a.system = wordsOf(in["system"])
	for _, m := range items(in["messages"]) {
		for _, part := range items(field(m, "content")) {
			switch field(part, "type") {
			case "image":
				a.pictures = append(a.pictures, picture(text(field(part, "source", "media_type")), text(field(part, "source", "data"))))
			case "tool_result":
				a.results = append(a.results, text(field(part, "tool_use_id"))+"="+wordsOf(field(part, "content")))
			}
		}
		if field(m, "role") == "user" {
			a.text = wordsOf(field(m, "content"))
		}
	}
	return a
}

// wordsOf is the text of a content, which is a text or a list of blocks.
func wordsOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var words []string
	for _, part := range items(v) {
		if s := text(field(part, "text")); s != "" {
			words = append(words, s)
		}
	}
	return strings.Join(words, " ")
}
