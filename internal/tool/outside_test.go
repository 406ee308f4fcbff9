package tool_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/tool"
)

// A request that is refused for its token is sent once more, whole, with the next one.
func TestSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tokens []string // that are given, one after the other; at the end none is
		body   func() io.Reader
		took   string // what the server was sent, as TOKEN:BODY
		status int    // 0: an error
	}{
		"a good one":               {[]string{"good"}, text, "good:x", 200},
		"a newer one":              {[]string{"old", "good"}, text, "old:x good:x", 200},
		"without a body":           {[]string{"old", "good"}, none, "old: good:", 200},
		"no better one":            {[]string{"old", "older", "good"}, text, "old:x older:x", 401},
		"the same":                 {[]string{"old", "old", "good"}, text, "old:x", 401},
		"no credential":            {[]string{"", "", "good"}, text, ":x", 401},
		"a body that is gone":      {[]string{"old", "good"}, once, "old:x", 401},
		"none at first":            {nil, text, "", 0},
		"none that is newer":       {[]string{"old"}, text, "old:x", 0},
		"after a redirect":         {[]string{"moved", "good"}, text, "moved:x old:", 401},
		"not for another's reason": {[]string{"unwelcome", "good"}, text, "unwelcome:x", 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var took []string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				token := r.Header.Get("Authorization")
				if r.URL.Path == "/elsewhere" {
					token = "old"
				}
				took = append(took, token+":"+string(b))
				if token == "moved" {
					http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
					return
				}
				w.WriteHeader(map[string]int{"good": 200, "unwelcome": 403}[token] + map[bool]int{true: 401}[token != "good" && token != "unwelcome"])
			}))
			defer s.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, c.body())
			if err != nil {
				t.Fatal(err)
			}
			closed := &closing{ReadCloser: http.NoBody}
			if r.Body != nil {
				closed.ReadCloser, r.Body = r.Body, closed
			}
			left, exhausted := c.tokens, errors.New("no token")
			resp, err := tool.Send(r, func(r *http.Request) error {
				if len(left) == 0 {
					return exhausted
				}
				r.Header.Set("Authorization", left[0])
				left = left[1:]
				return nil
			}, s.Client().Do)
			got := 0
			if err == nil {
				got = resp.StatusCode
				_ = resp.Body.Close()
			} else if !errors.Is(err, exhausted) {
				t.Error(err)
			}
			if sent := strings.Join(took, " "); got != c.status || sent != c.took {
				t.Errorf("%d after %q, want %d after %q", got, sent, c.status, c.took)
			}
			if r.Body == closed && !closed.is {
				t.Error("the body isn't closed")
			}
		})
	}
}

func text() io.Reader { return strings.NewReader("x") }
func none() io.Reader { return nil }
func once() io.Reader { return io.MultiReader(strings.NewReader("x")) }

type closing struct {
	io.ReadCloser
	is bool
}

func (c *closing) Close() error {
	c.is = true
	return c.ReadCloser.Close()
}
