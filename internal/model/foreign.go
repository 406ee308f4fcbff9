package model

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
)

// foreignCall is a tool call that a model wrote as text.
type foreignCall struct {
	name    string
	args    json.RawMessage
	problem string // set when it is meant as a call and its shape is unknown
}

// The keys by which the known shapes are told from ordinary JSON. A shape is
// closed: one key that isn't listed makes it data.
var (
	envelopes = []string{"tool", "tool_call", "function_call", "tool_calls"}
	argKeys   = []string{"args", "arguments", "parameters", "input"}
	bodyKeys  = append([]string{"name", "id", "type"}, argKeys...)
	firstKeys = append(append([]string{"function"}, envelopes...), bodyKeys...)
)

const knownShape = `; nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`

// foreignCalls reads JSON values that follow each other as tool calls. It
// returns nil if any of them is something else: then all of it is text. With
// strict set, as in the middle of prose, only an offered tool makes a call.
func (o *Offer) foreignCalls(text []byte, strict bool) []foreignCall {
	var calls []foreignCall
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return o.broken(text, strict)
		}
		values := []json.RawMessage{v}
		if v[0] == '[' && json.Unmarshal(v, &values) != nil {
			return nil
		}
		for _, v := range values {
			c := o.foreignValue(v, strict)
			if c == nil {
				return nil
			}
			calls = append(calls, c...)
		}
	}
	return calls
}

// foreignValue reads one JSON object as a call, or as an envelope of calls.
func (o *Offer) foreignValue(v json.RawMessage, strict bool) []foreignCall {
	fields := members(v)
	for _, key := range envelopes {
		inner, ok := fields[key]
		if !ok || !only(fields, key, "id", "type") {
			continue
		}
		if key != "tool_calls" {
			return o.foreignBody(inner, key != "tool", strict)
		}
		var list []json.RawMessage
		if json.Unmarshal(inner, &list) != nil || len(list) == 0 {
			return nil
		}
		var calls []foreignCall
		for _, entry := range list {
			if function, ok := members(entry)["function"]; ok {
				entry = function
			}
			c := o.foreignBody(entry, true, strict)
			if c == nil {
				return nil
			}
			calls = append(calls, c...)
		}
		return calls
	}
	if name, ok := text(fields["name"]); ok && o.Has(name) && only(fields, bodyKeys...) && hasAny(fields, argKeys) {
		return []foreignCall{{name: name, args: arguments(fields)}}
	}
	for _, key := range []string{"tool", "function"} {
		if name, ok := text(fields[key]); ok && o.Has(name) && only(fields, append([]string{key}, bodyKeys...)...) && hasAny(fields, argKeys) {
			return []foreignCall{unknownShape(name, v)}
		}
	}
	return nil
}

func unknownShape(name string, v json.RawMessage) foreignCall {
	return foreignCall{name: name, problem: "this looks like a tool call in an unknown shape: " + clip(string(v), maxExcerpt) + knownShape}
}

// foreignBody reads the object within an envelope. An explicit envelope can't
// be anything but a call; within "tool" data is thinkable, so that something
// must speak for a call: an offered name, or arguments and nothing else.
func (o *Offer) foreignBody(v json.RawMessage, explicit, strict bool) []foreignCall {
	fields := members(v)
	name, named := text(fields["name"])
	known := named && o.Has(name)
	closed := fields != nil && only(fields, bodyKeys...)
	switch {
	case !known && strict:
		return nil
	case named && closed && (known || explicit || hasAny(fields, argKeys)):
		return []foreignCall{{name: name, args: arguments(fields)}}
	case known || explicit:
		return []foreignCall{unknownShape(name, v)}
	}
	return nil
}

var beginsCall = regexp.MustCompile(`^\s*\{\s*"(?:tool|tool_call|function_call)"\s*:\s*\{\s*"name"\s*:\s*"([^"\\]*)"`)

// broken reports text that begins as a call and isn't JSON.
func (o *Offer) broken(b []byte, strict bool) []foreignCall {
	m := beginsCall.FindSubmatch(b)
	if m == nil || strict && !o.Has(string(m[1])) {
		return nil
	}
	return []foreignCall{{name: string(m[1]), problem: "this looks like a tool call and isn't valid JSON: " + clip(string(b), maxExcerpt) + knownShape}}
}

// members returns the fields of a JSON object, or nil if v isn't one.
func members(v json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(v, &m) != nil {
		return nil
	}
	return m
}

// text returns a JSON string's value.
func text(v json.RawMessage) (string, bool) {
	var s string
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}

// arguments returns the value of the first key that holds arguments.
func arguments(fields map[string]json.RawMessage) json.RawMessage {
	for _, k := range argKeys {
		if v, ok := fields[k]; ok {
			return v
		}
	}
	return nil
}

func only(fields map[string]json.RawMessage, keys ...string) bool {
	for k := range fields {
		if !slices.Contains(keys, k) {
			return false
		}
	}
	return true
}

func hasAny(fields map[string]json.RawMessage, keys []string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { _, ok := fields[k]; return ok })
}
