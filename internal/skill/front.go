package skill

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/isekai-run/isekai/internal/core"
)

// Main is the file that makes a folder a skill.
const Main = "SKILL.md"

// Parse reads a SKILL.md: its front matter and what follows that. With an error among the
// problems the rest is what could be read.
func Parse(text []byte) (Meta, string, Problems) {
	p := &parser{}
	front, body, ok := p.split(text)
	if ok {
		p.front(front)
	}
	return p.meta, body, p.problems
}

// parser is one run of Parse.
type parser struct {
	meta     Meta
	problems Problems
}

func (p *parser) bad(line int, msg, hint string) {
	p.problems = append(p.problems, Problem{File: Main, Line: line, Msg: msg, Hint: hint})
}

func (p *parser) warn(line int, msg, hint string) {
	p.problems = append(p.problems, Problem{File: Main, Line: line, Msg: msg, Hint: hint, Warning: true})
}

const fenceHint = "begin with a line ---, then name: and description:, then another line ---"

// split finds the front matter between its two lines of ---. Other implementations end it at
// the next --- wherever that is, so that none may be in it.
func (p *parser) split(text []byte) (front, body string, ok bool) {
	switch {
	case len(text) > MaxMain:
		p.bad(0, "it is longer than "+strconv.Itoa(MaxMain>>10)+" KiB", "keep the instructions short, and move details to files in references/")
		return "", "", false
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		p.bad(0, "it isn't text in UTF-8", "save it as UTF-8")
		return "", "", false
	case bytes.HasPrefix(text, []byte("\ufeff")):
		p.bad(1, "it begins with a byte order mark", "save it as UTF-8 without one")
		return "", "", false
	}
	lines := strings.SplitAfter(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	isFence := func(line string) bool { return strings.TrimRight(line, " \t\n") == "---" }
	if !isFence(lines[0]) {
		p.bad(1, "there is no front matter", fenceHint)
		return "", "", false
	}
	for i, line := range lines[1:] {
		if isFence(line) {
			front = strings.Join(lines[1:i+1], "")
			if len(front) > MaxFront {
				p.bad(1, "the front matter is longer than "+strconv.Itoa(MaxFront>>10)+" KiB", "move what isn't about the skill as a whole below it")
				return "", "", false
			}
			return front, strings.TrimSpace(strings.Join(lines[i+2:], "")), true
		}
		if strings.Contains(line, "---") {
			p.bad(i+2, "there is a --- within the front matter", "it ends the front matter for some readers: write - or – instead, and end it with a line of ---")
			return "", "", false
		}
	}
	p.bad(1, "the front matter has no end", fenceHint)
	return "", "", false
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// front reads the front matter. Aliases aren't expanded by this way of reading, and refused.
func (p *parser) front(text string) {
	dec := yaml.NewDecoder(strings.NewReader("\n" + text)) // so that lines count as in the file
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF): // nothing but comments
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	case err != nil:
		line, msg := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1]) // digits
			msg = err.Error()[len(m[0]):]
		}
		p.bad(line, "the front matter isn't YAML: "+msg, `put a value with a colon or a # in it between quotes, as in description: "Reviews code: ..."`)
		return
	case !errors.Is(dec.Decode(&more), io.EOF):
		p.bad(1, "the front matter holds more than one document", fenceHint)
		return
	}
	root := doc.Content[0]
	if n := wild(root); n != nil {
		p.bad(n.Line, "the front matter has an anchor, an alias or a tag", "write values out")
		return
	}
	if root.Kind != yaml.MappingNode {
		p.bad(max(root.Line, 1), "the front matter isn't a list of name: value", fenceHint)
		return
	}
	p.fields(root)
}

// wild returns a node that isn't plain data.
func wild(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 || n.Tag == "!!merge" {
		return n
	}
	for _, c := range n.Content {
		if w := wild(c); w != nil {
			return w
		}
	}
	return nil
}

// Fields are what a front matter may have.
var Fields = []string{"allowed-tools", "compatibility", "description", "license", "metadata", "name"}

