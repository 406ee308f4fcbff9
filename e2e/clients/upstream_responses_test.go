package clients

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// responses is OpenAI's.
func (u *upstream) responses(w http.ResponseWriter, r *http.Request) {
	in := u.read(r)
	a := askedByResponses(in)
	if a.text == "too much" {
		answer(w, 400, object{"error": object{"message": "This is too long.", "type": "invalid_request_error", "param": "input", "code": "context_length_exceeded"}})
		return
	}
	if a.stream {
		u.responsesStream(w, r, in, a)
		return
	}
	answer(w, 200, response(in, a, "completed", a.answer().output()))
}

// response is the whole object, with what the request says.
func response(in object, a asked, status string, output list) object {
	out := object{
		"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "completed_at": nil, "status": status, "background": false, "error": nil, "incomplete_details": nil,
		"instructions": in["instructions"], "max_output_tokens": in["max_output_tokens"], "max_tool_calls": nil, "model": a.model, "output": output,
		"parallel_tool_calls": true, "previous_response_id": nil, "prompt_cache_key": nil, "reasoning": object{"effort": field(in, "reasoning", "effort"), "summary": field(in, "reasoning", "summary")},
		"safety_identifier": nil, "service_tier": "default", "store": false, "temperature": 1.0, "text": object{"format": object{"type": "text"}, "verbosity": "medium"},
		"tool_choice": "auto", "tools": list{}, "top_logprobs": 0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "truncation": "disabled", "usage": nil, "user": nil, "metadata": object{},
	}
	if f := field(in, "text", "format"); f != nil {
		out["text"] = object{"format": f, "verbosity": "medium"}
	}
	if len(a.tools) > 0 {
		for _, t := range items(in["tools"]) {
			whole := object{"description": nil, "parameters": nil, "strict": true}
			maps.Copy(whole, t.(object))
			out["tools"] = append(items(out["tools"]), whole)
		}
	}
	if status == "completed" {
		out["completed_at"] = 1_700_000_001
		out["usage"] = spent
	}
	if a.unknown != nil {
		out["x_echo"] = a.unknown
	}
	return out
}

// compact makes a conversation shorter: its user's turns stay, the rest is in what nobody reads.
func (u *upstream) compact(w http.ResponseWriter, r *http.Request) {
	in := u.read(r)
	kept := list{}
	for i, item := range items(in["input"]) {
		if field(item, "role") == "user" {
			kept = append(kept, object{"id": fmt.Sprintf("msg_%d", i), "type": "message", "role": "user", "status": "completed", "content": list{object{"type": "input_text", "text": wordsOf(field(item, "content"))}}})
		}
	}
	kept = append(kept, object{"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAAAABpM0Yj-sealed"})
	answer(w, 200, object{"id": "resp_2", "object": "response.compaction", "created_at": 1_700_000_000, "output": kept, "usage": spent})
}

// spent is what each response has used.
var spent = object{
	"input_tokens": 11, "input_tokens_details": object{"cached_tokens": 3}, "output_tokens": 7,
	"output_tokens_details": object{"reasoning_tokens": 2}, "total_tokens": 18,
}

// output are the items of what a model says.
func (s said) output() list {
	all := list{}
	if s.think != "" {
		all = append(all, object{"id": "rs_1", "type": "reasoning", "summary": list{object{"type": "summary_text", "text": s.think}}, "content": list{}, "status": "completed"})
	}
	if s.text != "" {
		all = append(all, object{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "phase": "final_answer", "content": list{outputText(s.text)}})
	}
	for _, c := range s.calls {
		all = append(all, object{"id": "fc_" + c.id, "type": "function_call", "call_id": c.id, "name": c.name, "arguments": c.arguments, "status": "completed"})
	}
	return all
}

func outputText(s string) object {
	return object{"type": "output_text", "text": s, "annotations": list{}, "logprobs": list{}}
}

