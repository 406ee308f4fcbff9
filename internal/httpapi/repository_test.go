package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

// nearby is the way out to servers of tests, with the credential that they want.
type nearby struct{}

func (nearby) Client() *http.Client { return http.DefaultClient }
func (nearby) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.Unsupported, "nearby", "nothing to authorize")
}

func (nearby) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{Secret: gitdirtest.Password}, nil
}

// TestATaskBeginsWithARepository: its tree is the branch's newest, and its commits are on a
// branch of its own.
func TestATaskBeginsWithARepository(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Model = func(context.Context, core.OrgID, string) (string, error) { return "gpt", nil }
	})
	forge := gitdirtest.HTTP(t, gitdirtest.Upstream(t, map[string]string{"a": "1"}))
	add := `{"name":"shop","url":"` + forge.URL + `/team/project.git","credential":"forge"}`
	var made client.Repository
	said(t, r.do("POST", "/v1/repositories", add), http.StatusCreated, &made)
	if made.Branch != "main" || len(made.Commit) != 40 {
		t.Errorf("%+v", made)
	}
	for body, status := range map[string]int{
		`{"kind":"task","model":"gpt","prompt":"p","repository":"other"}`:                   http.StatusNotFound,
		`{"kind":"task","model":"gpt","prompt":"p","repository":"shop","branch":"nope"}`:    http.StatusNotFound,
		`{"kind":"task","model":"gpt","prompt":"p","branch":"main"}`:                        http.StatusUnprocessableEntity,
		`{"kind":"app","prompt":"p","repository":"shop"}`:                                   http.StatusUnprocessableEntity,
		`{"kind":"task","model":"gpt","prompt":"p","repository":"shop","workspace":"/tmp"}`: http.StatusForbidden,
	} {
		if got := r.do("POST", "/v1/tasks", body); got.status != status {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	var task client.TaskDetail
	said(t, r.do("POST", "/v1/tasks", `{"kind":"task","model":"gpt","prompt":"p","repository":"shop"}`), http.StatusCreated, &task)
	st, err := r.tasks.Get(t.Context(), scope, task.ID)
	if err != nil {
		t.Fatal(err)
	}
	if c := st.Created.Checkout; st.Tree == "" || c == nil || c.Repository != "shop" || c.From != "main" || c.Base != made.Commit || c.Branch != "isekai/"+string(task.ID) || c.State == "" {
		t.Errorf("%+v", st.Created)
	}
	said(t, r.do("DELETE", "/v1/repositories/shop", ""), http.StatusNoContent, nil)
	said(t, r.do("GET", "/v1/repositories/shop", ""), http.StatusNotFound, nil)
}

// said reads an answer that is to have a status.
func said(t *testing.T, a answer, status int, into any) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%d, want %d: %s", a.status, status, a.body)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			t.Fatal(err)
		}
	}
}
