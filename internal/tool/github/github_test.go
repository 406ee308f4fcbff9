package github_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/github"
	"github.com/isekai-run/isekai/internal/tool/github/githubtest"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

const token = "s3cret-token"

// newForge serves a forge, and repositories that are of no use.
func newForge(t testing.TB) (*githubtest.Forge, string) {
	t.Helper()
	f := githubtest.New(githubtest.Config{Repository: "team/project", Token: token, Site: "https://github.com", Has: func(branch string) bool { return branch != "nothing" }})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/team/busy/issues", func(w http.ResponseWriter, _ *http.Request) { githubtest.Refuse(w, 429, "slow down") })
	mux.HandleFunc("GET /repos/team/broken/issues", func(w http.ResponseWriter, _ *http.Request) { githubtest.Refuse(w, 502, "down") })
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a redirect was given the token")
		}
		_, _ = io.WriteString(w, "[]")
	}))
	t.Cleanup(elsewhere.Close)
	mux.HandleFunc("GET /repos/team/moved/issues", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	mux.Handle("/", f)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return f, s.URL + "/"
}

type outside struct{}

func (outside) Client() *http.Client { return &http.Client{} }
func (outside) Authorize(_ context.Context, _ tool.Call, _, name string, r *http.Request) error {
	if name != "github" && name != "wrong" {
		return core.E(core.NotFound, "outside", "the project has no credential "+name)
	}
	r.Header.Set("Authorization", "Bearer "+map[string]string{"github": token, "wrong": "wrong"}[name])
	return nil
}

func (outside) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.Unsupported, "outside", "not asked for")
}

func open(t testing.TB) (*githubtest.Forge, map[string]tool.Tool) {
	t.Helper()
	f, url := newForge(t)
	all := map[string]tool.Tool{}
	for _, tl := range github.Tools(github.Config{Outside: outside{}, API: url}) {
		all[tl.Spec().Name] = tl
	}
	return f, all
}

const at = `"repository":"team/project"`

