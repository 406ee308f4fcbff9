package markdown_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli/markdown"
)

const text = "# A head\nSome **bold** text with `code`, 日本語 and [a link](https://x.example) that is long enough to be wrapped.\n\n" +
	"- one\n- two that goes on and on and on and on\n  in another line\n\n> a quote\n> of two lines\n\n```go\nfunc main() {\n\tx := `**not bold**`\n```\n" +
	"| a | b |\n|---|---|\n| 1 | 22 |\n\n1. first\n2. second\n---\nend without a line's end"

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func render(t *testing.T, width int, style bool, parts ...string) string {
	t.Helper()
	var out strings.Builder
	w := markdown.New(&out, markdown.Config{Width: width, Style: style, Clean: clean})
	for _, p := range parts {
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A text is shown the same, however it is cut.
func TestCutsDontShow(t *testing.T) {
	t.Parallel()
	for _, style := range []bool{false, true} {
		whole := render(t, 40, style, text)
		for i := range len(text) {
			if got := render(t, 40, style, text[:i], text[i:]); got != whole {
				t.Fatalf("cut at %d:\n%s\nwhole:\n%s", i, got, whole)
			}
		}
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, out string }{
		"words are wrapped":   {"one two three four five six", "one two three four\nfive six\n"},
		"a long word is cut":  {"abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrst\nuvwxyz\n"},
		"wide letters":        {"日本語日本語日本語日本語", "日本語日本語日本語日\n本語\n"},
		"a list":              {"* a\n* b", "• a\n• b\n"},
		"a list's own margin": {"1. one two three four five", "1. one two three\n   four five\n"},
		"a quote":             {"> a\n> b", "> a b\n"},
		"code isn't wrapped":  {"```\na  long line of code that stays\n```\nx", "│ a  long line of code that stays\n\nx\n"},
		"a table":             {"|a|bb|\n|-|-|\n|1|2|", "a  bb\n1  2\n"},
		"where a link leads":  {"[go](http://e.x/)", "go (http://e.x/)\n"},
		"bold without style":  {"a **b** c", "a b c\n"},
		"stars of no meaning": {"2 * 3 * 4", "2 * 3 * 4\n"},
		"blocks are apart":    {"# h\na\n\n\nb", "h\n\na\n\nb\n"},
		"escapes are dropped": {"\x1b]8;;http://evil\x07x\x1b[2J", "]8;;http://evilx[2J\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := render(t, 20, false, c.in); got != c.out {
				t.Errorf("got\n%q, want\n%q", got, c.out)
			}
		})
	}
}

func FuzzWriter(f *testing.F) {
	f.Add(text, 3)
	f.Fuzz(func(t *testing.T, s string, at int) {
		at = min(max(at, 0), len(s))
		whole := render(t, 30, false, s)
		if got := render(t, 30, false, s[:at], s[at:]); got != whole {
			t.Errorf("cut at %d: %q, whole %q", at, got, whole)
		}
		if strings.Contains(whole, "\x1b") {
			t.Errorf("an escape came through: %q", whole)
		}
	})
}
