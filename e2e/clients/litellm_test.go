package clients

import "testing"

// TestLiteLLM: LiteLLM's client has the same from this API by OpenAI's dialect and by
// Anthropic's, whatever API the models have.
func TestLiteLLM(t *testing.T) {
	t.Parallel()
	clients(t)
	r := newRig(t)
	refused := func(kind string, status int) object { return object{"type": kind, "status": status} }
	want := map[string]any{
		"responses":        object{"text": hello, "status": "completed"},
		"embeddings":       list{list{1, 0.5, -0.5}, list{4, 0.5, -0.5}},
		"no such model":    refused("NotFoundError", 404),
		"no such key":      refused("AuthenticationError", 401),
		"key that may not": refused("APIError", 403), // its own word for it
		"no credits":       refused("RateLimitError", 429),
		"rate":             refused("RateLimitError", 429),
		"trouble":          refused("ServiceUnavailableError", 503),
	}
	usage := list{11, 7, 18} // tokens of the input, of the output, of both
	for _, way := range []string{" by chat/", " by messages/"} {
		for _, model := range []string{"chat", "messages", "responses"} {
			for k, v := range map[string]any{
				"chat":           object{"text": "Well. " + hello, "finish": "stop", "usage": usage},
				"stream":         object{"text": hello, "finish": "stop", "usage": usage},
				"concurrently":   list{hello, hello, hello},
				"tools":          object{"calls": list{paris, oslo}, "finish": "tool_calls", "text": weather},
				"tools streamed": object{"calls": list{paris, oslo}, "finish": "tool_calls"},
				"schema":         person, "picture": view, "abort": true, "too much": refused("BadRequestError", 400),
			} {
				want[k+way+model] = v
			}
		}
	}
	compare(t, r.program(t, "litellm_client.py"), want)
	r.abandoned(t, 6)
	r.private(t)
}
