package github_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/github"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

type object = map[string]any

// forge is as much of GitHub's REST API (docs.github.com/rest, 2022-11-28) as the tools use,
// on a socket: issues and pull requests share numbers, a branch has one open pull request, and
// what isn't authorized to see a private repository isn't told that it is there.
type forge struct {
	mu      sync.Mutex
	number  int
	issues  []object // pull requests among them
	said    map[int][]object
	reviews map[int][]object
	lost    bool // the next thing that is written is, and the answer is lost
}

const token = "s3cret-token"

func newForge(t testing.TB) (*forge, string) {
	t.Helper()
	f := &forge{said: map[int][]object{}, reviews: map[int][]object{}}
	mux := http.NewServeMux()
	const repo = "/repos/team/project"
	mux.HandleFunc("GET "+repo+"/issues", f.list(func(object) bool { return true }))
	mux.HandleFunc("POST "+repo+"/issues", f.create("issues", "title"))
	mux.HandleFunc("GET "+repo+"/issues/{n}", f.show)
	mux.HandleFunc("GET "+repo+"/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) { f.below(w, r, f.said) })
	mux.HandleFunc("POST "+repo+"/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) { f.add(w, r, f.said) })
	mux.HandleFunc("GET "+repo+"/pulls", f.list(func(o object) bool { return o["pull_request"] != nil }))
	mux.HandleFunc("POST "+repo+"/pulls", f.create("pull", "head"))
	mux.HandleFunc("GET "+repo+"/pulls/{n}", f.show)
	mux.HandleFunc("GET "+repo+"/pulls/{n}/reviews", func(w http.ResponseWriter, r *http.Request) { f.below(w, r, f.reviews) })
	mux.HandleFunc("POST "+repo+"/pulls/{n}/reviews", func(w http.ResponseWriter, r *http.Request) { f.add(w, r, f.reviews) })
	mux.HandleFunc("GET /repos/team/busy/issues", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 429, "slow down") })
	mux.HandleFunc("GET /repos/team/broken/issues", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 502, "down") })
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a redirect was given the token")
		}
		_, _ = io.WriteString(w, "[]")
	}))
	t.Cleanup(elsewhere.Close)
	mux.HandleFunc("GET /repos/team/moved/issues", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "Not Found") })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch got := r.Header.Get("Authorization"); {
		case got == "Bearer "+token:
		case got != "":
			refuse(w, 401, "Bad credentials")
			return
		case strings.HasPrefix(r.URL.Path, repo):
			refuse(w, 404, "Not Found")
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return f, s.URL + "/"
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{"message": message})
}

func (f *forge) answer(w http.ResponseWriter, status int, v any) {
	if f.lost && status == http.StatusCreated {
		f.lost = false
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *forge) list(wanted func(object) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, all := r.URL.Query(), []object{}
		for _, o := range f.issues {
			state := q.Get("state")
			head, _ := o["head"].(object)
			if wanted(o) && (state == "all" || state == o["state"] || state == "" && o["state"] == "open") && (q.Get("head") == "" || head != nil && q.Get("head") == "team:"+head["ref"].(string)) {
				all = append([]object{o}, all...)
			}
		}
		f.answer(w, http.StatusOK, all)
	}
}

func (f *forge) create(what, required string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o object
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o[required] == nil {
			refuse(w, 422, "Validation Failed")
			return
		}
		if what == "pull" {
			if o["head"] == "nothing" {
				w.WriteHeader(422)
				_ = json.NewEncoder(w).Encode(object{"message": "Validation Failed", "errors": []object{{"field": "head", "code": "invalid"}}})
				return
			}
			o["head"], o["base"], o["pull_request"] = object{"ref": o["head"]}, object{"ref": o["base"]}, object{"url": "x"}
		}
		delete(o, "labels")
		f.number++
		o["number"], o["state"], o["user"], o["created_at"] = f.number, "open", object{"login": "isekai"}, "2026-01-02T03:04:05Z"
		o["html_url"] = fmt.Sprintf("https://github.com/team/project/%s/%d", what, f.number)
		f.issues = append(f.issues, o)
		f.answer(w, http.StatusCreated, o)
	}
}

func (f *forge) show(w http.ResponseWriter, r *http.Request) {
	for _, o := range f.issues {
		if fmt.Sprint(o["number"]) == r.PathValue("n") {
			if strings.Contains(r.Header.Get("Accept"), "diff") {
				_, _ = io.WriteString(w, "diff --git a/a b/a\n-one\n+two\n")
				return
			}
			f.answer(w, http.StatusOK, o)
			return
		}
	}
	refuse(w, 404, "Not Found")
}

func (f *forge) below(w http.ResponseWriter, r *http.Request, of map[int][]object) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	f.answer(w, http.StatusOK, append([]object{}, of[n]...))
}

func (f *forge) add(w http.ResponseWriter, r *http.Request, to map[int][]object) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	var o object
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || n > f.number {
		refuse(w, 404, "Not Found")
		return
	}
	o["html_url"], o["user"], o["created_at"] = fmt.Sprintf("https://github.com/team/project/x/%d#%d", n, len(to[n])), object{"login": "isekai"}, "2026-01-02T03:04:05Z"
	to[n] = append(to[n], o)
	f.answer(w, http.StatusCreated, o)
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

func open(t testing.TB) (*forge, map[string]tool.Tool) {
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
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, c := range f.reviews[2] {
			if c["event"] == "REQUEST_CHANGES" && fmt.Sprint(c["comments"]) == "[map[body:here line:1 path:a side:LEFT]]" {
				return
			}
		}
		t.Errorf("no review is as it was given: %v", f.reviews[2])
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
		f.mu.Lock()
		f.lost = true
		f.mu.Unlock()
		if _, err := tools[c.name].Call(t.Context(), call); core.CodeOf(err) != core.Unavailable {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r, err := tools[c.name].Call(t.Context(), call); err != nil || r.Failed || !strings.Contains(r.Output, "before") && !strings.Contains(r.Output, "already") {
			t.Errorf("%s: %v %s", c.name, err, r.Output)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.issues) != 2 || len(f.said[1]) != 1 || len(f.reviews[2]) != 1 {
		t.Errorf("%d issues, %d comments, %d reviews", len(f.issues), len(f.said[1]), len(f.reviews[2]))
	}
}
