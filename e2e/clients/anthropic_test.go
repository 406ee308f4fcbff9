package clients

import "testing"

// TestAnthropic: Anthropic's own clients, for Node and for Python, have the same from this API,
// whatever API the models have.
func TestAnthropic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"anthropic_client.mjs", "anthropic_client.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clients(t)
			r := newRig(t)
			compare(t, r.program(t, name), anthropicWants())
			r.abandoned(t, 3)
			r.private(t)
		})
	}
}

func anthropicWants() map[string]any {
	want := map[string]any{
		"unknown members":  object{"deep": list{1, "two", nil}},
		"tokens":           14,
		"models":           true,
		"model":            object{"id": byMessages, "type": "model", "name": byMessages},
		"no such model":    anthropicError("NotFoundError", 404, "not_found_error", false),
		"no such key":      anthropicError("AuthenticationError", 401, "authentication_error", false),
		"key that may not": anthropicError("PermissionDeniedError", 403, "permission_error", false),
		"key as a token":   hello,
		"nonsense":         anthropicError("BadRequestError", 400, "invalid_request_error", false),
		"no credits":       anthropicError("RateLimitError", 429, "billing_error", false),
		"rate":             anthropicError("RateLimitError", 429, "rate_limit_error", true),
		"trouble":          anthropicError("ServiceUnavailableError", 503, "overloaded_error", false),
	}
	for model, name := range map[string]string{"chat": byChat, "messages": byMessages, "responses": byResponses} {
		for k, v := range anthropicWantsOf(name) {
			want[k+"/"+model] = v
		}
	}
	return want
}

// anthropicWantsOf is what is wanted of a model, of which the API that it has tells nothing.
func anthropicWantsOf(name string) map[string]any {
	tooMuch := anthropicError("BadRequestError", 400, "invalid_request_error", false)
	usage := list{8, 3, 7} // tokens of the input that weren't cached, that were, and of the output
	return map[string]any{
		"message":          object{"type": "message", "role": "assistant", "model": name, "text": "Well. " + hello, "stop": "end_turn", "usage": usage, "id": true},
		"system in blocks": "Well. " + hello,
		"stream": object{"text": hello, "whole": hello, "stop": "end_turn", "usage": usage, "seen": list{
			"content_block_delta", "content_block_start", "content_block_stop", "message_delta", "message_start", "message_stop",
		}},
		"tools":          object{"calls": list{paris, oslo}, "stop": "tool_use", "text": weather, "then": "end_turn"},
		"tools streamed": object{"calls": list{paris, oslo}, "stop": "tool_use"},
		"schema":         person, "picture": view, "thinking": thought, "abort": true, "silent": silent, "too much": tooMuch, "too much streamed": tooMuch,
	}
}

// anthropicError is an error as Anthropic's clients have it: wait says whether they are told
// how long.
func anthropicError(kind string, status int, named string, wait bool) object {
	return object{"type": kind, "status": status, "named": named, "id": true, "wait": wait}
}
