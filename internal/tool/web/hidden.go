package web

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Bounds on what a page's own style sheets may ask of us.
const (
	maxStyle = 256 << 10 // bytes of sheets
	maxRules = 300       // that hide or show
	maxTests = 4_000_000 // of a node against a rule
	maxNodes = 200_000   // of a page; what follows is left out
	farAway  = -500      // pixels, and what else is taken for them, left of or above the page
	tooSmall = 1.5       // pixels of a font
)

// unshown are elements whose content nobody reads on the page, or is no text.
var unshown = []atom.Atom{
	atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Object, atom.Embed, atom.Applet, atom.Svg, atom.Math, atom.Canvas, atom.Audio,
	atom.Video, atom.Map, atom.Datalist, atom.Input, atom.Textarea, atom.Select, atom.Link, atom.Meta, atom.Frameset, atom.Noframes, atom.Noembed, atom.Head,
}

// reveal removes from a page what isn't seen on it: comments, scripts, and elements that their
// attributes, or rules of the page's own sheets, hide. What scripts and other sheets do isn't
// known here. It reports whether there were more than maxNodes.
func reveal(root *html.Node) (cut bool) {
	rules := sheets(root)
	var gone []*html.Node
	n := 0
	var walk func(*html.Node)
	walk = func(at *html.Node) {
		for c := at.FirstChild; c != nil; c = c.NextSibling {
			n++
			switch {
			case n > maxNodes:
				cut = true
				gone = append(gone, c)
			case c.Type == html.CommentNode, c.Type == html.ElementNode && (slices.Contains(unshown, c.DataAtom) || hiddenByAttribute(c)):
				gone = append(gone, c)
			default:
				walk(c)
			}
		}
	}
	walk(root)
	remove(gone)
	remove(hiddenBySheet(root, rules, min(n, maxNodes)))
	return cut
}

func remove(nodes []*html.Node) {
	for _, c := range nodes {
		if c.Parent != nil {
			c.Parent.RemoveChild(c)
		}
	}
}

func hiddenByAttribute(n *html.Node) bool {
	open := false
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "open":
			open = true
		case "style":
			if hide, _ := judged(a.Val); hide {
				return true
			}
		}
	}
	return n.DataAtom == atom.Dialog && !open
}

// sheetRule is a rule that says whether what it selects is seen.
type sheetRule struct {
	selects cascadia.SelectorGroup
	hides   bool
}

// sheets returns the rules of a page's sheets that concern us, in their order; what is in an
// at-rule holds for some readers only.
func sheets(root *html.Node) []sheetRule {
	var css strings.Builder
	for n := range root.Descendants() {
		if n.DataAtom == atom.Style && n.FirstChild != nil && css.Len() < maxStyle {
			css.WriteString(n.FirstChild.Data)
			css.WriteByte('\n')
		}
	}
	text := comment.ReplaceAllString(css.String()[:min(css.Len(), maxStyle)], "")
	var rules []sheetRule
	for len(rules) < maxRules {
		selector, rest, ok := strings.Cut(text, "{")
		if !ok {
			break
		}
		if i := strings.LastIndexAny(selector, ";}"); i >= 0 {
			selector = selector[i+1:]
		}
		selector = strings.TrimSpace(selector)
		if strings.HasPrefix(selector, "@") {
			text = afterBlock(rest)
			continue
		}
		var block string
		block, text, _ = strings.Cut(rest, "}")
		hide, show := judged(block)
		if !hide && !show || len(selector) > 500 || !simple(selector) {
			continue
		}
		if group, err := cascadia.ParseGroup(selector); err == nil {
			rules = append(rules, sheetRule{group, hide})
		}
	}
	return rules
}

// simple reports whether each of a list of selectors is about one element alone, whatever is
// around it: to try any others takes time that grows with a power of the page's depth.
func simple(selectors string) bool {
	for s := range strings.SplitSeq(selectors, ",") {
		if strings.ContainsAny(strings.TrimSpace(s), " \t\r\n>+~:(") {
			return false
		}
	}
	return true
}

var comment = regexp.MustCompile(`(?s)/\*.*?\*/`)

// afterBlock returns what follows the end of a block that has been entered.
func afterBlock(css string) string {
	depth := 1
	for i := range len(css) {
		switch css[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return css[i+1:]
			}
		}
	}
	return ""
}

