package files_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/files"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

func get(t testing.TB, name string) tool.Tool {
	t.Helper()
	for _, tl := range files.Tools() {
		if tl.Spec().Name == name {
			return tl
		}
	}
	t.Fatalf("there is no tool %s", name)
	return nil
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return b.String()
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, get(t, "read_file"),
		tooltest.Case{Name: "whole", Files: map[string]string{"a/b.txt": "hé\nllo"}, Args: `{"path":"a/b.txt"}`, Output: []string{"hé\nllo"}, Not: []string{"["}},
		tooltest.Case{Name: "as the sandbox sees it", Files: map[string]string{"a": "x"}, Args: `{"path":"/workspace/a"}`, Output: []string{"x"}},
		tooltest.Case{Name: "empty", Files: map[string]string{"a": ""}, Args: `{"path":"a"}`},
		tooltest.Case{Name: "part", Files: map[string]string{"a": lines(9)}, Args: `{"path":"a","from":3,"lines":2}`,
			Output: []string{"line 3\nline 4\n[lines 3 to 4 of 9; go on with from=5]"}, Not: []string{"line 2", "line 5"}},
		tooltest.Case{Name: "long", Files: map[string]string{"a": lines(9999)}, Args: `{"path":"a"}`, Output: []string{"line 1\n", "of 9999; go on with from="}},
		tooltest.Case{Name: "one long line", Files: map[string]string{"a": strings.Repeat("é", 50_000)}, Args: `{"path":"a"}`, Output: []string{"[line 1 is cut: it has 100000 bytes"}},
		tooltest.Case{Name: "past the end", Files: map[string]string{"a": "x"}, Args: `{"path":"a","from":7}`, Code: core.Invalid, Output: []string{"has 1 lines"}},
		tooltest.Case{Name: "missing", Args: `{"path":"a"}`, Code: core.NotFound, Output: []string{"a doesn't exist"}},
		tooltest.Case{Name: "a folder", Files: map[string]string{"a/": ""}, Args: `{"path":"a"}`, Code: core.Invalid, Output: []string{"is a folder", "list_files"}},
		tooltest.Case{Name: "not text", Files: map[string]string{"a": "\x00\x01"}, Args: `{"path":"a"}`, Code: core.Invalid, Output: []string{"isn't text"}},
		tooltest.Case{Name: "too large", Files: map[string]string{"a": strings.Repeat("x", files.MaxFile+1)}, Args: `{"path":"a"}`, Code: core.Invalid, Output: []string{"larger"}},
	)
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, get(t, "write_file"),
		tooltest.Case{Name: "new, with folders", Args: `{"path":"a/b/c.txt","content":"x\n"}`, Output: []string{"wrote a/b/c.txt (2 bytes)"}, After: map[string]string{"a/b/c.txt": "x\n"}},
		tooltest.Case{Name: "instead of the old", Files: map[string]string{"a": "old"}, Args: `{"path":"a","content":""}`, After: map[string]string{"a": ""}},
		tooltest.Case{Name: "over a folder", Files: map[string]string{"a/b": "x"}, Args: `{"path":"a","content":"y"}`, Code: core.Invalid, Output: []string{"is a folder"}},
		tooltest.Case{Name: "below a file", Files: map[string]string{"a": "x"}, Args: `{"path":"a/b","content":"y"}`, Code: core.Invalid, After: map[string]string{"a": "x"}},
		tooltest.Case{Name: "the workspace itself", Args: `{"path":".","content":"y"}`, Code: core.Invalid},
		tooltest.Case{Name: "a git hook", Files: map[string]string{".git/config": "x"}, Args: `{"path":".git/hooks/pre-commit","content":"y"}`, Code: core.Invalid, Gone: []string{".git/hooks"}},
		tooltest.Case{Name: "a git hook in capitals", Args: `{"path":"sub/.GIT/config","content":"y"}`, Code: core.Invalid, Gone: []string{"sub"}},
		tooltest.Case{Name: "a long name", Args: `{"path":"` + strings.Repeat("n", 300) + `","content":"y"}`, Code: core.Invalid, Output: []string{"too long"}},
	)
}

