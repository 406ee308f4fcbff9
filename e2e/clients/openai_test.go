package clients

import "testing"

// TestOpenAI: OpenAI's own clients, for Node and for Python, have the same from this API,
// whatever API the models have.
func TestOpenAI(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"openai_client.mjs", "openai_client.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clients(t)
			r := newRig(t)
			compare(t, r.program(t, name), openAIWants())
			r.abandoned(t, 6)
			r.private(t)
		})
	}
}

// What every model is asked, and says.
var (
	paris, oslo = list{"get_weather", object{"location": "Paris"}}, list{"get_weather", object{"location": "Oslo"}}
	person      = object{"name": "Ada", "age": 36}
	thought     = object{"think": "Let me see. It adds up.", "text": "Hello there, friend."}
	hello       = "Hello there, friend."
	view        = "I see image/png of 70 bytes."
	weather     = "The tools say call_1=18 degrees and call_2=17 degrees."
	silent      = object{"shown": true, "text": "Hello there, silent."} // with a sign, while it thinks, that it is alive
	tokens      = list{11, 3, 7, 18}                                    // of the input, of that cached, of the output, of both
)

func openAIWants() map[string]any {
	want := map[string]any{
		"log-probabilities":            object{"text": hello, "each": -0.25, "top": 1},
		"unknown members":              object{"deep": list{1, "two", nil}},
		"unknown members streamed":     list{"kept"},
		"unknown members of responses": object{"deep": true},
		"embeddings":                   object{"vectors": list{list{1, 0.5, -0.5}, list{4, 0.5, -0.5}}, "tokens": 5, "model": "embed"},
		"embeddings as floats":         list{1, 0.5, -0.5},
		"models":                       true,
		"model":                        object{"id": byChat, "object": "model"},
		"no such model to look at":     openAIError("NotFoundError", 404, "not_found_error", "model_not_found", nil, false),
		"no such model":                openAIError("NotFoundError", 404, "not_found_error", "model_not_found", nil, false),
		"no such key":                  openAIError("AuthenticationError", 401, "authentication_error", "invalid_api_key", nil, false),
		"key that may not":             openAIError("PermissionDeniedError", 403, "permission_error", nil, nil, false),
		"nonsense":                     openAIError("BadRequestError", 400, "invalid_request_error", nil, nil, false),
		"no credits":                   openAIError("RateLimitError", 429, "insufficient_quota", "insufficient_quota", nil, false),
		"rate":                         openAIError("RateLimitError", 429, "rate_limit_error", "rate_limit_exceeded", nil, true),
		"trouble":                      openAIError("InternalServerError", 503, "server_error", nil, nil, false),
	}
	for model, name := range map[string]string{"chat": byChat, "messages": byMessages, "responses": byResponses} {
		for k, v := range openAIWantsOf(model, name) {
			want[k+"/"+model] = v
		}
	}
	return want
}

// openAIWantsOf is what is wanted of a model, of which the API that it has tells nothing but the
// words of an error.
func openAIWantsOf(model, name string) map[string]any {
	words := map[string]any{"chat": "messages", "messages": nil, "responses": "input"}[model]
	code := any("context_length_exceeded")
	if model == "messages" {
		code = nil // Anthropic's API has none
	}
	tooMuch := openAIError("BadRequestError", 400, "invalid_request_error", code, words, false)
	compacted := openAIError("NotFoundError", 404, "not_found_error", nil, nil, false)
	if model == "responses" { // the others have nothing like it
		compacted = object{"object": "response.compaction", "kept": list{"message", "compaction"}, "usage": tokens}
	}
	called := list{append(list{"function"}, paris...), append(list{"function"}, oslo...)}
	return map[string]any{
		"chat":                 object{"object": "chat.completion", "model": name, "text": "Well. " + hello, "role": "assistant", "finish": "stop", "usage": tokens},
		"stream":               object{"text": hello, "role": "assistant", "finish": "stop", "usage": tokens, "several": true},
		"stream without usage": object{"text": hello, "usages": 0, "empty": 0},
		"tools":                object{"calls": called, "finish": "tool_calls", "text": weather, "then": "stop"},
		"tools streamed":       object{"calls": called, "finish": "tool_calls"},
		"schema":               person, "picture": view, "reasoning": thought, "abort": true, "too much": tooMuch, "too much streamed": tooMuch,
		"responses": object{"object": "response", "model": name, "status": "completed", "text": "Well. " + hello, "usage": tokens},
		"responses streamed": object{"text": hello, "whole": hello, "status": "completed", "usage": tokens, "ordered": true, "seen": list{
			"response.completed", "response.content_part.added", "response.content_part.done", "response.created", "response.in_progress",
			"response.output_item.added", "response.output_item.done", "response.output_text.delta", "response.output_text.done",
		}},
		"responses tools":          object{"calls": list{paris, oslo}, "text": weather},
		"responses tools streamed": list{paris, oslo},
		"responses schema":         person, "responses picture": view, "responses reasoning": thought, "responses abort": true, "compaction": compacted, "silent": silent, "responses silent": silent,
	}
}

// openAIError is an error as OpenAI's clients have it: wait says whether they are told how long.
func openAIError(kind string, status int, named string, code, param any, wait bool) object {
	return object{"type": kind, "status": status, "named": named, "code": code, "param": param, "id": true, "wait": wait}
}
