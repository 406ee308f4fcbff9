package httpapi_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// damage appends a row to an org's audit log that nobody has signed.
func (w *town) damage(org core.OrgID) {
	w.t.Helper()
	var last int64
	page := must(w.audit.List(w.t.Context(), org, auditlog.Query{Limit: 1}))(w.t)
	if len(page.Entries) > 0 {
		last = page.Entries[0].Row
	}
	p := core.AuditRecorded{Entry: []byte(`{}`)}
	scope := core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "an intruder"}}
	must(w.store.Append(w.t.Context(), scope, store.Append{Stream: core.AuditLog, Expected: last, Events: []store.NewEvent{
		{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: must(core.EncodePayload(p))(w.t)},
	}}))(w.t)
}

// TestAnOrgGoesOn: nobody of an org whose log is damaged gets what has to be recorded, until
// an operator has it begun anew; then everybody does, and the damage is still named.
func TestAnOrgGoesOn(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	login := client.Login{Email: "olga@example.org", Password: password}
	begin := client.AuditBeginning{Reason: "ticket 118"}
	must(w.olga.CreateProject(ctx, "First", ""))(t)
	_, err := w.local.BeginAuditAnew(ctx, core.DefaultOrg, begin)
	refused(t, "a log that is good", err, core.Conflict)

	w.damage(core.DefaultOrg)
	refused(t, "a sign-in", second(w.anon().SignIn(ctx, login)), core.Unavailable)
	found := 0
	for _, org := range must(w.local.AuditLogs(ctx))(t) {
		if r := must(w.local.VerifyAuditOf(ctx, org, nil))(t); r.Fault != nil {
			found++
			if r.Org != core.DefaultOrg || r.Fault.Kind != "moved" {
				t.Errorf("%+v", r)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d logs are damaged", found)
	}
	refused(t, "an owner of the org", second(w.olga.BeginAuditAnew(ctx, core.DefaultOrg, begin)), core.Denied)
	refused(t, "an owner of the org verifies", second(w.olga.VerifyAuditOf(ctx, core.DefaultOrg, nil)), core.Denied)
	refused(t, "no reason", second(w.local.BeginAuditAnew(ctx, core.DefaultOrg, client.AuditBeginning{})), core.Invalid)
	refused(t, "no org", second(w.local.BeginAuditAnew(ctx, "org_none", begin)), core.NotFound)
	refused(t, "no org to verify", second(w.local.VerifyAuditOf(ctx, "org_none", nil)), core.NotFound)

	must(w.local.BeginAuditAnew(ctx, core.DefaultOrg, begin))(t)
	must(w.anon().SignIn(ctx, login))(t)
	r := must(w.olga.VerifyAudit(ctx, client.OrgLog, nil))(t)
	if r.Fault != nil || r.Rows != 2 || len(r.Before) != 1 || r.Before[0].Fault == nil {
		t.Errorf("%+v", r)
	}
	if log := w.audited(core.DefaultOrg); !strings.HasPrefix(log, "sign_in audit.begin ") {
		t.Errorf("the org's log has %s", log)
	}
	if log := w.audited(core.Installation); !strings.HasPrefix(log, "audit.begin ") {
		t.Errorf("the installation's log has %s", log)
	}
}
