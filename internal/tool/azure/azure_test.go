package azure_test

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
	"github.com/isekai-run/isekai/internal/tool/azure"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

type object = map[string]any

// service is as much of the REST API of Azure DevOps (version 7.1) as the tools use, on a
// socket: a bad token is answered with 203 and a page, as it does.
type service struct {
	mu    sync.Mutex
	items map[int]object
	pulls []object
}

func newService(t testing.TB) (*service, string) {
	t.Helper()
	f := &service{items: map[int]object{}}
	mux := http.NewServeMux()
	const at = "/acme/Web%20Shop/_apis/"
	at2 := strings.ReplaceAll(at, "%20", " ")
	handle := func(method, path string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+strings.ReplaceAll(at2, " ", "%20")+path, h)
	}
	handle("POST", "wit/wiql", func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Query string }
		if json.NewDecoder(r.Body).Decode(&q) != nil || !strings.HasPrefix(q.Query, "SELECT") {
			answer(w, 400, object{"message": "TF51006: The query statement is missing a SELECT clause."})
			return
		}
		found := []object{}
		for id := range f.items {
			found = append(found, object{"id": id})
		}
		answer(w, 200, object{"workItems": found})
	})
	handle("GET", "wit/workitems", func(w http.ResponseWriter, r *http.Request) {
		all := []object{}
		for _, id := range strings.Split(r.URL.Query().Get("ids"), ",") {
			n, _ := strconv.Atoi(id)
			if f.items[n] == nil {
				answer(w, 404, object{"message": "TF401232: Work item " + id + " does not exist"})
				return
			}
			all = append(all, f.items[n])
		}
		answer(w, 200, object{"value": all})
	})
	handle("POST", "wit/workitems/{type}", func(w http.ResponseWriter, r *http.Request) {
		id := len(f.items) + 1
		f.items[id] = object{"id": id, "fields": object{"System.WorkItemType": strings.TrimPrefix(r.PathValue("type"), "$"), "System.State": "New"}}
		f.patch(w, r, id)
	})
	handle("PATCH", "wit/workitems/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.PathValue("id"))
		f.patch(w, r, id)
	})
	handle("GET", "git/repositories/shop/pullrequests", func(w http.ResponseWriter, r *http.Request) {
		all := []object{}
		for _, p := range f.pulls {
			if s := r.URL.Query().Get("searchCriteria.sourceRefName"); s == "" || s == p["sourceRefName"] {
				all = append(all, p)
			}
		}
		answer(w, 200, object{"value": all})
	})
	handle("POST", "git/repositories/shop/pullrequests", func(w http.ResponseWriter, r *http.Request) {
		var p object
		if json.NewDecoder(r.Body).Decode(&p) != nil || p["sourceRefName"] == "refs/heads/nothing" {
			answer(w, 400, object{"message": "TF401398: The pull request cannot be activated because the source branch no longer exists."})
			return
		}
		p["pullRequestId"], p["status"], p["createdBy"] = len(f.pulls)+1, "active", object{"displayName": "Isekai"}
		f.pulls = append(f.pulls, p)
		answer(w, 201, p)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { answer(w, 404, object{"message": "no " + r.URL.Path}) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "pat" {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNonAuthoritativeInfo)
			_, _ = io.WriteString(w, "<html>Sign in</html>")
			return
		}
		if r.URL.Query().Get("api-version") != "7.1" {
			answer(w, 400, object{"message": "no version"})
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return f, s.URL + "/"
}

func (f *service) patch(w http.ResponseWriter, r *http.Request, id int) {
	var changes []struct {
		Op, Path string
		Value    any
	}
	if json.NewDecoder(r.Body).Decode(&changes) != nil || r.Header.Get("Content-Type") != "application/json-patch+json" || f.items[id] == nil {
		answer(w, 404, object{"message": "TF401232: it does not exist"})
		return
	}
	for _, c := range changes {
		if name, ok := strings.CutPrefix(c.Path, "/fields/"); ok {
			f.items[id]["fields"].(object)[name] = c.Value
		}
	}
	answer(w, 200, f.items[id])
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

type outside struct{}

func (outside) Client() *http.Client { return http.DefaultClient }
func (outside) Authorize(_ context.Context, _ tool.Call, _, name string, r *http.Request) error {
	if name == "none" {
		return core.E(core.NotFound, "outside", "the project has no credential none")
	}
	r.SetBasicAuth("", map[string]string{"azure": "pat"}[name])
	return nil
}

func (outside) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.Unsupported, "outside", "not asked for")
}

const at = `"organization":"acme","project":"Web Shop"`

func TestTools(t *testing.T) {
	t.Parallel()
	f, url := newService(t)
	f.items[1] = object{"id": 1, "fields": object{"System.Title": "Slow \u202ecart", "System.WorkItemType": "Bug", "System.State": "Active", "System.AssignedTo": object{"displayName": "Ada"}}}
	f.items[2] = object{"id": 2, "fields": object{"System.Title": "Old cart", "System.WorkItemType": "Bug", "System.State": "Active"}} // which is changed
	f.pulls = []object{{"pullRequestId": 1, "title": "Fix", "status": "active", "sourceRefName": "refs/heads/fix", "targetRefName": "refs/heads/main", "createdBy": object{"displayName": "Ada"}}}
	all := azure.Tools(azure.Config{Outside: outside{}, API: url})
	tooltest.Run(t, all[0],
		tooltest.Case{Name: "by number", Args: `{` + at + `,"what":"work_items","ids":[1]}`, Output: []string{"#1 Slow cart (Bug, Active)", "System.AssignedTo: Ada"}},
		tooltest.Case{Name: "by query", Args: `{` + at + `,"what":"work_items","query":"SELECT [System.Id] FROM WorkItems"}`, Output: []string{"#1 Slow cart"}},
		tooltest.Case{Name: "a bad query", Args: `{` + at + `,"what":"work_items","query":"DROP"}`, Code: core.Invalid, Output: []string{"TF51006"}},
		tooltest.Case{Name: "no such item", Args: `{` + at + `,"what":"work_items","ids":[77777]}`, Code: core.NotFound, Output: []string{"TF401232"}},
		tooltest.Case{Name: "neither", Args: `{` + at + `,"what":"work_items"}`, Code: core.Invalid},
		tooltest.Case{Name: "pull requests", Args: `{` + at + `,"what":"pull_requests","repository":"shop"}`, Output: []string{"!1 Fix (active, fix into main, by Ada)"}},
		tooltest.Case{Name: "a bad token", Args: `{` + at + `,"what":"work_items","ids":[1],"credential":"wrong"}`, Failed: true, Output: []string{"doesn't take the credential wrong", "isekai secret set"}},
		tooltest.Case{Name: "no credential", Args: `{` + at + `,"what":"work_items","ids":[1],"credential":"none"}`, Code: core.NotFound},
		tooltest.Case{Name: "a path for a project", Args: `{"organization":"acme","project":"../x","what":"work_items","ids":[1]}`, Code: core.Invalid},
		tooltest.Case{Name: "another project", Args: `{"organization":"acme","project":"Other","what":"work_items","ids":[1]}`, Code: core.NotFound},
	)
	tooltest.Run(t, all[1],
		tooltest.Case{Name: "a new one", Args: `{` + at + `,"type":"User Story","fields":{"System.Title":"Pay by card","System.Tags":"shop"},"parent":1}`, Output: []string{"made #", "Pay by card (User Story, New)"}},
		tooltest.Case{Name: "a change", Args: `{` + at + `,"id":2,"fields":{"System.State":"Resolved"}}`, Output: []string{"changed #2 Old cart (Bug, Resolved)"}},
		tooltest.Case{Name: "no title", Args: `{` + at + `,"type":"Bug","fields":{"System.Tags":"x"}}`, Code: core.Invalid},
		tooltest.Case{Name: "no type", Args: `{` + at + `,"fields":{"System.Title":"x"}}`, Code: core.Invalid},
		tooltest.Case{Name: "no field's name", Args: `{` + at + `,"id":1,"fields":{"../x":"y"}}`, Code: core.Invalid},
	)
	tooltest.Run(t, all[2],
		tooltest.Case{Name: "there already", Args: `{` + at + `,"repository":"shop","head":"fix","base":"main","title":"Fix"}`, Output: []string{"there is already !1 Fix"}},
		tooltest.Case{Name: "a new one", Args: `{` + at + `,"repository":"shop","head":"more","base":"main","title":"More","body":"why","work_items":[1]}`, Output: []string{"More (active, more into main, by Isekai)"}},
		tooltest.Case{Name: "no such branch", Args: `{` + at + `,"repository":"shop","head":"nothing","base":"main","title":"x"}`, Code: core.Invalid, Output: []string{"TF401398"}},
	)
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range f.pulls {
			if p["title"] == "More" && fmt.Sprint(p["workItemRefs"]) == "[map[id:1]]" && p["description"] == "why" {
				return
			}
		}
		t.Errorf("no pull request is as it was given: %v", f.pulls)
	})
}
