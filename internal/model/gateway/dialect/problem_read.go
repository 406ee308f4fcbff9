package dialect

import (
	"encoding/json"
	"strings"
)

// maxProblem bounds a problem's message, in bytes.
const maxProblem = 2048

// ReadProblem reads an error of any of the dialects, and of servers that have one of their own: an
// error that is an object or a string, a list of one, a detail, plain text, HTML, nothing. What
// isn't there stays empty.
func ReadProblem(body []byte) Problem {
	body = []byte(strings.TrimSpace(string(body)))
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 { // Google's
		body = list[0]
	}
	var s string
	if json.Unmarshal(body, &s) == nil {
		return Problem{Message: sentence(s)}
	}
	if json.Valid(body) {
		return readProblem(body, 0)
	}
	return Problem{Message: sentence(withoutTags(string(body)))}
}

// readProblem reads an object that is an error, or has one in it.
func readProblem(raw json.RawMessage, depth int) Problem {
	var o struct {
		Error    json.RawMessage `json:"error"`
		Errors   json.RawMessage `json:"errors"`
		Response json.RawMessage `json:"response"` // the event response.failed
		Type     json.RawMessage `json:"type"`
		Code     json.RawMessage `json:"code"`
		Param    json.RawMessage `json:"param"`
		Message  json.RawMessage `json:"message"`
		Detail   json.RawMessage `json:"detail"`
		Title    json.RawMessage `json:"title"`
	}
	if json.Unmarshal(raw, &o) != nil {
		return Problem{Message: sentence(text0(raw))}
	}
	for _, inner := range []json.RawMessage{o.Error, o.Response, o.Errors} {
		var list []json.RawMessage
		if json.Unmarshal(inner, &list) == nil && len(list) > 0 {
			inner = list[0]
		}
		if !absent(inner) && depth < 4 {
			if p := readProblem(inner, depth+1); p != (Problem{}) {
				p.Message = or(p.Message, sentence(text0(o.Message)))
				return p
			}
		}
	}
	p := Problem{Type: sentence(text0(o.Type)), Code: sentence(text0(o.Code)), Param: sentence(text0(o.Param))}
	for _, m := range []json.RawMessage{o.Message, o.Detail, o.Title} {
		p.Message = or(p.Message, sentence(text0(m)))
	}
	return p
}

// text0 returns a string, or another value as it is written; null is nothing.
func text0(raw json.RawMessage) string {
	var s string
	if absent(raw) || json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// sentence returns a text as one bounded line of valid UTF-8.
func sentence(s string) string {
	return strings.ToValidUTF8(clip(strings.Join(strings.Fields(s), " "), maxProblem), "")
}

// withoutTags returns the text of a page of HTML, or what isn't one as it is.
func withoutTags(s string) string {
	if !strings.HasPrefix(s, "<") {
		return s
	}
	var b strings.Builder
	for len(s) > 0 && b.Len() < maxProblem {
		text, rest, tag := strings.Cut(s, "<")
		b.WriteString(text + " ")
		if !tag {
			break
		}
		name := strings.ToLower(clip(rest, 6))
		_, s, _ = strings.Cut(rest, ">")
		if strings.HasPrefix(name, "style") || strings.HasPrefix(name, "script") {
			_, s, _ = strings.Cut(s, "</")
			_, s, _ = strings.Cut(s, ">")
		}
	}
	return b.String()
}
