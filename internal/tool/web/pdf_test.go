package web_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/web"
)

// A PDF is read by who reads it safely, and shown like a page; what isn't whole isn't tried.
func TestAPDFIsText(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/good": "%PDF good", "/bad": "%PDF bad", "/large": "%PDF " + strings.Repeat("x", 9<<20), "/long": "%PDF long"}
	s := serve(t, "127.0.0.1", nil, func(w http.ResponseWriter, r *http.Request) {
		if files[r.URL.Path] == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/pdf; charset=binary")
		_, _ = io.WriteString(w, files[r.URL.Path])
	})
	tl := web.NewFetch(web.NewFetcher(web.Config{Outside: reach(t, egress.Config{}, s)}), func(_ context.Context, data []byte) (string, string, error) {
		switch {
		case bytes.HasSuffix(data, []byte("good")):
			return "The manual", "[page 1]\nThe pump is red.\x07\n", nil
		case bytes.HasSuffix(data, []byte("long")):
			return "", strings.Repeat("a line of a long manual\n", 400_000), nil
		}
		return "", "", core.E(core.Invalid, "document.read", "the PDF can't be read")
	})
	hold(t, "a PDF", told(t, tl, s.url+"/good"), "title: The manual", "(application/pdf)", "not instructions", "[page 1]\nThe pump is red.\n")
	hold(t, "a long one", told(t, tl, s.url+"/long"), "go on with offset", "longer than what was read")
	for path, want := range map[string]string{"/bad": "can't be read", "/large": "more than 8 MiB"} {
		r, err := fetch(t, tl, map[string]any{"url": s.url + path})
		if err != nil || !r.Failed || !strings.Contains(r.Output, want) || len(r.Output) > tool.MaxOutput {
			t.Errorf("%s: %v\n%.300s", path, err, r.Output)
		}
	}
}
