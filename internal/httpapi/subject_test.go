package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestAnOperatorNamesTheOrg whose views and dead letters these are; a tenant can't.
func TestAnOperatorNamesTheOrg(t *testing.T) {
	t.Parallel()
	var guard *deadletter.Guard
	w := newTown(t, func(cfg *httpapi.Config, _ *identity.Config, _ *credential.Config) {
		st := cfg.Events.(*sqlite.Store)
		cfg.Projectors = []*store.Projector{agent.NewProjector(st), app.NewProjector(st)}
		guard = &deadletter.Guard{Consumer: "ledger", Letters: st, Wait: true, Tries: 1, Next: func(context.Context, core.Event) error { return errors.New("a bug") }}
		cfg.DeadLetters = &deadletter.Service{Letters: st, Carried: st, Readable: st, Consumers: []*deadletter.Guard{guard}}
	})
	ctx := t.Context()
	other, paul := w.otherOrg("paul")
	his := core.Scope{Org: other, Project: core.DefaultProject, Actor: scope.Actor}
	made := must(w.tasks.Create(ctx, his, agent.NewTask{Kind: core.KindApp, Prompt: "x", Model: "blueprint"}))(t)
	event := must(w.store.ReadStream(ctx, other, made.Task.Stream(), 0, 1))(t)[0]
	if err := guard.Handle(ctx, event); err != nil { // given up: a dead letter
		t.Fatal(err)
	}
	operator := w.as(must(w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: password, Org: core.Installation}))(t).Access)

	for name, c := range map[string]*client.Client{"local": w.local, "operator": operator} {
		page := must(c.About(other).DeadLetters(ctx, client.LetterOptions{}))(t)
		if len(page.Items) != 1 || page.Items[0].Stream != made.Task.Stream() {
			t.Errorf("%s: %+v", name, page)
		}
		must(c.About(other).DeadLetter(ctx, "ledger", made.Task.Stream(), 1))(t)
		if p := must(c.About(other).RebuildProjection(ctx, agent.View))(t); p.Rows != 1 {
			t.Errorf("%s: %+v", name, p)
		}
		_, err := c.About("org_none").DeadLetters(ctx, client.LetterOptions{})
		refused(t, name+": the letters of no org", err, core.NotFound)
	}
	if page := must(w.local.DeadLetters(ctx, client.LetterOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("the first org has %+v", page)
	}
	_, err := operator.DeadLetters(ctx, client.LetterOptions{})
	refused(t, "an operator names none", err, core.Invalid)
	_, err = operator.VerifyProjection(ctx, agent.View)
	refused(t, "an operator names none", err, core.Invalid)
	for _, c := range []*client.Client{paul, w.olga} {
		_, err := c.About(other).DeadLetters(ctx, client.LetterOptions{})
		refused(t, "a tenant looks", err, core.Denied)
	}
	must(operator.About(other).DropDeadLetter(ctx, "ledger", made.Task.Stream(), 1))(t)
	if log := w.audited(other); strings.Count(log, "dead_letter.show") != 2 {
		t.Errorf("whose content was looked at finds %s", log)
	}
}

// TestNoOtherRouteTakesAnOrg: for a tenant's it is a mistake, not a choice.
func TestNoOtherRouteTakesAnOrg(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, path := range []string{"/v1/tasks", "/v1/credits", "/v1/members", "/v1/api-keys", "/v1/secrets", "/v1/audit", "/v1/canaries", "/v1/redaction", "/v1/budgets", "/v1/org", "/v1/skills"} {
		if a := w.do("GET", path+"?org=org_other", ""); a.status != 422 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := w.do("GET", path, "", "X-Org-Id", "org_other", "Isekai-Org", "org_other"); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
