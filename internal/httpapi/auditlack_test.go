package httpapi_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestALogThatTakesNothing: whoever has something done that isn't recorded hears of it, and
// gets nothing that he could use: no tokens, no key. What needs no record is done as ever.
func TestALogThatTakesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.full.Store(true)
	ctx := t.Context()
	_, signIn := w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: password})
	_, key := w.olga.CreateKey(ctx, client.NewKey{Name: "k", Scopes: keyScopes()}, "")
	_, project := w.olga.CreateProject(ctx, "Shop", "")
	for what, err := range map[string]error{"a sign-in": signIn, "a key": key, "a project": project} {
		if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "this was done, but the audit log lacks it") || core.HintOf(err) == "" {
			t.Errorf("%s: %v (%s)", what, err, core.HintOf(err))
		}
	}
	if a := w.do("POST", "/v1/session", `{"email":"olga@example.org","password":"`+password+`","cookie":true}`, "Authorization", ""); a.status != 503 || a.header.Get("Set-Cookie") != "" || strings.Contains(a.body, "isk_") {
		t.Errorf("a sign-in by cookie: %d %v %s", a.status, a.header, a.body)
	}
	_, err := w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: "wrong"})
	refused(t, "a wrong password", err, core.Unauthenticated)
	if _, err := w.olga.Projects(ctx, client.PageOptions{}); err != nil {
		t.Errorf("what isn't recorded: %v", err)
	}
	w.full.Store(false)
	must(w.olga.CreateProject(ctx, "Another", ""))(t)
}
