package model

import (
	"bytes"
	"encoding/json"
	"strings"
)

// marks are the tokens with which models begin calls that they write as text, where their
// server hands such tokens on. What follows, to the end of the answer, is meant as calls.
var marks = []string{
	"<|python_tag|>",  // Llama
	"[TOOL_CALLS]",    // Mistral
	"<|tool_call|>",   // Granite, Phi
	"<function_call>", // Granite
	deepSeekCalls,
}

// fillers are the tokens that stand between calls and behind them, besides the marks.
var fillers = []string{"<|eom_id|>", "<|eot_id|>", "<|/tool_call|>", "</function_call>", "<|end|>", "<|end_of_text|>", "</s>"}

// DeepSeek's tokens.
const (
	deepSeekCalls = "<\uff5ctool\u2581calls\u2581begin\uff5c>"
	deepSeekCall  = "<\uff5ctool\u2581call\u2581begin\uff5c>"
	deepSeekSep   = "<\uff5ctool\u2581sep\uff5c>"
	deepSeekEnd   = "<\uff5ctool\u2581call\u2581end\uff5c>"
)

// openingMark says whether a mark stands at the start of a line.
func openingMark(b []byte) blockKind {
	kind := ordinary
	for _, m := range marks {
		switch {
		case bytes.HasPrefix(b, []byte(m)):
			return markBlock
		case strings.HasPrefix(m, string(b[:min(len(b), len(m))])):
			kind = undecided
		}
	}
	return kind
}

// tagged reads what stands between tags, or from a mark on: always meant as calls.
func (o *Offer) tagged(body []byte) []foreignCall {
	s := string(body)
	for _, read := range []func(string) []foreignCall{o.explicit, mistral, deepSeek} {
		if calls := read(s); calls != nil {
			return calls
		}
	}
	why := "this looks like a tool call and isn't one: " + clip(strings.TrimSpace(s), maxExcerpt) + knownShape
	return []foreignCall{{problem: why}}
}

// explicit reads JSON values and arrays of them, whatever stands between them.
func (o *Offer) explicit(s string) (calls []foreignCall) {
	for s = separated(s); s != ""; s = separated(s) {
		d := json.NewDecoder(strings.NewReader(s))
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return nil
		}
		s = s[d.InputOffset():]
		values := []json.RawMessage{v}
		if v[0] == '[' && json.Unmarshal(v, &values) != nil {
			return nil
		}
		for _, v := range values {
			if function := members(v)["function"]; members(function) != nil { // as OpenAI has it
				v = function
			}
			calls = append(calls, o.foreignBody(v, true, false)...)
		}
	}
	return calls
}

// separated drops what may stand before a value: white space, separators and tokens.
func separated(s string) string {
	for was := -1; len(s) != was; {
		was = len(s)
		s = strings.TrimLeft(s, " \t\r\n;,")
		for _, list := range [][]string{marks, fillers} {
			for _, token := range list {
				s = strings.TrimPrefix(s, token)
			}
		}
	}
	return s
}

// mistral reads "[TOOL_CALLS]name[ARGS]{...}", once or several times.
func mistral(s string) (calls []foreignCall) {
	for part := range strings.SplitSeq(s, "[TOOL_CALLS]") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "</s>")
		if part == "" {
			continue
		}
		name, args, ok := strings.Cut(part, "[ARGS]")
		name, _, _ = strings.Cut(name, "[CALL_ID]")
		if !ok || name == "" {
			return nil
		}
		calls = append(calls, foreignCall{name: name, args: json.RawMessage(args)})
	}
	return calls
}

// deepSeek reads calls between DeepSeek's tokens: a name and its arguments, which V3 and R1 have
// in a fence after the word "function".
func deepSeek(s string) (calls []foreignCall) {
	for i, part := range strings.Split(s, deepSeekCall) {
		if i == 0 {
			continue
		}
		part, _, _ = strings.Cut(part, deepSeekEnd)
		name, args, ok := strings.Cut(part, deepSeekSep)
		if !ok {
			return nil
		}
		if strings.TrimSpace(name) == "function" {
			name, args, _ = strings.Cut(args, "\n")
			args = strings.TrimPrefix(strings.TrimSpace(args), fence+"json")
			args = strings.TrimSuffix(strings.TrimSpace(args), fence)
		}
		calls = append(calls, foreignCall{name: strings.TrimSpace(name), args: json.RawMessage(args)})
	}
	return calls
}
