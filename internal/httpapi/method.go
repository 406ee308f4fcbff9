package httpapi

import (
	"net/http"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// methods are those that a route may have.
var methods = [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// unrouted answers what no route of mux takes: that the path takes other methods (RFC
// 9110, section 15.5.6), or that there is no such path. It looks at the path's form
// alone, so it tells nobody what is there.
func (s *server) unrouted(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		list := strings.Join(allowed(mux, r), ", ")
		if list == "" && isPage(r) {
			s.page(w, r)
			return
		}
		if list == "" {
			s.deny(w, r, core.E(core.NotFound, "request", "there is no "+r.Method+" "+r.URL.Path).WithHint(whither(r.URL.Path)))
			return
		}
		w.Header().Set("Allow", list)
		s.answer(w, r, newProblem(http.StatusMethodNotAllowed, codeOf(http.StatusMethodNotAllowed), r.URL.Path+" doesn't take "+r.Method,
			"use one of "+list+"; /docs lists what there is", requestOf(r.Context()).id))
	}
}

// allowed returns the methods that some route of mux takes at the request's path. Of a path
// that is a route's word for word it returns those of that alone: what stands for any name
// there has the path by chance.
func allowed(mux *http.ServeMux, r *http.Request) (found []string) {
	_, other := mux.Handler(r) // the route that takes everything
	var literal []string
	for _, m := range methods {
		asked := r.Clone(r.Context())
		asked.Method = m
		_, pattern := mux.Handler(asked)
		if pattern == other {
			continue
		}
		found = append(found, m)
		if _, path, _ := strings.Cut(pattern, " "); path == r.URL.Path {
			literal = append(literal, m)
		}
	}
	if literal != nil {
		return literal
	}
	return found
}
