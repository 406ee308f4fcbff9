package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// Where the three dialects have texts that come in parts.

var wordsOf = map[dialect.Operation]words{
	dialect.OpChat:      {chatParts, chatEnds, chatRest},
	dialect.OpResponses: {responseParts, responseEnds, responseRest},
	dialect.OpMessages:  {messageParts, messageEnds, messageRest},
}

// chatTexts are the members of a chat's delta that are texts.
var chatTexts = []string{"content", "reasoning_content", "reasoning", "refusal", "function_call.arguments", "audio.transcript"}

// toolTexts are those of a tool call in it.
var toolTexts = []string{"function.arguments", "custom.input"}

func chatParts(data []byte) (all []part) {
	for i, choice := range gjson.GetBytes(data, "choices").Array() {
		index, at := choice.Get("index").String()+"/", "choices."+strconv.Itoa(i)+".delta."
		delta := choice.Get("delta")
		for _, name := range chatTexts {
			if delta.Get(name).Type == gjson.String {
				all = append(all, part{index + name, at + name})
			}
		}
		for k, c := range delta.Get("tool_calls").Array() {
			for _, name := range toolTexts {
				if c.Get(name).Type == gjson.String {
					all = append(all, part{index + "tool_calls/" + c.Get("index").String() + "/" + name, at + "tool_calls." + strconv.Itoa(k) + "." + name})
				}
			}
		}
	}
	return all
}

func chatEnds(data []byte) (keys []string) {
	for _, choice := range gjson.GetBytes(data, "choices").Array() {
		if choice.Get("finish_reason").Type == gjson.String {
			keys = append(keys, choice.Get("index").String()+"/")
		}
	}
	return keys
}

// chatRest is a chunk like now, but for what it says.
func chatRest(f *flow, text string, now []byte) sse.Event {
	b := []byte{'{'}
	gjson.ParseBytes(now).ForEach(func(name, v gjson.Result) bool {
		if name.Str != "choices" && name.Str != "usage" {
			b = append(append(append(append(b, name.Raw...), ':'), v.Raw...), ',')
		}
		return true
	})
	index, name, _ := strings.Cut(f.key, "/")
	said := gjson.AppendJSONString(nil, text)
	if tool, ok := strings.CutPrefix(name, "tool_calls/"); ok {
		k, name, _ := strings.Cut(tool, "/")
		said = fmt.Appendf(nil, `{"tool_calls":[{"index":%s,%s}]}`, number(k), nested(name, said))
	} else {
		said = fmt.Appendf(nil, `{%s}`, nested(name, said))
	}
	return sse.Event{Data: fmt.Appendf(b, `"choices":[{"index":%s,"delta":%s,"finish_reason":null}]}`, number(index), said)}
}

// nested is a member "a", or "a.b" in "a", with a value.
func nested(name string, value []byte) string {
	if outer, inner, ok := strings.Cut(name, "."); ok {
		return fmt.Sprintf(`%q:{%q:%s}`, outer, inner, value)
	}
	return fmt.Sprintf(`%q:%s`, name, value)
}

// number is an index as JSON.
func number(text string) string {
	if n, err := strconv.Atoi(text); err == nil {
		return strconv.Itoa(n)
	}
	return "0"
}

// messageTexts are the members of a content block's delta that are texts.
var messageTexts = []string{"text", "thinking", "partial_json"}

func messageParts(data []byte) (all []part) {
	if gjson.GetBytes(data, "type").Str != "content_block_delta" {
		return nil
	}
	for _, name := range messageTexts {
		if path := "delta." + name; gjson.GetBytes(data, path).Type == gjson.String {
			all = append(all, part{gjson.GetBytes(data, "index").String() + "/" + name, path})
		}
	}
	return all
}

func messageEnds(data []byte) []string {
	switch gjson.GetBytes(data, "type").Str {
	case "content_block_stop":
		return []string{gjson.GetBytes(data, "index").String() + "/"}
	case "message_delta", "message_stop":
		return []string{""}
	}
	return nil
}

// messageRest is the event that had the last part, with another.
func messageRest(f *flow, text string, _ []byte) sse.Event {
	return sse.Event{Name: "content_block_delta", Data: withText(f.of, f.path, text)}
}

// responseText is the text that an event is about: "0/response.output_text/...".
func responseText(data []byte, kind string) string {
	r := gjson.GetManyBytes(data, "output_index", "item_id", "content_index", "summary_index")
	return r[0].String() + "/" + kind + "/" + r[1].String() + "/" + r[2].String() + "/" + r[3].String()
}

func responseParts(data []byte) []part {
	kind, is := strings.CutSuffix(gjson.GetBytes(data, "type").Str, ".delta")
	if !is || gjson.GetBytes(data, "delta").Type != gjson.String || strings.HasPrefix(kind, "response.audio") && !strings.HasSuffix(kind, "transcript") {
		return nil
	}
	return []part{{responseText(data, kind), "delta"}}
}

func responseEnds(data []byte) []string {
	switch kind := gjson.GetBytes(data, "type").Str; kind {
	case "response.completed", "response.incomplete", "response.failed":
		return []string{""}
	case "response.output_item.done":
		return []string{gjson.GetBytes(data, "output_index").String() + "/"}
	default:
		if kind, is := strings.CutSuffix(kind, ".done"); is {
			return []string{responseText(data, kind)}
		}
	}
	return nil
}

// responseRest is the event that had the last part, with another, and the number of the one
// that it goes before.
func responseRest(f *flow, text string, now []byte) sse.Event {
	data := withText(f.of, f.path, text)
	if n, at := gjson.GetBytes(now, "sequence_number"), gjson.GetBytes(data, "sequence_number"); n.Index > 0 && at.Index > 0 {
		data = withRaw(data, at, []byte(n.Raw))
	}
	return sse.Event{Name: gjson.GetBytes(data, "type").Str, Data: data}
}

// numbered is an event's data after so many that weren't in the stream.
func numbered(data []byte, added int64) []byte {
	if n := gjson.GetBytes(data, "sequence_number"); added > 0 && n.Type == gjson.Number && n.Index > 0 {
		return withRaw(data, n, strconv.AppendInt(nil, n.Int()+added, 10))
	}
	return data
}
