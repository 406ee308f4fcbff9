package web

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// document is a page as text.
type document struct {
	title string
	text  string // Markdown
	cut   bool   // there is more of the page than was looked at
}

// toMarkdown returns what is seen on an HTML page: its main part, or with whole all of it.
// unsupported: it is nested too deeply. It ends with ctx while it reads, and is bounded after.
func toMarkdown(ctx context.Context, body []byte, at string, whole bool) (document, error) {
	root, err := html.Parse(ender{ctx, bytes.NewReader(body)})
	if ctx.Err() != nil {
		return document{}, ctx.Err()
	}
	if err != nil {
		return document{}, core.E(core.Unsupported, "web", "the page can't be read: its elements are nested too deeply").Because(err)
	}
	d := document{title: title(root)}
	from := baseOf(root, at)
	d.cut = reveal(root)
	part := root
	if !whole {
		part = mainPart(root)
	}
	tame(part, from)
	markdown, err := newConverter().ConvertNode(part, converter.WithContext(ctx))
	if err != nil {
		return document{}, core.E(core.Unsupported, "web", "the page can't be made text").Because(err)
	}
	d.text = strings.TrimSpace(tool.Clean(string(markdown)))
	return d, ctx.Err()
}

// newConverter returns a converter. One keeps state of what it has seen; none is shared.
func newConverter() *converter.Converter {
	return converter.NewConverter(converter.WithPlugins(
		base.NewBasePlugin(), commonmark.NewCommonmarkPlugin(commonmark.WithListEndComment(false), commonmark.WithLinkEmptyHrefBehavior(commonmark.LinkBehaviorSkip)),
		table.NewTablePlugin(table.WithCellPaddingBehavior(table.CellPaddingBehaviorMinimal), table.WithNewlineBehavior(table.NewlineBehaviorPreserve)),
	))
}

// ender is a reader that ends with ctx.
type ender struct {
	ctx context.Context
	r   *bytes.Reader
}

// Read implements io.Reader.
func (e ender) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(p)
}

// title returns what a page calls itself, in one line.
func title(root *html.Node) string {
	for n := range root.Descendants() {
		if n.DataAtom == atom.Title && n.FirstChild != nil {
			return line(n.FirstChild.Data, 300)
		}
	}
	return ""
}

// line returns a text without breaks, of at most n bytes.
func line(s string, n int) string {
	s = strings.Join(strings.Fields(tool.Clean(s[:min(len(s), 4*n)])), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// baseOf returns what a page's relative addresses are relative to.
func baseOf(root *html.Node, at string) *url.URL {
	from, err := url.Parse(at)
	if err != nil {
		return &url.URL{}
	}
	for n := range root.Descendants() {
		if n.DataAtom != atom.Base {
			continue
		}
		if u, err := from.Parse(attribute(n, "href")); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			return u
		}
	}
	return from
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// around is what surrounds a page's content.
var around = []atom.Atom{atom.Nav, atom.Header, atom.Footer, atom.Aside}

// mainPart returns the part of a page that it is about: its main element, or its only article,
// if most of the text is there; else the body without what surrounds it.
func mainPart(root *html.Node) *html.Node {
	var mains, articles, surround []*html.Node
	body := root
	for n := range root.Descendants() {
		switch {
		case n.DataAtom == atom.Body:
			body = n
		case n.DataAtom == atom.Main, attribute(n, "role") == "main":
			mains = append(mains, n)
		case n.DataAtom == atom.Article:
			articles = append(articles, n)
		case slices.Contains(around, n.DataAtom), attribute(n, "role") == "navigation":
			surround = append(surround, n)
		}
	}
	if len(mains) == 0 && len(articles) == 1 {
		mains = articles
	}
	all := size(body)
	if len(mains) > 0 && size(mains[0])*4 >= all {
		return mains[0]
	}
	lost := 0
	for _, n := range surround {
		lost += size(n)
	}
	if lost*2 < all { // else it is the content, whatever it is called
		remove(surround)
	}
	return body
}

// size is how much text is in a part of a page.
func size(n *html.Node) (sum int) {
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			sum += len(strings.TrimSpace(c.Data))
		}
	}
	return sum
}

const (
	maxNested = 12 // lists and quotes within each other
	maxSpan   = 30 // columns or rows of a table's cell
	maxCells  = 20_000
	maxHref   = 1000
)

// nesting are elements each of which makes all lines within it longer.
var nesting = []atom.Atom{atom.Blockquote, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dd}

// tame makes a part of a page such that its text is about as long as it: tables that only lay
// out and lists that are too deep become plain, and addresses are whole, of the web, and no
// place to put text in.
func tame(part *html.Node, from *url.URL) {
	var walk func(n *html.Node, nested int, cell *html.Node)
	walk = func(n *html.Node, nested int, outer *html.Node) {
		for c := n.FirstChild; c != nil; {
			next := c.NextSibling
			deeper, within := nested, outer
			if c.Type == html.ElementNode {
				c.Attr = tamed(c, from)
				switch {
				case slices.Contains(nesting, c.DataAtom):
					if deeper++; deeper > maxNested {
						plain(c)
					}
				case c.DataAtom == atom.Table:
					for t := outer; t != nil && t != part; t = t.Parent { // what surrounds it lays out
						if slices.Contains(tabular, t.DataAtom) {
							plain(t)
						}
					}
					if within = c; cells(c) > maxCells { // rows are made as wide as the widest
						for t := range c.Descendants() {
							if slices.Contains(tabular, t.DataAtom) {
								plain(t)
							}
						}
						plain(c)
					}
				case c.DataAtom == atom.Img && attribute(c, "src") == "":
					n.RemoveChild(c)
					c = next
					continue
				}
			}
			walk(c, deeper, within)
			c = next
		}
	}
	walk(part, 0, nil)
}

var tabular = []atom.Atom{atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th, atom.Caption}

// cells returns how many cells a table has as text.
func cells(t *html.Node) int {
	rows, widest, width := 0, 0, 0
	for n := range t.Descendants() {
		switch n.DataAtom {
		case atom.Tr:
			rows, width = rows+1, 0
		case atom.Td, atom.Th:
			span, _ := strconv.Atoi(attribute(n, "colspan"))
			width += min(max(span, 1), maxSpan)
			widest = max(widest, width)
		}
	}
	return rows * widest
}

func plain(n *html.Node) { n.Data, n.DataAtom = "div", atom.Div }

// tamed returns the attributes of an element that its text needs.
func tamed(n *html.Node, from *url.URL) (kept []html.Attribute) {
	for _, a := range n.Attr {
		switch a.Key {
		case "href", "src":
			u, err := from.Parse(strings.TrimSpace(a.Val))
			if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "mailto" || len(a.Val) > maxHref {
				continue
			}
			a.Val = u.String()
		case "alt":
			a.Val = line(a.Val, 200)
		case "colspan", "rowspan":
			if n, err := strconv.Atoi(a.Val); err != nil || n < 1 || n > maxSpan {
				continue
			}
		case "class": // which says the language of code
			if len(a.Val) > 100 {
				continue
			}
		case "start", "align", "type":
			if len(a.Val) > 10 {
				continue
			}
		default:
			continue
		}
		kept = append(kept, a)
	}
	return kept
}
