package wire

import (
	"encoding/json"
	"testing"
)

func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"choices":[{"delta":{"content":"x","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}`,
		`{"error":{"message":"m","code":7}}`, `{"error":"x"}`, `{"choices":[{"delta":{"content":[{"text":"x"}]}}],"usage":{}}`,
		`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4}}}`, `[]`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, _, err := Decode(data)
		if err != nil {
			return
		}
		if u := e.Usage; u != nil {
			if read, written := u.Cache(); read < 0 || written < 0 || read+written > max(u.Input, 0) {
				t.Fatalf("of %d tokens %d came from the cache and %d went into it", u.Input, read, written)
			}
		}
		var cs Calls
		for _, c := range e.Choices {
			_ = c.Delta.String()
			for _, tc := range c.Delta.ToolCalls {
				cs.Add(tc)
				cs.Add(tc)
			}
		}
		if len(cs) > 2*len(data) || !json.Valid(data) {
			t.Fatalf("%d calls of %q", len(cs), data)
		}
	})
}
