// Package githubtest is as much of GitHub's REST API (docs.github.com/rest, 2022-11-28) as the tools
// use, for tests, which put it on a socket: issues and pull requests share numbers, a branch has one open
// pull request, and what isn't authorized to see a private repository isn't told that it is there.
//
// Tests alone import it. It keeps no repository: put it before one, and say which branches that has.
package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Object is a JSON object, as the API has it.
type Object = map[string]any

// Config is what a Forge is of.
type Config struct {
	Repository string                   // OWNER/NAME: the one that there is; it is private
	Token      string                   // that sees it
	Site       string                   // where its pages would be, as in https://github.com
	Has        func(branch string) bool // whether the repository has a branch
}

// Forge is an http.Handler of the API, whose root is /repos. Safe for concurrent use.
type Forge struct {
	cfg     Config
	mux     *http.ServeMux
	mu      sync.Mutex
	number  int
	issues  []Object // pull requests among them
	said    map[int][]Object
	reviews map[int][]Object
	lost    bool // the next thing that is written is, and the answer is lost
}

// New returns a Forge with nothing written in it.
func New(cfg Config) *Forge {
	f := &Forge{cfg: cfg, mux: http.NewServeMux(), said: map[int][]Object{}, reviews: map[int][]Object{}}
	repo := "/repos/" + cfg.Repository
	f.mux.HandleFunc("GET "+repo+"/issues", f.list(func(Object) bool { return true }))
	f.mux.HandleFunc("POST "+repo+"/issues", f.create("issues", "title"))
	f.mux.HandleFunc("GET "+repo+"/issues/{n}", f.show)
	f.mux.HandleFunc("GET "+repo+"/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) { f.below(w, r, f.said) })
	f.mux.HandleFunc("POST "+repo+"/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) { f.add(w, r, f.said) })
	f.mux.HandleFunc("GET "+repo+"/pulls", f.list(func(o Object) bool { return o["pull_request"] != nil }))
	f.mux.HandleFunc("POST "+repo+"/pulls", f.create("pull", "head"))
	f.mux.HandleFunc("GET "+repo+"/pulls/{n}", f.show)
	f.mux.HandleFunc("GET "+repo+"/pulls/{n}/reviews", func(w http.ResponseWriter, r *http.Request) { f.below(w, r, f.reviews) })
	f.mux.HandleFunc("POST "+repo+"/pulls/{n}/reviews", func(w http.ResponseWriter, r *http.Request) { f.add(w, r, f.reviews) })
	f.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { Refuse(w, http.StatusNotFound, "Not Found") })
	return f
}

// ServeHTTP implements http.Handler.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch got := r.Header.Get("Authorization"); {
	case got == "Bearer "+f.cfg.Token:
	case got != "":
		Refuse(w, http.StatusUnauthorized, "Bad credentials")
		return
	case strings.HasPrefix(r.URL.Path, "/repos/"+f.cfg.Repository):
		Refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mux.ServeHTTP(w, r)
}

// Lose has the next thing that is written be kept, and the answer to it be lost.
func (f *Forge) Lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = true
}

// Issues returns the issues and pull requests, by their numbers.
func (f *Forge) Issues() []Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Object{}, f.issues...)
}

// Comments returns what was said to a number.
func (f *Forge) Comments(number int) []Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Object{}, f.said[number]...)
}

// Reviews returns a pull request's.
func (f *Forge) Reviews(number int) []Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Object{}, f.reviews[number]...)
}

// Refuse answers as the API refuses.
func Refuse(w http.ResponseWriter, status int, message string, errors ...Object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Object{"message": message, "errors": errors})
}

func (f *Forge) answer(w http.ResponseWriter, status int, v any) {
	if f.lost && status == http.StatusCreated {
		f.lost = false
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// list answers with what is wanted, newest first.
func (f *Forge) list(wanted func(Object) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, all := r.URL.Query(), []Object{}
		for _, o := range f.issues {
			state := q.Get("state")
			if wanted(o) && (state == "all" || state == o["state"] || state == "" && o["state"] == "open") && (q.Get("head") == "" || q.Get("head") == f.head(o)) {
				all = append([]Object{o}, all...)
			}
		}
		f.answer(w, http.StatusOK, all)
	}
}

// head is OWNER:BRANCH of a pull request.
func (f *Forge) head(o Object) string {
	head, _ := o["head"].(Object)
	owner, _, _ := strings.Cut(f.cfg.Repository, "/")
	return fmt.Sprint(owner, ":", head["ref"])
}

func (f *Forge) create(what, required string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o Object
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o[required] == nil {
			Refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
			return
		}
		if what == "pull" {
			for _, end := range []string{"head", "base"} {
				if name, _ := o[end].(string); !f.cfg.Has(name) {
					Refuse(w, http.StatusUnprocessableEntity, "Validation Failed", Object{"field": end, "code": "invalid"})
					return
				}
				o[end] = Object{"ref": o[end]}
			}
			o["pull_request"] = Object{"url": "x"}
		}
		delete(o, "labels")
		f.number++
		o["number"], o["state"], o["user"], o["created_at"] = f.number, "open", Object{"login": "isekai"}, "2026-01-02T03:04:05Z"
		o["html_url"] = fmt.Sprintf("%s/%s/%s/%d", f.cfg.Site, f.cfg.Repository, what, f.number)
		f.issues = append(f.issues, o)
		f.answer(w, http.StatusCreated, o)
	}
}

func (f *Forge) show(w http.ResponseWriter, r *http.Request) {
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
	Refuse(w, http.StatusNotFound, "Not Found")
}

func (f *Forge) below(w http.ResponseWriter, r *http.Request, of map[int][]Object) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	f.answer(w, http.StatusOK, append([]Object{}, of[n]...))
}

func (f *Forge) add(w http.ResponseWriter, r *http.Request, to map[int][]Object) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	var o Object
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || n > f.number {
		Refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	o["html_url"], o["user"], o["created_at"] = fmt.Sprintf("%s/%s/x/%d#%d", f.cfg.Site, f.cfg.Repository, n, len(to[n])), Object{"login": "isekai"}, "2026-01-02T03:04:05Z"
	to[n] = append(to[n], o)
	f.answer(w, http.StatusCreated, o)
}
