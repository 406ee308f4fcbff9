package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// str returns s as a string literal that Python and JavaScript read alike.
func str(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// doc returns s as it may stand in a comment or a docstring of either language.
func doc(s string) string {
	s = strings.NewReplacer(`\`, "/", `"`, "'", "*/", "* /").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// number returns the shortest literal of n.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// tuple returns names as a Python tuple.
func tuple(names []string) string {
	if len(names) == 1 {
		return "(" + str(names[0]) + ",)"
	}
	return "(" + joined(names) + ")"
}

// array returns names as an array, of JavaScript or as a Python list.
func array(names []string) string { return "[" + joined(names) + "]" }

func joined(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = str(n)
	}
	return strings.Join(quoted, ", ")
}

// raw is a value that is already source code.
type raw string

// language says how a runtime writes the three values that differ.
type language struct{ null, yes, no string }

var (
	python     = language{"None", "True", "False"}
	javascript = language{"null", "true", "false"}
)

// value returns v, as JSON has it, as a literal of the language.
func (l language) value(v any) string {
	switch v := v.(type) {
	case nil:
		return l.null
	case bool:
		if v {
			return l.yes
		}
		return l.no
	case string:
		return str(v)
	case raw:
		return string(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return number(v)
	case []string:
		return array(v)
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = l.value(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		return l.object(v)
	}
	return str(fmt.Sprint(v))
}

func (l language) object(m map[string]any) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		names[i] = str(name) + ": " + l.value(m[name])
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// line returns s as it may stand in one line of Markdown.
func line(s string) string {
	s = strings.NewReplacer("<", "&lt;", "|", `\|`, "`", "'").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}
