package clients

import "testing"

// TestVercel: Vercel's AI SDK has the same from this API, whatever API the models have.
func TestVercel(t *testing.T) {
	t.Parallel()
	clients(t)
	r := newRig(t)
	refused := func(status int, retried bool) object {
		return object{"call": true, "status": status, "retried": retried, "message": true}
	}
	want := map[string]any{
		"embeddings":       object{"vectors": list{list{1, 0.5, -0.5}, list{4, 0.5, -0.5}}, "tokens": 5},
		"unknown members":  "kept",
		"no such model":    refused(404, false),
		"no such key":      refused(401, false),
		"key that may not": refused(403, false),
		"no credits":       refused(429, true), // it heeds no word that this is of no use
		"rate":             refused(429, true),
		"trouble":          refused(503, true),
	}
	stepped := object{"calls": list{paris, oslo}, "steps": 2, "text": weather}
	for model, name := range map[string]string{"chat": byChat, "messages": byMessages, "responses": byResponses} {
		for k, v := range map[string]any{
			"text":           object{"text": "Well. " + hello, "finish": "stop", "usage": tokens, "model": name},
			"stream":         object{"text": hello, "finish": "stop", "usage": tokens, "several": true},
			"tools in steps": stepped, "tools in steps streamed": stepped, "schema": person, "picture": view,
			"reasoning": thought, "reasoning streamed": thought, "abort": true, "too much": refused(400, false),
		} {
			want[k+"/"+model] = v
		}
	}
	compare(t, r.program(t, "vercel_client.mjs"), want)
	r.abandoned(t, 3)
	r.private(t)
}
