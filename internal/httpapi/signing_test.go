package httpapi_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestRotatedSigningKeys end access tokens, and neither sessions nor keys of the API; and
// nobody but an operator rotates them.
func TestRotatedSigningKeys(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	published := func() string { return w.do("GET", "/.well-known/jwks.json", "", "Authorization", "").body }
	in := must(w.anon().SignIn(t.Context(), client.Login{Email: "olga@example.org", Password: password}))(t)
	key := must(w.olga.CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: []string{"tasks:read"}}, ""))(t)
	before := published()
	refused(t, "an owner of an org", w.as(w.access("olga")).RotateSigningKeys(t.Context()), core.Denied)
	if err := w.local.RotateSigningKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := published(); after == before || len(after) != len(before) {
		t.Errorf("published were %s and are %s", before, after)
	}
	_, err := w.as(in.Access).Me(t.Context())
	refused(t, "a token of before", err, core.Unauthenticated)
	next := must(w.anon().Refresh(t.Context(), in.Refresh))(t)
	if me := w.me(w.as(next.Access)); me.Session == "" {
		t.Errorf("%+v", me)
	}
	if _, err := w.as(key.Text).Tasks(t.Context(), client.ListOptions{}); err != nil {
		t.Errorf("a key of the API: %v", err)
	}
}
