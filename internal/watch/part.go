package watch

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// check returns an invalid error for a part that can't be looked for.
func (p Part) check() error {
	switch {
	case p.Selector != "" && p.Pointer != "":
		return bad("a watch looks by a selector or by a pointer")
	case len(p.Selector) > maxPart || len(p.Pointer) > maxPart || len(p.Pattern) > maxPart:
		return bad("a selector, pointer or pattern is too long")
	case p.Pointer != "" && p.Pointer[0] != '/':
		return bad("a JSON pointer begins with a slash").WithHint("as in /items/0/price")
	}
	if p.Selector != "" {
		for _, costly := range []string{":has", ":contains", ":matches"} {
			if strings.Contains(strings.ToLower(p.Selector), costly) {
				return bad("a selector with " + costly + " takes too long")
			}
		}
		if _, err := cascadia.ParseGroup(p.Selector); err != nil {
			return bad("the selector isn't one of CSS: " + err.Error())
		}
	}
	if _, err := regexp.Compile(p.Pattern); err != nil {
		return bad("the pattern isn't one of RE2: " + err.Error())
	}
	return nil
}

// lost says that a page has no such part: it is a failure of the look, not a change.
func lost(what string) *core.Error {
	return core.E(core.NotFound, "watch", what).WithHint("the page may have another form by now, or need a browser")
}

// find returns the part of a page, as one line.
func (p Part) find(page Page) (string, error) {
	text := page.Text
	var err error
	switch {
	case p.Selector != "":
		text, err = selected(page.Body, p.Selector)
	case p.Pointer != "":
		text, err = pointed(page.Body, p.Pointer)
	}
	if err != nil {
		return "", err
	}
	if p.Pattern != "" {
		re, err := regexp.Compile(p.Pattern)
		if err != nil {
			return "", bad("the pattern isn't one of RE2")
		}
		m := re.FindStringSubmatch(text)
		if m == nil {
			return "", lost("the pattern finds nothing on the page")
		}
		text = m[min(1, len(m)-1)]
	}
	return strings.Join(strings.Fields(tool.Clean(text)), " "), nil
}

// silent are elements whose text nobody reads.
var silent = []atom.Atom{atom.Script, atom.Style, atom.Noscript, atom.Template}

func selected(body []byte, selector string) (string, error) {
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return "", lost("the page can't be read: its elements are nested too deeply")
	}
	group, err := cascadia.ParseGroup(selector)
	if err != nil {
		return "", bad("the selector isn't one of CSS")
	}
	if cost(root, selector) > mostSteps {
		return "", lost("the page is too deep, or too wide, for such a selector").WithHint("name the element by an id or a class")
	}
	n := cascadia.Query(root, group)
	if n == nil {
		return "", lost("the selector selects nothing on the page")
	}
	for _, a := range n.Attr { // of elements without text, as meta and input
		if n.FirstChild == nil && (a.Key == "content" || a.Key == "value") {
			return a.Val, nil
		}
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		if slices.Contains(silent, n.DataAtom) {
			return
		}
		apart := n.DataAtom != 0 && !slices.Contains(inline, n.DataAtom)
		if apart {
			b.WriteByte(' ')
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		if apart {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return b.String(), nil
}

// mostSteps bounds what a selector may cost.
const mostSteps = 5e8

// cost returns about how many steps it takes at most to try a selector on all elements of a page:
// each part that is anywhere above or before another multiplies them.
func cost(root *html.Node, selector string) float64 {
	nodes, deepest, widest := 0.0, 0.0, 0.0
	var walk func(n *html.Node, depth float64)
	walk = func(n *html.Node, depth float64) {
		width := 0.0
		for c := range n.ChildNodes() {
			width++
			walk(c, depth+1)
		}
		nodes, deepest, widest = nodes+1, max(deepest, depth), max(widest, width)
	}
	walk(root, 0)
	words := strings.Fields(strings.NewReplacer(">", " > ", "+", " + ", "~", " ~ ", ",", " , ").Replace(selector))
	steps := nodes
	for i, w := range words {
		switch {
		case w == "~" || strings.Contains(w, ":nth") || strings.Contains(w, "-of-type") || strings.Contains(w, "-child"):
			steps *= max(widest, 1)
		case i > 0 && !strings.Contains(">+~,", w) && !strings.Contains(">+~,", words[i-1]):
			steps *= max(deepest, 1)
		}
	}
	return steps
}

// inline are elements that don't part words.
var inline = []atom.Atom{atom.A, atom.B, atom.I, atom.Em, atom.Strong, atom.Span, atom.Sup, atom.Sub, atom.Small, atom.Bdi, atom.Font, atom.U, atom.Data}

// pointed returns the value at a JSON pointer (RFC 6901): a string as it is, another as JSON.
func pointed(body []byte, pointer string) (string, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", lost("the answer isn't JSON")
	}
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		ok := false
		switch at := v.(type) {
		case map[string]any:
			v, ok = at[token]
		case []any:
			n, err := strconv.Atoi(token)
			if ok = err == nil && n >= 0 && n < len(at) && strconv.Itoa(n) == token; ok {
				v = at[n]
			}
		}
		if !ok {
			return "", lost("the pointer leads to nothing in the answer")
		}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
