package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestAPIKeys: a key does what its scopes say, has its budget, is shown once, and ends.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	until := time.Now().Add(time.Hour)
	n := client.NewKey{Name: "ci", Scopes: []string{"tasks:read", "credits:read"}, Budget: 5 * core.Credit, Expires: &until}
	made := must(w.olga.CreateKey(ctx, n, "k"))(t)
	if made.Text == "" || made.Budget != n.Budget || made.Role != core.Owner || made.Expires == nil {
		t.Fatalf("%+v", made)
	}
	_, err := w.olga.CreateKey(ctx, n, "k")
	refused(t, "a repeat", err, core.Conflict)
	if strings.Contains(core.HintOf(err)+err.Error(), made.Text) {
		t.Error("a repeat shows the key")
	}
	key := w.as(made.Text)
	if me := w.me(key); me.Key != made.ID || me.Actor.Kind != core.ActorKey || len(me.Scopes) != 2 || me.Account != nil {
		t.Errorf("%+v", me)
	}
	must(key.Tasks(ctx, client.ListOptions{}))(t)
	for what, err := range map[string]error{
		"make a task":  second(key.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "x"}, "")),
		"list members": second(key.Members(ctx, client.PageOptions{})),
		"make a key":   second(key.CreateKey(ctx, n, "")),
		"change who":   second(key.RenameMe(ctx, "X")),
		"sign out":     key.SignOut(ctx),
	} {
		refused(t, "a key without the scope may "+what, err, core.Denied)
	}
	budgets := must(key.Budgets(ctx))(t)
	if len(budgets) != 1 || budgets[0].Of != "key/"+string(made.ID) || budgets[0].Limit != n.Budget || budgets[0].Window != "none" {
		t.Errorf("%+v", budgets)
	}
	for _, page := range []client.Page[client.Key]{must(w.olga.MyKeys(ctx, client.PageOptions{}))(t), must(w.olga.Keys(ctx, "", client.PageOptions{}))(t)} {
		if len(page.Items) != 1 || page.Items[0].ID != made.ID {
			t.Errorf("%+v", page)
		}
	}
	_, paul := w.otherOrg("paul")
	refused(t, "ending another org's key", paul.RevokeKey(ctx, made.ID), core.NotFound)
	if err := w.olga.RevokeKey(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = key.Me(ctx)
	refused(t, "a key that has ended", err, core.Unauthenticated)
	for what, page := range map[string]client.Page[client.Key]{
		"mine": must(w.olga.MyRevokedKeys(ctx, client.PageOptions{}))(t), "all": must(w.olga.RevokedKeys(ctx, "", client.PageOptions{}))(t),
	} {
		if len(page.Items) != 1 || page.Items[0].ID != made.ID || page.Items[0].Name != "ci" || page.Items[0].Revoked == nil || page.Items[0].By != w.me(w.olga).User || page.Items[0].Expires != nil {
			t.Errorf("revoked, %s: %+v", what, page)
		}
	}
	if page := must(w.olga.Keys(ctx, "", client.PageOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("it is listed among those that are good: %+v", page)
	}
	if page := must(paul.RevokedKeys(ctx, "", client.PageOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("another org sees %+v", page)
	}
	if left := must(w.olga.Budgets(ctx))(t); len(left) != 0 {
		t.Errorf("its budget stays: %+v", left)
	}
	for what, n := range map[string]client.NewKey{
		"no scope": {Name: "x"}, "an unknown scope": {Name: "x", Scopes: []string{"all"}}, "no name": {Scopes: n.Scopes},
	} {
		_, err := w.olga.CreateKey(ctx, n, "")
		refused(t, what, err, core.Invalid)
	}
}

// TestServices act by keys that admins make, and nobody makes a key for another person.
func TestServices(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	svc := must(w.olga.CreateService(ctx, client.NewService{Name: "nightly", Place: client.Place{Role: core.Member}}, ""))(t)
	n := client.NewServiceKey{Service: svc.ID, NewKey: client.NewKey{Name: "x", Scopes: []string{"tasks:write"}}}
	_, err := ann.CreateServiceKey(ctx, n, "")
	refused(t, "a member makes a service's key", err, core.Denied)
	made := must(w.olga.CreateServiceKey(ctx, n, ""))(t)
	if made.User != svc.ID || made.Role != core.Member {
		t.Errorf("%+v", made)
	}
	n.Service = w.me(ann).User
	_, err = w.olga.CreateServiceKey(ctx, n, "")
	refused(t, "a key for another person", err, core.Denied)
	if page := must(w.olga.Keys(ctx, svc.ID, client.PageOptions{}))(t); len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
	if err := w.olga.RemoveMember(ctx, svc.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.as(made.Text).Me(ctx)
	refused(t, "a service's key after its end", err, core.Unauthenticated)
}