// hiddenBySheet returns the elements that the last rule about them hides.
func hiddenBySheet(root *html.Node, rules []sheetRule, nodes int) (gone []*html.Node) {
	if most := maxTests / max(nodes, 1); len(rules) > most {
		rules = slices.DeleteFunc(rules, func(r sheetRule) bool { return !r.hides })
		rules = rules[:min(len(rules), most)]
	}
	if len(rules) == 0 {
		return nil
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom == atom.Body || n.DataAtom == atom.Html {
			continue
		}
		for _, r := range slices.Backward(rules) {
			if slices.ContainsFunc(r.selects, func(s cascadia.Sel) bool { return s.Match(n) }) {
				if r.hides {
					gone = append(gone, n)
				}
				break
			}
		}
	}
	return gone
}

// judged reports whether declarations hide what they are about, or say that it is seen.
func judged(declarations string) (hide, show bool) {
	style := map[string]string{}
	for part := range strings.SplitSeq(comment.ReplaceAllString(declarations, ""), ";") {
		name, value, ok := strings.Cut(part, ":")
		if ok && len(value) < 200 {
			value = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(value), "!important"))
			style[strings.ToLower(strings.TrimSpace(name))] = strings.Join(strings.Fields(value), " ")
		}
	}
	hide = style["display"] == "none" || style["visibility"] == "hidden" || style["visibility"] == "collapse" || style["content-visibility"] == "hidden" ||
		none(style["opacity"]) || invisible(style["color"]) || sameColor(style) || away(style) || squeezed(style)
	if size, ok := pixels(style["font-size"]); ok && size < tooSmall {
		hide = true
	}
	return hide, !hide && (style["display"] != "" || style["visibility"] != "" || style["opacity"] != "")
}

func none(value string) bool {
	n, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	return err == nil && n < 0.02
}

// pixels returns a length, whatever its unit: a font of 1.2em is no font of 1.2 pixels.
func pixels(value string) (float64, bool) {
	n := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz%")
	f, err := strconv.ParseFloat(n, 64)
	if err != nil {
		return 0, false
	}
	switch value[len(n):] {
	case "", "px", "pt":
		return f, true
	case "em", "rem", "ex", "ch", "vw", "vh", "cm", "mm", "in", "pc":
		return f * 16, true
	case "%":
		return f * 0.16, true
	}
	return 0, false
}

// away reports whether something is moved off the page.
func away(style map[string]string) bool {
	for _, name := range []string{"left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top"} {
		if n, ok := pixels(style[name]); ok && n < farAway {
			return true
		}
	}
	return false
}

// squeezed reports whether something is clipped, or made so small, that nothing is left.
func squeezed(style map[string]string) bool {
	switch {
	case strings.HasPrefix(style["clip-path"], "inset(100%"), strings.HasPrefix(style["clip-path"], "inset(50%"), style["clip-path"] == "circle(0)":
		return true
	case strings.HasPrefix(style["clip"], "rect(0"), strings.HasPrefix(style["clip"], "rect(1px"):
		return true
	case strings.Contains(style["transform"], "scale(0)"):
		return true
	}
	if !strings.HasPrefix(style["overflow"], "hidden") {
		return false
	}
	for _, name := range []string{"height", "width", "max-height", "max-width"} {
		if n, ok := pixels(style[name]); ok && n < tooSmall {
			return true
		}
	}
	return false
}

func invisible(color string) bool {
	return color == "transparent" || (strings.HasPrefix(color, "rgba(") || strings.HasPrefix(color, "hsla(")) && none(strings.TrimSpace(strings.TrimSuffix(color[strings.LastIndexByte(color, ',')+1:], ")")))
}

// sameColor reports whether a text has the colour of its ground.
func sameColor(style map[string]string) bool {
	ground := style["background-color"]
	if ground == "" {
		ground, _, _ = strings.Cut(style["background"], " ")
	}
	a, b := canonical(style["color"]), canonical(ground)
	return a != "" && a == b
}

func canonical(color string) string {
	switch color {
	case "inherit", "initial", "unset", "currentcolor":
		return ""
	case "white":
		return "#ffffff"
	case "black":
		return "#000000"
	}
	if len(color) == 4 && color[0] == '#' {
		return string([]byte{'#', color[1], color[1], color[2], color[2], color[3], color[3]})
	}
	return strings.ReplaceAll(color, " ", "")
}
