// Package search holds search_code, which finds lines in the files of a
// workspace.
//
// platform lists it. It reads files through tool.Workspace.Open alone, skips
// what isn't text, runs in time linear in what it reads (RE2), and bounds what
// it returns.
package search

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds.
const (
	MaxFile   = 2 << 20 // bytes; larger files are named, not searched
	MaxFound  = 200     // lines that match
	maxLine   = 300     // bytes of a line that are shown
	sniffed   = 8 << 10 // bytes in which a NUL makes a file binary
	maxRegexp = 1000
)

var spec = tool.Spec{
	Name: "search_code", Version: "1", Effect: core.Pure, Contained: true,
	Description: "Finds lines in the text files of the workspace by a regular expression (RE2) or literal text. Answers path:line: text.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"pattern":{"type":"string","minLength":1,"maxLength":1000,"description":"regular expression in RE2 syntax, for one line"},
		"literal":{"type":"boolean","description":"the pattern is text, not an expression"},
		"ignore_case":{"type":"boolean"},
		"path":{"type":"string","description":"the folder to search; the workspace if not given"},
		"glob":{"type":"string","description":"which files: *.py in any folder, src/**/*.js"},
		"context":{"type":"integer","minimum":0,"maximum":5,"description":"lines to show before and after each"}
	},"required":["pattern"],"additionalProperties":false}`),
}

type args struct {
	Pattern    string
	Literal    bool
	IgnoreCase bool `json:"ignore_case"`
	Path       string
	Glob       string
	Context    int
}

type search struct{}

// New returns the tool.
func New() tool.Tool { return search{} }

func (search) Spec() tool.Spec { return spec }

func (search) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a args
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, spec.Name, "the arguments don't decode").Because(err)
	}
	re, err := compile(a)
	if err != nil {
		return tool.Result{}, err
	}
	name, err := tool.CleanPath(a.Path)
	if err != nil {
		return tool.Result{}, err
	}
	root, err := c.Workspace.Open()
	if err != nil {
		return tool.Result{}, err
	}
	defer root.Close()
	r := report{re: re, around: min(max(a.Context, 0), 5)}
	cut, err := tool.Walk{Path: name, Glob: a.Glob}.Files(ctx, root, func(name string, _ fs.DirEntry) bool {
		text, ok := load(root, name)
		if ok {
			r.file(name, text)
		} else if text != nil {
			r.large = append(r.large, name)
		}
		return !r.full
	})
	if err != nil {
		return tool.Result{}, err
	}
	return r.result(cut), nil
}

func compile(a args) (*regexp.Regexp, error) {
	p := a.Pattern
	if len(p) > maxRegexp {
		return nil, core.E(core.Invalid, spec.Name, "the pattern is too long")
	}
	if a.Literal {
		p = regexp.QuoteMeta(p)
	}
	if a.IgnoreCase {
		p = "(?i)" + p
	}
	re, err := regexp.Compile(p)
	if err != nil {
		return nil, core.E(core.Invalid, spec.Name, err.Error()).WithHint("the pattern is RE2; set literal to search for text as it is")
	}
	return re, nil
}

// load returns a file's text; false if it isn't text, or, with some of it, too
// large.
func load(root *os.Root, name string) ([]byte, bool) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil || bytes.IndexByte(b[:min(len(b), sniffed)], 0) >= 0 {
		return nil, false
	}
	return b, len(b) <= MaxFile
}

// report gathers what was found.
type report struct {
	re     *regexp.Regexp
	around int
	out    strings.Builder
	found  int
	files  int
	full   bool
	large  []string
}

// file adds the lines of one file: matches as "path:12: text", lines around
// them as "path-12- text".
func (r *report) file(name string, text []byte) {
	if !r.re.Match(text) && !strings.ContainsAny(r.re.String(), `^$\`) {
		return // no line of it can match: the common case, without splitting
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	shown, first := -1, true
	for i, line := range lines {
		if !r.re.MatchString(strings.TrimSuffix(line, "\r")) {
			continue
		}
		if first {
			r.files++
			first = false
		}
		from := max(shown+1, i-r.around)
		if shown >= 0 && from > shown+1 {
			r.out.WriteString("--\n")
		}
		for j := from; j <= min(i+r.around, len(lines)-1); j++ {
			mark := "-"
			if j == i || r.re.MatchString(strings.TrimSuffix(lines[j], "\r")) {
				mark = ":"
			}
			fmt.Fprintf(&r.out, "%s%s%d%s %s\n", name, mark, j+1, mark, clip(lines[j]))
			shown = j
		}
		if r.found++; r.found >= MaxFound || r.out.Len() > tool.MaxOutput-2000 {
			r.full = true
			return
		}
	}
}

func (r *report) result(cut bool) tool.Result {
	switch {
	case r.full:
		fmt.Fprintf(&r.out, "[%d lines in %d files, and there may be more; narrow it down with path or glob]", r.found, r.files)
	case r.found == 0:
		r.out.WriteString("nothing found")
	}
	if cut {
		r.out.WriteString("\n[not all files were searched: there are too many]")
	}
	if len(r.large) > 0 {
		fmt.Fprintf(&r.out, "\n[too large to search: %s]", clip(strings.Join(r.large, ", ")))
	}
	return tool.Result{Output: r.out.String()}
}

func clip(line string) string {
	line = strings.TrimSuffix(line, "\r")
	if len(line) > maxLine {
		line = line[:maxLine] + "…"
	}
	return strings.ToValidUTF8(line, "?")
}
