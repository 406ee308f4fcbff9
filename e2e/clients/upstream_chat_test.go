package clients

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"
	"strings"
)

// chat is OpenAI's chat completions.
func (u *upstream) chat(w http.ResponseWriter, r *http.Request) {
	in := u.read(r)
	a := askedByChat(in)
	if a.text == "too much" {
		answer(w, 400, object{"error": object{"message": "This is too long.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}})
		return
	}
	if a.stream {
		u.chatStream(w, r, in, a)
		return
	}
	s := a.answer()
	message := object{"role": "assistant", "content": s.text, "refusal": nil, "annotations": list{}}
	finish := "stop"
	if s.think != "" {
		message["reasoning_content"] = s.think
	}
	if len(s.calls) > 0 {
		message["content"], finish = nil, "tool_calls"
		calls := list{}
		for _, c := range s.calls {
			calls = append(calls, object{"id": c.id, "type": "function", "function": object{"name": c.name, "arguments": c.arguments}})
		}
		message["tool_calls"] = calls
	}
	choice := object{"index": 0, "message": message, "logprobs": nil, "finish_reason": finish}
	if a.logprobs {
		choice["logprobs"] = logprobs(pieces(s.text)...)
	}
	out := object{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": a.model, "choices": list{choice},
		"usage": chatUsage(), "service_tier": "default", "system_fingerprint": "fp_1",
	}
	if a.unknown != nil {
		out["x_echo"] = a.unknown
	}
	answer(w, 200, out)
}

func chatUsage() object {
	return object{
		"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
		"prompt_tokens_details":     object{"cached_tokens": 3, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": 2, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
	}
}

func logprobs(tokens ...string) object {
	all := list{}
	for _, t := range tokens {
		all = append(all, object{"token": t, "logprob": -0.25, "bytes": nil, "top_logprobs": list{object{"token": t, "logprob": -0.25, "bytes": nil}}})
	}
	return object{"content": all, "refusal": nil}
}

func (u *upstream) chatStream(w http.ResponseWriter, r *http.Request, in object, a asked) {
	usage := field(in, "stream_options", "include_usage") == true
	send := func(delta object, finish any, probable any) {
		chunk := object{
			"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": a.model, "service_tier": "default", "system_fingerprint": "fp_1",
			"choices": list{object{"index": 0, "delta": delta, "logprobs": probable, "finish_reason": finish}},
		}
		if usage {
			chunk["usage"] = nil
		}
		if a.unknown != nil {
			chunk["x_echo"] = a.unknown
		}
		event(w, "", chunk)
	}
	send(object{"role": "assistant", "content": "", "refusal": nil}, nil, nil)
	if a.text == "slow" {
		u.slowly(r, func() { send(object{"content": "tick "}, nil, nil) })
		return
	}
	u.thinks(w, a)
	s := a.answer()
	for _, p := range pieces(s.think) {
		send(object{"reasoning_content": p}, nil, nil)
	}
	for _, p := range pieces(s.text) {
		var probable any
		if a.logprobs {
			probable = logprobs(p)
		}
		send(object{"content": p}, nil, probable)
	}
	finish := "stop"
	for i, c := range s.calls {
		finish = "tool_calls"
		send(object{"tool_calls": list{object{"index": i, "id": c.id, "type": "function", "function": object{"name": c.name, "arguments": ""}}}}, nil, nil)
		for _, p := range pieces(c.arguments) {
			send(object{"tool_calls": list{object{"index": i, "function": object{"arguments": p}}}}, nil, nil)
		}
	}
	send(object{}, finish, nil)
	if usage {
		event(w, "", object{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": a.model, "choices": list{}, "usage": chatUsage()})
	}
	event(w, "", "[DONE]")
}

// askedByChat reads a request of chat completions.
func askedByChat(in object) asked {
	a := asked{
		model: text(in["model"]), stream: in["stream"] == true, tools: toolsOf(in, "function", "name"), unknown: in["x_unknown"],
		schema: field(in, "response_format", "type") == "json_schema" && field(in, "response_format", "json_schema", "schema", "properties", "age") != nil,
		think:  in["reasoning_effort"] != nil, logprobs: in["logprobs"] == true,
	}
	for _, m := range items(in["messages"]) {
		var words []string
		if s, ok := field(m, "content").(string); ok {
			words = append(words, s)
		}
		for _, part := range items(field(m, "content")) {
			switch field(part, "type") {
			case "text":
				words = append(words, text(field(part, "text")))
			case "image_url":
				a.pictures = append(a.pictures, pictureAt(text(field(part, "image_url", "url"))))
			}
		}
		said := strings.Join(words, " ")
		switch field(m, "role") {
		case "system", "developer":
			a.system += said
		case "user":
			a.text = said
		case "tool":
			a.results = append(a.results, text(field(m, "tool_call_id"))+"="+said)
		}
	}
	return a
}

// embeddings is OpenAI's: of each text, its length and two halves.
func (u *upstream) embeddings(w http.ResponseWriter, r *http.Request) {
	in := u.read(r)
	texts := items(in["input"])
	if s, ok := in["input"].(string); ok {
		texts = list{s}
	}
	data := list{}
	for i, t := range texts {
		vector := []float32{float32(len(text(t))), 0.5, -0.5}
		var shown any = vector
		if in["encoding_format"] == "base64" {
			var b []byte
			for _, x := range vector {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
			}
			shown = base64.StdEncoding.EncodeToString(b)
		}
		data = append(data, object{"object": "embedding", "index": i, "embedding": shown})
	}
	answer(w, 200, object{"object": "list", "data": data, "model": in["model"], "usage": object{"prompt_tokens": 5, "total_tokens": 5}})
}
