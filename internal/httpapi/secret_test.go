package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestSecrets: a value goes in and never out.
func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	const value = "s3cr3t-value-of-it"
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	n := client.NewSecret{Kind: "token", Value: value, Note: "for deploys", Hosts: []string{"api.example.com"}, RotateDays: 30}
	made := must(w.olga.PutSecret(ctx, "deploy", false, n, ""))(t)
	if made.Version != 1 || made.Due == nil || made.ETag != `"1"` || made.Project != core.DefaultProject {
		t.Errorf("%+v", made)
	}
	shared := must(w.olga.PutSecret(ctx, "deploy", true, n, ""))(t)
	if shared.Project != "" || shared.ID == made.ID {
		t.Errorf("%+v", shared)
	}
	n.Value = ""
	n.Note = "changed"
	changed := must(w.olga.PutSecret(ctx, "deploy", false, n, made.ETag))(t)
	if changed.Version != 1 || changed.Note != "changed" || changed.Revision <= made.Revision {
		t.Errorf("%+v", changed)
	}
	_, err := w.olga.PutSecret(ctx, "deploy", false, n, made.ETag)
	refused(t, "a change of what has changed", err, core.Conflict)
	refused(t, "a deletion of what has changed", w.olga.DeleteSecret(ctx, "deploy", false, made.ETag), core.Conflict)
	must(w.olga.PutSecret(ctx, "another", false, client.NewSecret{Kind: "basic", User: "u", Value: value}, ""))(t)

	var names []string
	for o := (client.PageOptions{Limit: 1}); ; {
		page := must(ann.Secrets(ctx, o))(t)
		for _, s := range page.Items {
			names = append(names, s.Name)
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			break
		}
	}
	if strings.Join(names, " ") != "another deploy deploy" {
		t.Errorf("%q", names)
	}
	if s := must(ann.Secret(ctx, "deploy"))(t); s.ID != made.ID {
		t.Errorf("%+v", s)
	}
	if due := must(w.olga.DueSecrets(ctx))(t); len(due) != 0 {
		t.Errorf("%+v", due)
	}
	bearer := "Bearer " + must(w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: password}))(t).Access
	for _, call := range [][3]string{
		{"GET", "/v1/secrets", ""}, {"GET", "/v1/secrets/deploy", ""}, {"GET", "/v1/due-secrets", ""}, {"GET", "/v1/audit", ""},
		{"PUT", "/v1/secrets/deploy", `{"kind":"token","value":"` + value + `"}`}, {"PUT", "/v1/secrets/deploy", `{"kind":"header","header":"bad header","value":"` + value + `"}`},
		{"PUT", "/v1/secrets/BAD", `{"kind":"token","value":"` + value + `"}`}, {"PUT", "/v1/secrets/deploy", `{"kind":"token","value":"` + value + `","typo":1}`},
		{"PUT", "/v1/secrets/deploy", `{"kind":"token","value":["` + value + `"]}`},
	} {
		if a := w.do(call[0], call[1], call[2], "Authorization", bearer); strings.Contains(a.body, value) || a.status >= http.StatusInternalServerError {
			t.Errorf("%v: %d %s", call, a.status, a.body)
		}
	}
	if strings.Contains(w.log.String(), value) {
		t.Error("the log has the value")
	}
	_, err = ann.PutSecret(ctx, "mine", false, n, "")
	refused(t, "a member keeps a credential", err, core.Denied)
	_, paul := w.otherOrg("paul")
	_, err = paul.Secret(ctx, "deploy")
	refused(t, "another org's credential", err, core.NotFound)
	refused(t, "a deletion of another org's", paul.DeleteSecret(ctx, "deploy", true, ""), core.NotFound)
	for _, shared := range []bool{false, true} {
		if err := w.olga.DeleteSecret(ctx, "deploy", shared, ""); err != nil {
			t.Error(err)
		}
	}
	_, err = w.olga.Secret(ctx, "deploy")
	refused(t, "what was deleted", err, core.NotFound)
}

// TestConnectionPage runs nothing of what it is called with.
func TestConnectionPage(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	res := w.open("GET", `/v1/connections/callback?state=x&code=<script>alert(1)</script>&scope=y`, "", "Authorization", "")
	defer res.Body.Close()
	a := w.get(res)
	csp := res.Header.Get("Content-Security-Policy")
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || strings.Contains(a, "alert") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "script-src 'nonce-") {
		t.Errorf("%s %s: %s", res.Status, csp, a)
	}
	_, nonce, _ := strings.Cut(csp, "script-src 'nonce-")
	nonce, _, _ = strings.Cut(nonce, "'")
	if strings.Count(a, `nonce="`+nonce+`"`) != 2 {
		t.Errorf("the page has another nonce than %s: %s", nonce, a)
	}
}

// TestMoreHostsTakeTheValue, and the audit log says whence somebody asked for them.
func TestMoreHostsTakeTheValue(t *testing.T) {
	t.Parallel()
	var told []string
	w := newTown(t, func(_ *httpapi.Config, _ *identity.Config, c *credential.Config) {
		c.Audit = func(ctx context.Context, e credential.Event) error {
			told = append(told, e.Action+" "+e.Detail["hosts"]+" "+httpapi.Whence(ctx))
			return nil
		}
	})
	n := client.NewSecret{Kind: "token", Value: "s3cr3t-value-of-it", Hosts: []string{"a.example", "b.example"}}
	must(w.olga.PutSecret(t.Context(), "deploy", false, n, ""))(t)
	n.Value, n.Hosts = "", []string{"a.example"}
	must(w.olga.PutSecret(t.Context(), "deploy", false, n, ""))(t)
	for _, hosts := range [][]string{{"a.example", "evil.example"}, nil} {
		n.Hosts = hosts
		_, err := w.olga.PutSecret(t.Context(), "deploy", false, n, "")
		refused(t, "other hosts without the value", err, core.Invalid)
	}
	if want := []string{"credential.put a.example b.example 127.0.0.1", "credential.change a.example 127.0.0.1"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
