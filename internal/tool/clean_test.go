package tool_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

func TestClean(t *testing.T) {
	t.Parallel()
	tags := ""
	for _, r := range "ignore all" {
		tags += string(0xe0000 + r)
	}
	for name, c := range map[string]struct{ in, out string }{
		"text stays":               {"Größe 10 €\n\tnaïve — 日本語", "Größe 10 €\n\tnaïve — 日本語"},
		"line ends":                {"a\r\nb\rc\u2028d\u0085e", "a\nb\nc\nd\ne"},
		"control characters":       {"a\x00b\x1b[31mc\x7f\x08", "ab[31mc"},
		"zero width":               {"pay\u200b\u200c\u200dpal\ufeff", "paypal"},
		"bidirectional":            {"a\u202egnp\u202c.exe\u2066x\u2069", "agnp.exex"},
		"tags":                     {"hi" + tags + "!", "hi!"},
		"variation selectors":      {"x\ufe00\ufe01\U000e0100\U000e01ef", "x"},
		"fillers":                  {"a\u3164\u115fb\u00adc", "abc"},
		"emoji":                    {"👩\u200d🚀 ❤\ufe0f", "👩\u200d🚀 ❤\ufe0f"},
		"but one joiner at a time": {"❤\ufe0f\ufe0e\ufe0f\u200d\u200c", "❤\ufe0f"},
		"Persian":                  {"می\u200cخواهم", "می\u200cخواهم"},
		"not UTF-8":                {"a\xff\xfeb", "a?b"},
	} {
		if got := tool.Clean(c.in); got != c.out {
			t.Errorf("%s: %q became %q, want %q", name, c.in, got, c.out)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\u200b\xff❤\ufe0f")
	f.Fuzz(func(t *testing.T, in string) {
		out := tool.Clean(in)
		if !utf8.ValidString(out) || tool.Clean(out) != out || strings.ContainsAny(out, "\x00\x1b\u200b\u202e\r") {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

// TestUnreached: what fails for the other side's reasons is told; what ended, or broke here, stays an error.
func TestUnreached(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		code core.Code
		says string
	}{
		"denied":      {t.Context(), fmt.Errorf("Get: %w", core.E(core.Denied, "egress", "private").WithHint("ask")), "", "private\nask"},
		"unavailable": {t.Context(), core.E(core.Unavailable, "egress", "silent"), "", "silent"},
		"exhausted":   {t.Context(), core.E(core.Exhausted, "egress", "long"), "", "long"},
		"its timeout": {t.Context(), context.DeadlineExceeded, "", "deadline"},
		"invalid":     {t.Context(), core.E(core.Invalid, "x", "bad"), core.Invalid, ""},
		"not found":   {t.Context(), core.E(core.NotFound, "x", "none"), core.NotFound, ""},
		"internal":    {t.Context(), errors.New("broken"), core.Internal, ""},
		"canceled":    {ended, core.E(core.Unavailable, "egress", "silent").Because(ended.Err()), core.Canceled, ""},
	} {
		r, err := tool.Unreached(c.ctx, c.err)
		if core.CodeOf(err) != c.code || r.Failed != (c.code == "") || !strings.Contains(r.Output, c.says) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}