func TestTools(t *testing.T) {
	t.Parallel()
	f, tools := open(t)
	for _, args := range []string{`{` + at + `,"title":"It breaks","body":"when it \u202erains"}`, `{` + at + `,"number":1,"body":"also in snow"}`} {
		if r, err := tools["github_issue"].Call(t.Context(), tooltest.Call("", args)); err != nil || r.Failed {
			t.Fatal(err, r.Output)
		}
	}
	if r, err := tools["github_pull_request"].Call(t.Context(), tooltest.Call("", `{`+at+`,"title":"Fix","head":"fix/it","base":"main"}`)); err != nil || r.Failed {
		t.Fatal(err, r.Output)
	}
	tooltest.Run(t, tools["github_read"],
		tooltest.Case{Name: "issues", Args: `{` + at + `,"what":"issues"}`, Output: []string{"#1 It breaks (open, by isekai)"}, Not: []string{"#2"}},
		tooltest.Case{Name: "an issue", Args: `{` + at + `,"what":"issue","number":1}`, Output: []string{"when it rains", "isekai on 2026-01-02\nalso in snow"}, Not: []string{"\u202e"}},
		tooltest.Case{Name: "pull requests", Args: `{` + at + `,"what":"pull_requests"}`, Output: []string{"#2 Fix (open, fix/it into main, by isekai)"}, Not: []string{"It breaks"}},
		tooltest.Case{Name: "a pull request", Args: `{` + at + `,"what":"pull_request","number":2}`, Output: []string{"#2 Fix\nopen, fix/it into main"}},
		tooltest.Case{Name: "its diff", Args: `{` + at + `,"what":"diff","number":2}`, Output: []string{"-one\n+two"}},
		tooltest.Case{Name: "no number", Args: `{` + at + `,"what":"diff"}`, Code: core.Invalid},
		tooltest.Case{Name: "no such number", Args: `{` + at + `,"what":"issue","number":99}`, Code: core.NotFound},
		tooltest.Case{Name: "a private repository, without a credential", Args: `{` + at + `,"what":"issues","credential":"none"}`, Code: core.NotFound, Output: []string{"private"}},
		tooltest.Case{Name: "a wrong credential", Args: `{` + at + `,"what":"issues","credential":"wrong"}`, Failed: true, Output: []string{"Bad credentials", "isekai secret"}},
		tooltest.Case{Name: "busy", Args: `{"repository":"team/busy","what":"issues"}`, Failed: true, Output: []string{"429", "later"}},
		tooltest.Case{Name: "broken", Args: `{"repository":"team/broken","what":"issues"}`, Code: core.Unavailable},
		tooltest.Case{Name: "moved elsewhere", Args: `{"repository":"team/moved","what":"issues"}`, Output: []string{"none"}},
		tooltest.Case{Name: "a path for a repository", Args: `{"repository":"../..","what":"issues"}`, Code: core.Invalid},
		tooltest.Case{Name: "a path for a host", Args: `{` + at + `,"host":"example.com/x?","what":"issues"}`, Code: core.Invalid},
	)
	tooltest.Run(t, tools["github_pull_request"],
		tooltest.Case{Name: "there already", Args: `{` + at + `,"title":"Fix","head":"fix/it","base":"main"}`, Output: []string{"there is already pull request #2"}},
		tooltest.Case{Name: "no such branch", Args: `{` + at + `,"title":"Fix","head":"nothing","base":"main"}`, Code: core.Invalid, Output: []string{"422", "head invalid"}},
		tooltest.Case{Name: "without a credential", Args: `{` + at + `,"title":"Fix","head":"other","base":"main","credential":"none"}`, Code: core.NotFound},
	)
	tooltest.Run(t, tools["github_review"],
		tooltest.Case{Name: "with a line", Args: `{` + at + `,"number":2,"verdict":"request_changes","body":"why?","comments":[{"path":"a","line":1,"side":"left","body":"here"}]}`, Output: []string{"submitted a review of #2"}},
		tooltest.Case{Name: "no such pull request", Args: `{` + at + `,"number":99999,"verdict":"approve","body":"fine"}`, Code: core.NotFound},
	)
	tooltest.Run(t, tools["github_issue"],
		tooltest.Case{Name: "an issue", Args: `{` + at + `,"title":"Another","body":"b"}`, Output: []string{"made issue #"}},
		tooltest.Case{Name: "no title", Args: `{` + at + `,"body":"b"}`, Code: core.Invalid},
	)
	t.Cleanup(func() {
		for _, c := range f.Reviews(2) {
			if c["event"] == "REQUEST_CHANGES" && fmt.Sprint(c["comments"]) == "[map[body:here line:1 path:a side:LEFT]]" {
				return
			}
		}
		t.Errorf("no review is as it was given: %v", f.Reviews(2))
	})
}

// TestACallWhoseAnswerIsLost is found when it is made again: nothing is written twice.
func TestACallWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	f, tools := open(t)
	for _, c := range []struct{ name, args string }{
		{"github_issue", `{` + at + `,"title":"One","body":"b"}`}, {"github_issue", `{` + at + `,"number":1,"body":"c"}`},
		{"github_pull_request", `{` + at + `,"title":"Fix","head":"fix/it","base":"main"}`}, {"github_review", `{` + at + `,"number":2,"verdict":"comment","body":"r"}`},
	} {
		call := tooltest.Call("", c.args)
		f.Lose()
		if _, err := tools[c.name].Call(t.Context(), call); core.CodeOf(err) != core.Unavailable {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r, err := tools[c.name].Call(t.Context(), call); err != nil || r.Failed || !strings.Contains(r.Output, "before") && !strings.Contains(r.Output, "already") {
			t.Errorf("%s: %v %s", c.name, err, r.Output)
		}
	}
	if issues, said, reviews := len(f.Issues()), len(f.Comments(1)), len(f.Reviews(2)); issues != 2 || said != 1 || reviews != 1 {
		t.Errorf("%d issues, %d comments, %d reviews", issues, said, reviews)
	}
}
