package dialect

import (
	"bytes"
	"iter"
)

// Text yields every text that a model would read: of the system's words, messages, calls and
// their outcomes, and tools and schemas as they are written. Pictures and other files aren't
// text. It is for estimates: names of fields that the API doesn't know count, too.
func (r Request) Text() iter.Seq[string] {
	return func(yield func(string) bool) {
		more := true
		object(r.Body, space(r.Body, 0), 0, func(name []byte, from, to int) {
			if !more {
				return
			}
			v := r.Body[from:to]
			switch named, _ := unquote(name); named {
			case "messages", "input", "instructions", "system":
				w := walk{b: v, take: func(name, raw []byte) {
					if more && worded(name, raw) {
						s, ok := unquote(raw)
						more = !ok || s == "" || yield(s)
					}
				}}
				w.value(0, nil)
			case "tools", "functions", "response_format", "text", "output_format", "output_config":
				if v[0] != 'n' {
					more = yield(string(v))
				}
			}
		})
	}
}

// Tokens returns how many tokens an embedding's input has as numbers.
func (r Request) Tokens() int {
	n := 0
	if r.Op == OpEmbeddings {
		object(r.Body, space(r.Body, 0), 0, func(name []byte, from, to int) {
			if named, _ := unquote(name); named == "input" && r.Body[from] == '[' {
				v := r.Body[from:to]
				array(v, 0, 1, func(from, to int) {
					if v[from] == '[' {
						array(v[from:to], 0, 2, func(int, int) { n++ })
					} else if v[from] != '"' {
						n++
					}
				})
			}
		})
	}
	return n
}

// Text returns how many bytes of text, arguments and reasoning are in a whole answer.
func Text(op Operation, body []byte) int {
	in := ""
	switch op {
	case OpChat:
		in = "choices"
	case OpResponses, OpCompact:
		in = "output"
	case OpMessages:
		in = "content"
	}
	n := 0
	object(body, space(body, 0), 0, func(name []byte, from, to int) {
		if string(name) == in {
			n += textIn(body[from:to])
		}
	})
	return n
}

// textIn returns how many bytes of text are in a value, which was scanned.
func textIn(v []byte) int {
	n := 0
	w := walk{b: v, take: func(name, raw []byte) {
		if worded(name, raw) {
			n += length(raw)
		}
	}}
	w.value(0, nil)
	return n
}

// pictures returns how many pictures a request, which was scanned, shows.
func pictures(body []byte) int {
	found := 0
	w := walk{b: body, take: func(name, raw []byte) {
		if string(name) == "type" {
			switch string(raw) {
			case "image_url", "input_image", "image":
				found++
			}
		}
	}}
	w.value(space(body, 0), nil)
	return found
}

// walk takes every string in a value that was scanned, in one pass.
type walk struct {
	b    []byte
	take func(name, raw []byte) // the member that it is of, and what is between its quotes
	skip func(name []byte) bool // a member, with all that is in it; nil: none
}

// value reads the value at b[i], which is of a member of that name.
func (w *walk) value(i int, name []byte) int {
	switch w.b[i] {
	case '{':
		for i = space(w.b, i+1); w.b[i] != '}'; {
			nameAt := i + 1
			i = text(w.b, nameAt)
			name := w.b[nameAt : i-1]
			i = space(w.b, space(w.b, i)+1)
			if w.skip != nil && w.skip(name) {
				i = w.next(value(w.b, i, 0))
			} else {
				i = w.next(w.value(i, name))
			}
		}
		return i + 1
	case '[':
		for i = space(w.b, i+1); w.b[i] != ']'; {
			i = w.next(w.value(i, name))
		}
		return i + 1
	case '"':
		end := text(w.b, i+1)
		w.take(name, w.b[i+1:end-1])
		return end
	}
	return value(w.b, i, 0)
}

// next returns where the next member or element is, or the closing bracket.
func (w *walk) next(i int) int {
	if i = space(w.b, i); w.b[i] == ',' {
		i = space(w.b, i+1)
	}
	return i
}

// worded reports whether the string of a member of that name is words, rather than a kind, an
// id or a file.
func worded(name, raw []byte) bool {
	switch string(name) {
	case "type", "role", "id", "call_id", "tool_call_id", "tool_use_id", "item_id", "status", "object", "index",
		"media_type", "mime_type", "detail", "format", "url", "image_url", "file_url", "file_data", "file_id", "filename",
		"encrypted_content", "signature", "finish_reason", "stop_reason", "phase", "ttl", "token", "bytes":
		return false
	case "data": // a file in base64 or a plain text
		return bytes.IndexByte(raw[:min(len(raw), 256)], ' ') >= 0
	}
	return true
}

// length returns how many bytes a string has, which is written with these bytes.
func length(raw []byte) int {
	n := len(raw)
	for i := bytes.IndexByte(raw, '\\'); i >= 0 && i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if i++; raw[i] != 'u' {
			n--
			continue
		}
		n -= 6 - runeBytes(raw[i+1:i+5])
		i += 4
	}
	return n
}

// runeBytes returns how many bytes of UTF-8 a \u escape of these digits makes; one half of a
// surrogate pair makes two.
func runeBytes(digits []byte) int {
	switch {
	case digits[0] == '0' && digits[1] == '0' && digits[2] < '8':
		return 1
	case digits[0] == '0' && digits[1] < '8', digits[0]|0x20 == 'd' && digits[1] >= '8':
		return 2
	}
	return 3
}
