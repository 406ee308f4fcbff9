package tool_test

import (
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

func TestCleanPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a/b": "a/b", "": ".", ".": ".", "./a//b/": "a/b", "a/../b": "b", "/workspace": ".", "/workspace/a": "a", "..a": "..a", "é": "é", "a b": "a b",
	} {
		if got, err := tool.CleanPath(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"/", "/etc", "..", "../a", "a/../..", "/workspace/..", "/workspace//etc", "a\x00", "a\n", "\xff", strings.Repeat("a", 5000)} {
		if got, err := tool.CleanPath(in); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%.20q: %q, %v", in, got, err)
		}
	}
}

func FuzzCleanPath(f *testing.F) {
	f.Add("a/../../b")
	f.Add("/workspace/x")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := tool.CleanPath(in)
		if err != nil {
			return
		}
		if got == "" || strings.HasPrefix(got, "/") || got == ".." || strings.HasPrefix(got, "../") || strings.Contains(got, "/../") || strings.ContainsRune(got, 0) {
			t.Fatalf("%q became %q", in, got)
		}
		if again, err := tool.CleanPath(got); err != nil || again != got {
			t.Fatalf("%q became %q and then %q, %v", in, got, again, err)
		}
	})
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ glob, yes, no string }{
		{"", "a a/b", ""},
		{"*.go", "a.go x/y.go", "a.gox go"},
		{"**/*.go", "a.go x/y/z.go", "a.py"},
		{"src/*.go", "src/a.go", "a.go src/x/a.go x/src/a.go"},
		{"src/**", "src/a src/x/y", "a srcx/a"},
		{"src/**/t?.{js,ts}", "src/t1.js src/x/ta.ts", "src/t.js src/t12.js"},
		{"[a-c]x", "ax bx d/cx", "dx"},
		{"[!a]x", "bx", "ax"},
		{"a.b", "a.b", "axb"},
		{"a+(b)", "a+(b)", "aab"},
		{"./a", "a", "b"},
	} {
		match, err := tool.Glob(tt.glob)
		if err != nil {
			t.Errorf("%q: %v", tt.glob, err)
			continue
		}
		for _, name := range strings.Fields(tt.yes) {
			if !match(name) {
				t.Errorf("%q doesn't match %q", tt.glob, name)
			}
		}
		for _, name := range strings.Fields(tt.no) {
			if match(name) {
				t.Errorf("%q matches %q", tt.glob, name)
			}
		}
	}
	for _, bad := range []string{"[a", "{a", "[]", "[z-a]", strings.Repeat("*", 501)} {
		if _, err := tool.Glob(bad); core.CodeOf(err) != core.Invalid {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("src/**/t?.{js,ts}", "src/x")
	f.Add("[!a-b]", "x")
	f.Fuzz(func(t *testing.T, glob, name string) {
		match, err := tool.Glob(glob)
		if err != nil {
			if core.CodeOf(err) != core.Invalid {
				t.Fatal(err)
			}
			return
		}
		match(name)
	})
}

func TestTranscript(t *testing.T) {
	t.Parallel()
	write := func(pieces ...string) string {
		var tr tool.Transcript
		for _, p := range pieces {
			if n, err := tr.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatalf("wrote %d of %d, %v", n, len(p), err)
			}
		}
		return tr.String()
	}
	if got := write("a", "", "b\n"); got != "ab\n" {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("0123456789abcde\n", 10_000)
	whole := write("first\n", long, "last\n")
	var pieces []string
	for s := "first\n" + long + "last\n"; s != ""; {
		n := min(len(s), 777)
		pieces, s = append(pieces, s[:n]), s[n:]
	}
	if got := write(pieces...); got != whole {
		t.Error("pieces matter")
	}
	if len(whole) > tool.MaxOutput || !strings.HasPrefix(whole, "first\n0123") || !strings.HasSuffix(whole, "abcde\nlast\n") || !strings.Contains(whole, "bytes left out") {
		t.Errorf("%d bytes: %.40q … %q", len(whole), whole, whole[len(whole)-40:])
	}
	if !utf8.ValidString(write(strings.Repeat("é", 100_000))) {
		t.Error("not valid UTF-8")
	}
	var tr tool.Transcript
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _, _ = tr.Write([]byte(long)) })
	}
	wg.Wait()
	if !strings.Contains(tr.String(), "left out") {
		t.Error("nothing was left out")
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{{"a\nb\n", 10, "a\nb"}, {"aaa\nbbb\nccc\n", 8, "bbb\nccc"}, {"aaa\nbbb\nccc\n", 7, "ccc"}, {"abcdef", 3, "def"}, {"éé", 3, "é"}, {"", 3, ""}} {
		if got := tool.Tail(tt.in, tt.n); got != tt.want {
			t.Errorf("%q, %d: %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}