func (p *parser) fields(root *yaml.Node) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(Fields, key.Value):
			p.bad(key.Line, "there is no field "+strconv.Quote(core.Excerpt(key.Value, 60)), "the fields are "+strings.Join(Fields, ", ")+"; what is your own goes below metadata:")
		case seen[key.Value] != nil:
			p.bad(key.Line, "the field "+key.Value+" is there twice", "keep one of them")
		default:
			seen[key.Value] = value
		}
	}
	p.name(seen["name"])
	p.description(seen["description"])
	if n := seen["license"]; n != nil {
		p.meta.License, _ = p.scalar("license", n, MaxCompatibility)
	}
	if n := seen["compatibility"]; n != nil {
		if text, ok := p.scalar("compatibility", n, MaxCompatibility); ok {
			if p.meta.Compatibility = text; n.Tag != "!!str" {
				p.bad(n.Line, "compatibility isn't a text", "put it between quotes")
			}
		}
	}
	if n := seen["metadata"]; n != nil {
		p.metadata(n)
	}
	if n := seen["allowed-tools"]; n != nil {
		p.allowed(n)
	}
}

// scalar returns the text of a field of at most limit UTF-16 code units.
func (p *parser) scalar(field string, n *yaml.Node, limit int) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		p.bad(n.Line, field+" isn't a text", "write it on one line, or after | indented below")
		return "", false
	}
	if units := len(utf16.Encode([]rune(n.Value))); units > limit {
		p.bad(n.Line, field+" is longer than "+strconv.Itoa(limit)+" characters: "+strconv.Itoa(units), "say it in fewer words")
		return "", false
	}
	return strings.TrimSpace(n.Value), true
}

const nameHint = "use 1 to 64 of a-z, 0-9 and single hyphens between them, as in code-review"

var nameWord = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// CheckName reports whether a skill can have the name.
func CheckName(name string) bool { return len(name) <= MaxName && nameWord.MatchString(name) }

func (p *parser) name(n *yaml.Node) {
	if n == nil {
		p.bad(1, "the field name is missing", nameHint)
		return
	}
	text, ok := p.scalar("name", n, MaxMain)
	if !ok {
		return
	}
	if !CheckName(text) {
		p.bad(n.Line, "a skill can't be named "+strconv.Quote(core.Excerpt(text, 80)), nameHint)
		return
	}
	p.meta.Name = text
}

// brief is a description that can hardly say when the skill is for.
const brief = 40

func (p *parser) description(n *yaml.Node) {
	const hint = "say what the skill does and when to use it: models choose by it"
	if n == nil {
		p.bad(1, "the field description is missing", hint)
		return
	}
	text, ok := p.scalar("description", n, MaxDescription)
	switch {
	case !ok:
	case text == "":
		p.bad(n.Line, "the description is empty", hint)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }):
		p.bad(n.Line, "the description has control characters", "remove them")
	default:
		if len(text) < brief {
			p.warn(n.Line, "the description is very short", hint)
		}
		p.meta.Description = text
	}
}

func (p *parser) metadata(n *yaml.Node) {
	if n.Kind != yaml.MappingNode || len(n.Content) > 2*maxMetadata {
		p.bad(n.Line, "metadata isn't a list of up to "+strconv.Itoa(maxMetadata)+" name: value", "indent each below metadata:")
		return
	}
	p.meta.Metadata = map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch _, twice := p.meta.Metadata[key.Value]; {
		case key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode:
			p.warn(key.Line, "metadata that isn't a text is left out", "the format has texts alone there")
		case twice:
			p.bad(key.Line, "the metadata "+strconv.Quote(core.Excerpt(key.Value, 60))+" is there twice", "keep one of them")
		default:
			p.meta.Metadata[key.Value] = value.Value
		}
	}
}

func (p *parser) allowed(n *yaml.Node) {
	const hint = "name tools with a space between them, as in read_file run_command(git:*)"
	text := n.Value
	if n.Kind == yaml.SequenceNode {
		words := make([]string, len(n.Content))
		for i, c := range n.Content {
			if words[i] = c.Value; c.Kind != yaml.ScalarNode {
				p.bad(c.Line, "allowed-tools has something else than names in it", hint)
				return
			}
		}
		text = strings.Join(words, ",")
	} else if n.Kind != yaml.ScalarNode {
		p.bad(n.Line, "allowed-tools isn't a text", hint)
		return
	}
	all, bad := parseAllowed(text)
	switch {
	case bad != "":
		p.bad(n.Line, "allowed-tools has "+strconv.Quote(core.Excerpt(bad, 80))+", which isn't a tool's name", hint)
	case len(all) > maxAllowed:
		p.bad(n.Line, "allowed-tools names more than "+strconv.Itoa(maxAllowed)+" tools", hint)
	default:
		p.meta.Allowed = all
	}
}