func (u *upstream) responsesStream(w http.ResponseWriter, r *http.Request, in object, a asked) {
	n := 0
	send := func(name string, o object) {
		o["type"], o["sequence_number"] = name, n
		n++
		event(w, name, o)
	}
	send("response.created", object{"response": response(in, a, "in_progress", list{})})
	send("response.in_progress", object{"response": response(in, a, "in_progress", list{})})
	if a.text == "slow" {
		send("response.output_item.added", object{"output_index": 0, "item": object{"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": list{}}})
		send("response.content_part.added", object{"item_id": "msg_1", "output_index": 0, "content_index": 0, "part": outputText("")})
		u.slowly(r, func() {
			send("response.output_text.delta", object{"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "tick ", "logprobs": list{}})
		})
		return
	}
	u.thinks(w, a)
	output := a.answer().output()
	for i, item := range output {
		streamItem(send, i, item.(object))
	}
	send("response.completed", object{"response": response(in, a, "completed", output)})
}

// streamItem sends an item of the output as it comes.
func streamItem(send func(string, object), i int, item object) {
	at := func(more object) object {
		more["item_id"], more["output_index"] = item["id"], i
		return more
	}
	begun := object{}
	for k, v := range item {
		begun[k] = v
	}
	begun["status"] = "in_progress"
	switch item["type"] {
	case "reasoning":
		begun["summary"] = list{}
		send("response.output_item.added", object{"output_index": i, "item": begun})
		whole := text(field(items(item["summary"])[0], "text"))
		send("response.reasoning_summary_part.added", at(object{"summary_index": 0, "part": object{"type": "summary_text", "text": ""}}))
		for _, p := range pieces(whole) {
			send("response.reasoning_summary_text.delta", at(object{"summary_index": 0, "delta": p}))
		}
		send("response.reasoning_summary_text.done", at(object{"summary_index": 0, "text": whole}))
		send("response.reasoning_summary_part.done", at(object{"summary_index": 0, "part": object{"type": "summary_text", "text": whole}}))
	case "message":
		begun["content"] = list{}
		send("response.output_item.added", object{"output_index": i, "item": begun})
		whole := text(field(items(item["content"])[0], "text"))
		send("response.content_part.added", at(object{"content_index": 0, "part": outputText("")}))
		for _, p := range pieces(whole) {
			send("response.output_text.delta", at(object{"content_index": 0, "delta": p, "logprobs": list{}}))
		}
		send("response.output_text.done", at(object{"content_index": 0, "text": whole, "logprobs": list{}}))
		send("response.content_part.done", at(object{"content_index": 0, "part": outputText(whole)}))
	case "function_call":
		begun["arguments"] = ""
		send("response.output_item.added", object{"output_index": i, "item": begun})
		for _, p := range pieces(text(item["arguments"])) {
			send("response.function_call_arguments.delta", at(object{"delta": p}))
		}
		send("response.function_call_arguments.done", at(object{"name": item["name"], "arguments": item["arguments"]}))
	}
	send("response.output_item.done", object{"output_index": i, "item": item})
}

// askedByResponses reads a request of responses.
func askedByResponses(in object) asked {
	a := asked{
		model: text(in["model"]), stream: in["stream"] == true, tools: toolsOf(in, "name"), unknown: in["x_unknown"], system: text(in["instructions"]),
		schema: field(in, "text", "format", "type") == "json_schema", think: field(in, "reasoning", "effort") != nil || field(in, "reasoning", "summary") != nil,
	}
	if s, ok := in["input"].(string); ok {
		a.text = s
	}
	for _, item := range items(in["input"]) {
		if field(item, "type") == "function_call_output" {
			a.results = append(a.results, text(field(item, "call_id"))+"="+wordsOf(field(item, "output")))
			continue
		}
		for _, part := range items(field(item, "content")) {
			if field(part, "type") == "input_image" {
				a.pictures = append(a.pictures, pictureAt(text(field(part, "image_url"))))
			}
		}
		switch field(item, "role") {
		case "user":
			a.text = wordsOf(field(item, "content"))
		case "system", "developer":
			a.system = strings.TrimSpace(a.system + " " + wordsOf(field(item, "content")))
		}
	}
	return a
}
