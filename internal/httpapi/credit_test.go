package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestCredits: an operator gives them once, the org sees them, and nobody else may.
func TestCredits(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	other, paul := w.otherOrg("paul")
	grant := client.CreditCommand{ID: "invoice-7", Amount: 100 * core.Credit, Note: "invoice 7"}
	for i, made := range []bool{true, false} {
		m := must(w.local.MoveCredits(ctx, other, client.Grant, grant, ""))(t)
		if m.Made != made || m.Balance.Available != 100*core.Credit {
			t.Errorf("try %d: %+v", i, m)
		}
	}
	again := client.CreditCommand{Amount: core.Credit}
	first := must(w.local.MoveCredits(ctx, other, client.Adjust, again, "k"))(t)
	if m := must(w.local.MoveCredits(ctx, other, client.Adjust, again, "k"))(t); m.ID != first.ID || m.Balance.Available != 101*core.Credit {
		t.Errorf("a repeat: %+v", m)
	}
	must(w.local.MoveCredits(ctx, other, client.Adjust, client.CreditCommand{Amount: -core.Credit}, ""))(t)
	must(w.local.MoveCredits(ctx, other, client.Expire, client.CreditCommand{Amount: 40 * core.Credit}, ""))(t)
	_, err := w.local.MoveCredits(ctx, other, client.Refund, client.CreditCommand{Amount: core.Credit}, "")
	refused(t, "giving back what wasn't spent", err, core.Exhausted)
	want := client.Balance{Available: 60 * core.Credit, Granted: 60 * core.Credit}
	for _, b := range []client.Balance{must(paul.Balance(ctx))(t), must(w.local.BalanceOf(ctx, other))(t)} {
		if b != want {
			t.Errorf("%+v", b)
		}
	}
	if b := must(w.olga.Balance(ctx))(t); b != (client.Balance{}) {
		t.Errorf("the first org has %+v", b)
	}
	var kinds []string
	for o := (client.EntryOptions{Account: "available", PageOptions: client.PageOptions{Limit: 1}}); ; {
		page := must(paul.Entries(ctx, o))(t)
		for _, e := range page.Items {
			kinds = append(kinds, e.Kind)
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			break
		}
	}
	if strings.Join(kinds, " ") != "grant adjust adjust expire" {
		t.Errorf("%q", kinds)
	}
	for what, err := range map[string]error{
		"a tenant gives itself":   second(paul.MoveCredits(ctx, "", client.Grant, again, "")),
		"a tenant gives another":  second(paul.MoveCredits(ctx, core.DefaultOrg, client.Grant, again, "")),
		"a tenant looks at one":   second(paul.BalanceOf(ctx, core.DefaultOrg)),
		"a tenant sets a price":   paul.SetPrice(ctx, "", "model/x", core.Price{}),
		"a tenant weighs itself":  second(paul.SetShare(ctx, "", 100)),
		"a tenant's owner grants": second(w.olga.MoveCredits(ctx, "", client.Grant, again, "")),
	} {
		refused(t, what, err, core.Denied)
	}
	if page := must(w.local.EntriesOf(ctx, other, client.EntryOptions{Account: "available"}))(t); len(page.Items) == 0 || page.Items[0].Effect == "" {
		t.Errorf("an operator sees %+v", page)
	}
	_, err = paul.EntriesOf(ctx, core.DefaultOrg, client.EntryOptions{})
	refused(t, "a tenant looks at another's books", err, core.Denied)
	_, err = w.local.MoveCredits(ctx, "org_none", client.Grant, again, "")
	refused(t, "credits for no org", err, core.NotFound)
	if log := w.audited(other); strings.Count(log, "credit.grant") != 2 || strings.Count(log, "credit.adjust") != 2 || strings.Count(log, "credit.expire") != 1 {
		t.Errorf("the audit log has %s", log)
	}
}

// TestCreditsExpire: what an operator gives for a while is shown with its end, and a
// command's id is one command's.
func TestCreditsExpire(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	other, paul := w.otherOrg("paul")
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	give := client.CreditCommand{ID: "trial", Amount: 20 * core.Credit, Expires: &at}
	for i, made := range []bool{true, false} {
		if m := must(w.local.MoveCredits(ctx, other, client.Grant, give, ""))(t); m.Made != made || m.Balance.Expiring != 20*core.Credit {
			t.Errorf("try %d: %+v", i, m)
		}
	}
	must(w.local.MoveCredits(ctx, other, client.Grant, client.CreditCommand{Amount: 5 * core.Credit}, ""))(t)
	b := must(paul.Balance(ctx))(t)
	if b.Available != 25*core.Credit || b.Expiring != 20*core.Credit || b.ExpiresAt == nil || !b.ExpiresAt.Equal(at) {
		t.Errorf("%+v", b)
	}
	late := at.Add(-2 * time.Hour)
	for what, c := range map[string]client.CreditCommand{
		"another amount": {ID: "trial", Amount: 21 * core.Credit, Expires: &at},
		"for ever":       {ID: "trial", Amount: 20 * core.Credit},
	} {
		_, err := w.local.MoveCredits(ctx, other, client.Grant, c, "")
		refused(t, what, err, core.Conflict)
	}
	_, err := w.local.MoveCredits(ctx, other, client.Grant, client.CreditCommand{Amount: 1, Expires: &late}, "")
	refused(t, "a grant that has expired", err, core.Invalid)
	_, err = w.local.MoveCredits(ctx, other, client.Adjust, client.CreditCommand{Amount: 1, Expires: &at}, "")
	refused(t, "a correction that expires", err, core.Invalid)
	if log := w.audited(other); strings.Count(log, "credit.grant") != 3 {
		t.Errorf("the audit log has %s", log)
	}
}

