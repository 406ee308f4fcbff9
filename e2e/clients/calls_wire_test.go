package clients

import (
	"encoding/json"
	"fmt"
)

func chatAnswer(message object) object {
	return object{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
		"choices": list{object{"index": 0, "message": message, "finish_reason": "stop"}},
	}
}

func chatDelta(delta object) object {
	return object{
		"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
		"choices": list{object{"index": 0, "delta": delta, "finish_reason": nil}},
	}
}

func chatStop() object {
	return object{
		"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
		"choices": list{object{"index": 0, "delta": object{}, "finish_reason": "stop"}},
	}
}

func chatCalls(calls []namedCall, args func(namedCall) json.RawMessage) (all list) {
	for i, c := range calls {
		all = append(all, object{"id": fmt.Sprint("call_", i), "type": "function", "function": object{"name": c.Name, "arguments": args(c)}})
	}
	return all
}

func chatWhole(args func(namedCall) json.RawMessage) func([]namedCall) object {
	return func(calls []namedCall) object {
		return chatAnswer(object{"role": "assistant", "content": nil, "tool_calls": chatCalls(calls, args)})
	}
}

func chatPieces(calls []namedCall, cut func(string) []string) (all []object) {
	for i, c := range calls {
		all = append(all, chatDelta(object{"tool_calls": list{object{
			"index": i, "id": fmt.Sprint("call_", i), "type": "function", "function": object{"name": c.Name, "arguments": ""},
		}}}))
		for _, p := range cut(string(c.Arguments)) {
			all = append(all, chatDelta(object{"tool_calls": list{object{"index": i, "function": object{"arguments": p}}}}))
		}
	}
	return append(all, chatStop())
}

// chatEach streams each call whole and without an index.
func chatEach(args func(namedCall) json.RawMessage) func([]namedCall, func(string) []string) []object {
	return func(calls []namedCall, _ func(string) []string) (all []object) {
		for _, c := range chatCalls(calls, args) {
			all = append(all, chatDelta(object{"role": "assistant", "tool_calls": list{c}}))
		}
		return append(all, chatStop())
	}
}

func chatLegacy(calls []namedCall) object {
	return chatAnswer(object{"role": "assistant", "content": nil, "function_call": object{"name": calls[0].Name, "arguments": string(calls[0].Arguments)}})
}

func chatLegacyPieces(calls []namedCall, cut func(string) []string) []object {
	all := []object{chatDelta(object{"function_call": object{"name": calls[0].Name, "arguments": ""}})}
	for _, p := range cut(string(calls[0].Arguments)) {
		all = append(all, chatDelta(object{"function_call": object{"arguments": p}}))
	}
	return append(all, chatStop())
}

func saidOf(calls []namedCall) (s said) {
	for i, c := range calls {
		s.calls = append(s.calls, call{fmt.Sprint("call_", i), c.Name, string(c.Arguments)})
	}
	return s
}

func responsesWhole(calls []namedCall) object {
	return response(object{}, asked{model: "m"}, "completed", saidOf(calls).output())
}

func responsesPieces(calls []namedCall, cut func(string) []string) (all []object) {
	send := func(name string, o object) {
		o["type"], o["sequence_number"] = name, len(all)
		all = append(all, o)
	}
	send("response.created", object{"response": response(object{}, asked{model: "m"}, "in_progress", list{})})
	for i, x := range saidOf(calls).output() {
		item := x.(object)
		begun := object{"id": item["id"], "type": "function_call", "call_id": item["call_id"], "name": item["name"], "arguments": "", "status": "in_progress"}
		send("response.output_item.added", object{"output_index": i, "item": begun})
		for _, p := range cut(text(item["arguments"])) {
			send("response.function_call_arguments.delta", object{"item_id": item["id"], "output_index": i, "delta": p})
		}
		send("response.function_call_arguments.done", object{"item_id": item["id"], "output_index": i, "name": item["name"], "arguments": item["arguments"]})
		send("response.output_item.done", object{"output_index": i, "item": item})
	}
	send("response.completed", object{"response": response(object{}, asked{model: "m"}, "completed", saidOf(calls).output())})
	return all
}

func messagesWhole(calls []namedCall) object {
	m, content := message("m"), list{}
	for i, c := range calls {
		content = append(content, object{"type": "tool_use", "id": fmt.Sprint("toolu_", i), "name": c.Name, "input": c.Arguments})
	}
	m["content"], m["stop_reason"], m["usage"] = content, "tool_use", messagesUsage(7)
	return m
}

func messagesPieces(calls []namedCall, cut func(string) []string) []object {
	all := []object{{"type": "message_start", "message": message("m")}}
	for i, c := range calls {
		all = append(all, object{"type": "content_block_start", "index": i, "content_block": object{"type": "tool_use", "id": fmt.Sprint("toolu_", i), "name": c.Name, "input": object{}}})
		for _, p := range cut(string(c.Arguments)) {
			all = append(all, object{"type": "content_block_delta", "index": i, "delta": object{"type": "input_json_delta", "partial_json": p}})
		}
		all = append(all, object{"type": "content_block_stop", "index": i})
	}
	return append(all,
		object{"type": "message_delta", "delta": object{"stop_reason": "tool_use", "stop_sequence": nil}, "usage": messagesUsage(7)},
		object{"type": "message_stop"})
}
