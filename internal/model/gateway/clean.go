package gateway

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// Cleaner takes out of one answer what the org's policy doesn't let go. Not for concurrent
// use.
type Cleaner interface {
	// JSON returns a JSON text as it may go, which is raw itself if nothing is to change.
	// denied: it may not.
	JSON(raw []byte) ([]byte, error)
	// Flow begins a text that comes in parts.
	Flow() Flow
	// Done says that the answer is over.
	Done(ctx context.Context)
}

// Flow is a text that comes in parts.
type Flow interface {
	// Push returns what may go of the text, when part has come. denied: it may not.
	Push(part string) (string, error)
	// End returns the rest.
	End() (string, error)
}

// cleaner returns that of a call's answer; nil: it goes as it comes.
func (g *Gateway) cleaner(ctx context.Context, j *job) (Cleaner, error) {
	if g.cfg.Answers == nil || !wordy[j.Op] {
		return nil, nil
	}
	return g.cfg.Answers(ctx, j.Scope, j.Task)
}

// wordy are the operations whose answers have words in them.
var wordy = map[dialect.Operation]bool{dialect.OpChat: true, dialect.OpResponses: true, dialect.OpMessages: true, dialect.OpCompact: true}

// cleanWhole is a whole answer as it may go.
func cleanWhole(by Cleaner, body []byte) ([]byte, error) {
	return by.JSON(unspelled(body))
}

// unspelled is a JSON text without log-probabilities, which spell a text out in tokens: no
// secret would be found in them.
func unspelled(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`"logprobs"`)) {
		return raw
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil || !unspell(v) {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw // what was read can be written
	}
	return out
}

// unspell reports whether it has changed something.
func unspell(v any) (changed bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			changed = unspell(e) || changed
		}
	case map[string]any:
		for name, e := range v {
			list, isList := e.([]any)
			switch {
			case name != "logprobs":
				changed = unspell(e) || changed
			case isList && len(list) > 0:
				v[name], changed = []any{}, true
			case !isList && e != nil:
				v[name], changed = nil, true
			}
		}
	}
	return changed
}
