package dialect

import (
	"bytes"
	"slices"
	"strings"
)

// Extra is something that a request asks of its provider besides tokens.
type Extra struct {
	Member string // that asks for it
	// State: it is about what the provider keeps for an account, whoever had it kept. Else it is
	// about what costs more than a model's tokens do.
	State bool
	// Response is the id of the response that the request goes on from; "": it is about something
	// else.
	Response string
}

// extra is a member that may be one, with its value.
type extra struct {
	of    member
	value []byte
}

// Extras returns what the request asks of its provider besides tokens, as far as that is known:
// where a vendor adds a member it has to be added here. Of tools only those that callers run
// themselves aren't any.
func (r Request) Extras() (all []Extra) {
	for _, e := range r.extras {
		name := names()[e.of]
		switch {
		case e.harmless():
		case e.of == mPreviousResponseID:
			id, _ := unquote(bytes.Trim(e.value, `"`))
			all = append(all, Extra{Member: name, State: true, Response: id})
		default:
			all = append(all, Extra{Member: name, State: e.of >= mDataSources})
		}
	}
	if name := r.kept(); name != "" {
		all = append(all, Extra{Member: name, State: true})
	}
	return all
}

// harmless reports whether a member says what is so without it.
func (e extra) harmless() bool {
	v := e.value
	if v[0] == '[' && v[space(v, 1)] == ']' {
		return true
	}
	switch e.of {
	case mFunctions:
		return true
	case mTools:
		return callersTools(v)
	case mServiceTier:
		return isOne(v, "auto", "default", "standard_only")
	case mSpeed:
		return isOne(v, "standard")
	case mInferenceGeo:
		return isOne(v, "global")
	case mModalities:
		text := v[0] == '['
		if text {
			array(v, 0, 1, func(from, to int) { text = text && isOne(v[from:to], "text") })
		}
		return text
	}
	return false
}

// isOne reports whether a value is one of these strings.
func isOne(v []byte, words ...string) bool {
	if v[0] != '"' {
		return false
	}
	s, ok := unquote(v[1 : len(v)-1])
	return ok && slices.Contains(words, s)
}

// ownTools are the types of tools that their caller runs; in Anthropic's API most have a date at
// their end. One without a type is a function.
var ownTools = []string{
	"function", "custom", "local_shell", "apply_patch",
	"bash", "text_editor", "computer", "memory", "tool_search_tool_regex", "tool_search_tool_bm25",
}

// callersTools reports whether all tools in a list are run by the caller.
func callersTools(v []byte) bool {
	own := true
	if v[0] != '[' {
		return true // and no list, which the provider refuses
	}
	array(v, 0, 1, func(from, to int) {
		if v[from] != '{' {
			return
		}
		tool := v[from:to]
		object(tool, 0, 2, func(name []byte, from, to int) {
			if s, _ := unquote(name); s == "type" && tool[from] != 'n' {
				own = own && isOwn(tool[from:to])
			}
		})
	})
	return own
}

// isOwn reports whether a value is the type of one of ownTools.
func isOwn(v []byte) bool {
	s, ok := unquote(bytes.Trim(v, `"`))
	if i := len(s) - len("_20250124"); i > 0 && s[i] == '_' && strings.Trim(s[i+1:], "0123456789") == "" {
		s = s[:i]
	}
	return ok && v[0] == '"' && slices.Contains(ownTools, s)
}

// keptNames are members whose texts name what a provider keeps.
var keptNames = []string{"file_id", "file_ids", "vector_store_ids", "cached_content", "container"}

// itemReference is the type of an item of the input that stands for one that a provider keeps.
const itemReference = "item_reference"

// kept returns a member, somewhere in the request, that names what a provider keeps; "": there
// is none.
func (r Request) kept() string {
	switch {
	case r.Op.Dialect() == Responses && bareReference(r.Body):
		return "input"
	case r.mayName():
		return r.keptName()
	}
	return ""
}

// keptName is kept by the names of members.
func (r Request) keptName() (found string) {
	w := walk{
		take: func(name, raw []byte) {
			if found != "" {
				return
			}
			n, _ := unquote(name)
			if s, _ := unquote(raw); n == "type" && s == itemReference {
				found = "input"
			} else if s != "" && slices.Contains(keptNames, n) {
				found = n
			}
		},
		skip: func(name []byte) bool { // what is the caller's own: arguments, and schemas
			switch s, _ := unquote(name); s {
			case "parameters", "input_schema", "schema", "arguments", "metadata":
				return true
			case "input":
				return r.Op.Dialect() == Messages
			}
			return false
		},
	}
	object(r.Body, space(r.Body, 0), 0, func(name []byte, from, to int) {
		if n, _ := unquote(name); n != "metadata" {
			w.b = r.Body[from:to]
			w.value(0, name)
		}
	})
	return found
}

// mayName reports whether the request can name what a provider keeps, at a glance: a name may
// also be written with escapes.
func (r Request) mayName() bool {
	for _, name := range keptNames {
		if bytes.Contains(r.Body, []byte(name)) {
			return true
		}
	}
	return bytes.Contains(r.Body, []byte(itemReference)) || bytes.Contains(r.Body, []byte(`\u`))
}

// bareReference reports whether an item of the input says nothing but its id, and so stands for
// one that the provider keeps.
func bareReference(body []byte) (found bool) {
	object(body, space(body, 0), 0, func(name []byte, from, to int) {
		if s, _ := unquote(name); s != "input" || body[from] != '[' {
			return
		}
		input := body[from:to]
		array(input, 0, 1, func(from, to int) {
			if input[from] != '{' {
				return
			}
			item, id, more := input[from:to], false, false
			object(item, 0, 2, func(name []byte, from, _ int) {
				switch s, _ := unquote(name); {
				case item[from] == 'n': // null
				case s == "id":
					id = true
				case s == "type", s == "role":
					more = true
				}
			})
			found = found || id && !more
		})
	})
	return found
}
