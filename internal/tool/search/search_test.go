package search_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/search"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

func TestSearchCode(t *testing.T) {
	t.Parallel()
	tree := map[string]string{
		"a.go": "package a\n\n// TODO: one\nfunc A() {}\n", "b/b.py": "# todo two\nx = 1\r\ny = 2\n", "bin": "TODO\x00", ".git/x": "TODO", "node_modules/y": "TODO",
		"c.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
	}
	tooltest.Run(t, search.New(),
		tooltest.Case{Name: "a word", Files: tree, Args: `{"pattern":"TODO"}`, Output: []string{"a.go:3: // TODO: one\n"}, Not: []string{"b.py", "bin", ".git", "node_modules", "package"}},
		tooltest.Case{Name: "whatever its case", Files: tree, Args: `{"pattern":"todo","ignore_case":true}`, Output: []string{"a.go:3:", "b/b.py:1: # todo two"}},
		tooltest.Case{Name: "anchors are of lines", Files: tree, Args: `{"pattern":"^[xy] = \\d$"}`, Output: []string{"b/b.py:2: x = 1\nb/b.py:3: y = 2\n"}},
		tooltest.Case{Name: "literal", Files: tree, Args: `{"pattern":"A() {}","literal":true}`, Output: []string{"a.go:4: func A() {}"}},
		tooltest.Case{Name: "a glob", Files: tree, Args: `{"pattern":".","glob":"*.py"}`, Output: []string{"b/b.py:1:"}, Not: []string{"a.go"}},
		tooltest.Case{Name: "a folder", Files: tree, Args: `{"pattern":".","path":"b"}`, Output: []string{"b/b.py:1:"}, Not: []string{"a.go"}},
		tooltest.Case{Name: "with lines around", Files: tree, Args: `{"pattern":"[258]","glob":"c.txt","context":1}`,
			Output: []string{"c.txt-1- 1\nc.txt:2: 2\nc.txt-3- 3\nc.txt-4- 4\nc.txt:5: 5\nc.txt-6- 6\nc.txt-7- 7\nc.txt:8: 8\nc.txt-9- 9\n"}, Not: []string{"--\n"}},
		tooltest.Case{Name: "with gaps between", Files: tree, Args: `{"pattern":"[28]","glob":"c.txt","context":1}`, Output: []string{"c.txt-3- 3\n--\nc.txt-7- 7\n"}},
		tooltest.Case{Name: "nothing", Files: tree, Args: `{"pattern":"nowhere"}`, Output: []string{"nothing found"}},
		tooltest.Case{Name: "too many", Files: map[string]string{"a": strings.Repeat("x\n", 500)}, Args: `{"pattern":"x"}`, Output: []string{"a:200: x", "[200 lines in 1 files, and there may be more"}, Not: []string{"a:201:"}},
		tooltest.Case{Name: "a long line", Files: map[string]string{"a": strings.Repeat("é", 9999)}, Args: `{"pattern":"é"}`, Output: []string{"…"}},
		tooltest.Case{Name: "a large file", Files: map[string]string{"a": strings.Repeat("x", search.MaxFile+1)}, Args: `{"pattern":"x"}`, Output: []string{"too large to search: a"}},
		tooltest.Case{Name: "a bad expression", Args: `{"pattern":"("}`, Code: core.Invalid, Output: []string{"missing closing", "literal"}},
		tooltest.Case{Name: "an expression that backtracks elsewhere", Files: map[string]string{"a": strings.Repeat("a", 100_000)}, Args: `{"pattern":"(a*)*b"}`, Output: []string{"nothing found"}},
	)
}