// TestOperatorsNameTheOrg: the credential of one has none to fall back on.
func TestOperatorsNameTheOrg(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	operator := w.as(must(w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: password, Org: core.Installation}))(t).Access)
	_, err := operator.MoveCredits(ctx, "", client.Grant, client.CreditCommand{Amount: 1}, "")
	refused(t, "an operator names no org", err, core.Invalid)
	must(operator.MoveCredits(ctx, core.DefaultOrg, client.Grant, client.CreditCommand{Amount: 1}, ""))(t)
	if s := must(operator.SetShare(ctx, core.DefaultOrg, 7))(t); s.Share != 7 {
		t.Errorf("%+v", s)
	}
	if s := must(operator.Share(ctx, core.DefaultOrg))(t); s.Share != 7 {
		t.Errorf("%+v", s)
	}
	_, err = operator.SetShare(ctx, core.DefaultOrg, 101)
	refused(t, "a share out of its range", err, core.Invalid)
}

// TestBudgets are of what the org has.
func TestBudgets(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	shop := must(w.olga.CreateProject(ctx, "Shop", ""))(t)
	b := must(w.olga.SetBudget(ctx, "org", client.NewBudget{Limit: 50 * core.Credit}))(t)
	if b.Window != "month" || b.Left != 50*core.Credit {
		t.Errorf("%+v", b)
	}
	must(w.olga.SetBudget(ctx, "project/"+string(shop.ID), client.NewBudget{Limit: core.Credit, Window: "day"}))(t)
	_, err := ann.SetBudget(ctx, "org", client.NewBudget{Limit: 1})
	refused(t, "a member sets a budget", err, core.Denied)
	if all := must(ann.Budgets(ctx))(t); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	key := must(w.olga.CreateKey(ctx, client.NewKey{Name: "x", Scopes: []string{"org:write"}}, ""))(t)
	mine := must(w.tasks.Create(ctx, core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: scope.Actor}, agent.NewTask{Kind: core.KindApp, Prompt: "x", Model: "blueprint"}))(t)
	_, paul := w.otherOrg("paul")
	for _, of := range []string{"project/" + string(shop.ID), "key/" + string(key.ID), "task/" + string(mine.Task)} {
		must(w.olga.SetBudget(ctx, of, client.NewBudget{Limit: 1}))(t)
		_, err := w.as(key.Text).SetBudget(ctx, of, client.NewBudget{Limit: 2})
		refused(t, "a key raises what bounds it, "+of, err, core.Denied)
		_, err = paul.SetBudget(ctx, of, client.NewBudget{Limit: 1})
		refused(t, "a budget of another org's "+of, err, core.NotFound)
	}
	refused(t, "removing what isn't there", paul.RemoveBudget(ctx, "org"), core.NotFound)
	for _, of := range []string{"", "x", "user/usr_a", "org/x"} {
		_, err := w.olga.SetBudget(ctx, of, client.NewBudget{Limit: 1})
		refused(t, "a budget of "+of, err, core.Invalid)
	}
	if err := w.olga.RemoveBudget(ctx, "org"); err != nil {
		t.Error(err)
	}
}

// TestPrices: what an operator sets holds for all orgs, and what is agreed with one for it.
func TestPrices(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	other, paul := w.otherOrg("paul")
	before := must(paul.Prices(ctx))(t)
	if len(before.Prices) == 0 {
		t.Fatal("no prices are built in")
	}
	const name = "model/odd name/v1"
	all, his := core.Price{Input: core.Credit}, core.Price{Input: 2 * core.Credit, Call: 3}
	if err := w.local.SetPrice(ctx, "", name, all); err != nil {
		t.Fatal(err)
	}
	if err := w.local.SetPrice(ctx, other, name, his); err != nil {
		t.Fatal(err)
	}
	if p := must(w.local.PricesOf(ctx, other))(t); p.Prices[name] != his {
		t.Errorf("%+v", p.Prices[name])
	}
	if p := must(w.local.PricesOf(ctx, ""))(t); p.Prices[name] != all {
		t.Errorf("%+v", p.Prices[name])
	}
	if p := must(w.olga.Prices(ctx))(t); p.Prices[name] != all {
		t.Errorf("%+v", p.Prices[name])
	}
	if err := w.local.RemovePrice(ctx, other, name); err != nil {
		t.Fatal(err)
	}
	p := must(paul.Prices(ctx))(t)
	if p.Prices[name] != all || p.Version <= before.Version {
		t.Errorf("%+v, version %d after %d", p.Prices[name], p.Version, before.Version)
	}
	refused(t, "a price of nothing", w.local.SetPrice(ctx, "", "x", all), core.Invalid)
}

// TestHeldToAProject: who is sees nothing of what others cost.
func TestHeldToAProject(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	shop := must(w.olga.CreateProject(ctx, "Shop", ""))(t)
	bob := w.person(w.olga, "bob", client.Place{Role: core.Member, Projects: []core.ProjectID{shop.ID}})
	must(w.local.MoveCredits(ctx, "", client.Grant, client.CreditCommand{Amount: core.Credit}, ""))(t)
	must(w.olga.SetBudget(ctx, "project/"+string(core.DefaultProject), client.NewBudget{Limit: 1}))(t)
	if page := must(bob.Entries(ctx, client.EntryOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
	if all := must(bob.Budgets(ctx))(t); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	if page := must(w.olga.Entries(ctx, client.EntryOptions{}))(t); len(page.Items) == 0 {
		t.Error("the owner sees no entry")
	}
}
