package tool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// MaxWalk bounds the files and folders that one walk looks at.
const MaxWalk = 100_000

// skipped are folders that hold what nobody wrote by hand.
var skipped = map[string]bool{
	".git": true, "node_modules": true, "__pycache__": true, ".venv": true, ".mypy_cache": true, ".pytest_cache": true,
}

// Walk is a bounded walk over the regular files of a workspace.
type Walk struct {
	Path string // the folder to start at, clean; "" is the workspace
	Glob string // which files, relative to Path; see Glob. "" is all
	All  bool   // also in .git, node_modules and their like
}

// Files calls visit for each file, in lexical order, until it returns false. It
// follows no link. cut reports that there is more than MaxWalk to look at. An
// error is not_found or invalid for the path or the glob, or the end of ctx.
func (w Walk) Files(ctx context.Context, root *os.Root, visit func(name string, d fs.DirEntry) bool) (cut bool, err error) {
	match, err := Glob(w.Glob)
	if err != nil {
		return false, err
	}
	start := path.Clean(w.Path)
	if info, err := root.Stat(start); err != nil {
		return false, FileError(start, err)
	} else if !info.IsDir() {
		return false, core.E(core.Invalid, "file", start+" isn't a folder")
	}
	seen := 0
	err = fs.WalkDir(root.FS(), start, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if seen++; seen > MaxWalk {
			cut = true
			return fs.SkipAll
		}
		if err != nil { // a folder that can't be read, or has just gone
			return nil // what can be read is listed
		}
		if d.IsDir() {
			if name != start && !w.All && skipped[d.Name()] {
				return fs.SkipDir
			}
			return nil
		}
		relative := name
		if start != "." {
			relative = strings.TrimPrefix(name, start+"/")
		}
		if d.Type().IsRegular() && match(relative) && !visit(name, d) {
			return fs.SkipAll
		}
		return nil
	})
	return cut, err
}

// Glob compiles a pattern over slash-separated paths: "*" and "?" within a
// part, "**" over parts, "[a-z]" a class, "{a,b}" alternatives. A pattern
// without a slash matches in any folder. "" matches all. invalid: the pattern
// isn't well-formed.
func Glob(pattern string) (func(string) bool, error) {
	if pattern == "" {
		return func(string) bool { return true }, nil
	}
	bad := func() (func(string) bool, error) {
		return nil, core.E(core.Invalid, "glob", fmt.Sprintf("the glob %.100q isn't well-formed", pattern)).WithHint("use * ? ** [a-z] {a,b}, as in **/*.go")
	}
	if len(pattern) > 500 {
		return bad()
	}
	p := strings.TrimPrefix(strings.TrimPrefix(pattern, Mount+"/"), "./")
	if !strings.Contains(p, "/") {
		p = "**/" + p
	}
	source, err := translate(p)
	if err != nil {
		return bad()
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return bad()
	}
	return re.MatchString, nil
}

// translate writes a glob as a regular expression.
func translate(p string) (string, error) {
	var b strings.Builder
	b.WriteString(`\A`)
	depth := 0
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case strings.HasPrefix(p[i:], "**/"):
			b.WriteString(`(?:[^/]+/)*`)
			i += 2
		case strings.HasPrefix(p[i:], "**"):
			b.WriteString(`.*`)
			i++
		case c == '*':
			b.WriteString(`[^/]*`)
		case c == '?':
			b.WriteString(`[^/]`)
		case c == '[':
			end := strings.IndexByte(p[i+1:], ']')
			if end < 1 {
				return "", errors.New("open class")
			}
			class := strings.Replace(regexp.QuoteMeta(p[i+1:i+1+end]), `\-`, "-", -1)
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			b.WriteString("[" + class + "]")
			i += 1 + end
		case c == '{':
			depth++
			b.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			b.WriteString(")")
		case c == ',' && depth > 0:
			b.WriteString("|")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if depth > 0 {
		return "", errors.New("open braces")
	}
	b.WriteString(`\z`)
	return b.String(), nil
}