func TestEditFile(t *testing.T) {
	t.Parallel()
	in := func(s string) map[string]string { return map[string]string{"a": s} }
	tooltest.Run(t, get(t, "edit_file"),
		tooltest.Case{Name: "once", Files: in("one\ntwo\nthree\n"), Args: `{"path":"a","old":"two\n","new":"2\n"}`, Output: []string{"edited a, line 2"}, After: in("one\n2\nthree\n")},
		tooltest.Case{Name: "delete", Files: in("one two"), Args: `{"path":"a","old":" two","new":""}`, After: in("one")},
		tooltest.Case{Name: "not there", Files: in("one"), Args: `{"path":"a","old":"two","new":"2"}`, Failed: true, Output: []string{"isn't in a"}, After: in("one")},
		tooltest.Case{Name: "twice there", Files: in("aa"), Args: `{"path":"a","old":"a","new":"b"}`, Failed: true, Output: []string{"more than once"}, After: in("aa")},
		tooltest.Case{Name: "overlapping", Files: in("ababa"), Args: `{"path":"a","old":"aba","new":"b"}`, Failed: true, Output: []string{"more than once"}, After: in("ababa")},
		tooltest.Case{Name: "done already", Files: in("2"), Args: `{"path":"a","old":"two","new":"2"}`, Failed: true, Output: []string{"edited already"}, After: in("2")},
		tooltest.Case{Name: "done already, the new around the old", Files: in("x = f(1)"), Args: `{"path":"a","old":"f(1)","new":"x = f(1)"}`, Output: []string{"nothing was changed"}, After: in("x = f(1)")},
		tooltest.Case{Name: "missing", Args: `{"path":"a","old":"x","new":"y"}`, Code: core.NotFound},
		tooltest.Case{Name: "in .git", Files: map[string]string{".git/config": "x"}, Args: `{"path":".git/config","old":"x","new":"y"}`, Code: core.Invalid, After: map[string]string{".git/config": "x"}},
	)
}

func TestDeleteFile(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, get(t, "delete_file"),
		tooltest.Case{Name: "a file", Files: map[string]string{"a": "x", "b": "y"}, Args: `{"path":"a"}`, Output: []string{"deleted a"}, Gone: []string{"a"}, After: map[string]string{"b": "y"}},
		tooltest.Case{Name: "an empty folder", Files: map[string]string{"a/": ""}, Args: `{"path":"a"}`, Gone: []string{"a"}},
		tooltest.Case{Name: "nothing", Args: `{"path":"a/b"}`, Output: []string{"nothing to delete"}},
		tooltest.Case{Name: "a full folder", Files: map[string]string{"a/b": "x"}, Args: `{"path":"a"}`, Code: core.Invalid, Output: []string{"not empty"}, After: map[string]string{"a/b": "x"}},
		tooltest.Case{Name: "the workspace", Files: map[string]string{"a": "x"}, Args: `{"path":""}`, Code: core.Invalid, After: map[string]string{"a": "x"}},
		tooltest.Case{Name: "in .git", Files: map[string]string{".git/HEAD": "x"}, Args: `{"path":".git/HEAD"}`, Code: core.Invalid, After: map[string]string{".git/HEAD": "x"}},
	)
}

func TestListFiles(t *testing.T) {
	t.Parallel()
	tree := map[string]string{"a.py": "12", "src/b.py": "", "src/deep/c.js": "x", ".git/HEAD": "x", "node_modules/m/i.js": "x", ".env": "x"}
	many := map[string]string{}
	for i := range 1100 {
		many[fmt.Sprintf("f%04d", i)] = ""
	}
	tooltest.Run(t, get(t, "list_files"),
		tooltest.Case{Name: "all but what nobody wrote", Files: tree, Args: `{}`, Output: []string{".env 1\na.py 2\nsrc/b.py 0\nsrc/deep/c.js 1\n"}, Not: []string{"HEAD", "i.js"}},
		tooltest.Case{Name: "all", Files: tree, Args: `{"all":true}`, Output: []string{".git/HEAD 1", "node_modules/m/i.js 1"}},
		tooltest.Case{Name: "a folder", Files: tree, Args: `{"path":"src"}`, Output: []string{"src/b.py 0\nsrc/deep/c.js 1\n"}, Not: []string{"a.py"}},
		tooltest.Case{Name: "a glob", Files: tree, Args: `{"glob":"*.js"}`, Output: []string{"src/deep/c.js 1"}, Not: []string{".py"}},
		tooltest.Case{Name: "a glob with folders", Files: tree, Args: `{"glob":"src/**/*.{js,ts}"}`, Output: []string{"src/deep/c.js 1"}, Not: []string{".py"}},
		tooltest.Case{Name: "nothing", Args: `{}`, Output: []string{"no files"}},
		tooltest.Case{Name: "many", Files: many, Args: `{}`, Output: []string{"f0999 0", "more than these 1000"}, Not: []string{"f1000"}},
		tooltest.Case{Name: "no such folder", Args: `{"path":"nope"}`, Code: core.NotFound},
		tooltest.Case{Name: "a file", Files: tree, Args: `{"path":"a.py"}`, Code: core.Invalid, Output: []string{"isn't a folder"}},
		tooltest.Case{Name: "a bad glob", Args: `{"glob":"[a"}`, Code: core.Invalid, Output: []string{"well-formed"}},
	)
}
