package httpapi_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestAudit: an admin reads, exports and verifies the org's log, and nobody below.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ann := w.person(w.olga, "ann", client.Place{Role: core.Admin})
	bob := w.person(w.olga, "bob", client.Place{Role: core.Member})
	must(ann.CreateProject(ctx, "Shop", ""))(t)

	page := must(ann.Audit(ctx, client.OrgLog, client.AuditOptions{Action: "project."}))(t)
	if len(page.Items) != 1 || page.Items[0].Actor.ID != string(w.me(ann).User) || page.Items[0].Outcome != "done" {
		t.Errorf("%+v", page)
	}
	for _, o := range []client.AuditOptions{{Actor: "usr_x"}, {Target: "x"}, {Outcome: "refused"}, {Until: time.Now().Add(-time.Hour)}, {From: time.Now().Add(2 * time.Hour)}, {Project: "prj_x"}} {
		if page := must(ann.Audit(ctx, client.OrgLog, o))(t); len(page.Items) != 0 {
			t.Errorf("%+v: %+v", o, page.Items)
		}
	}
	var rows []int64
	for o := (client.AuditOptions{PageOptions: client.PageOptions{Limit: 1}}); ; {
		page := must(ann.Audit(ctx, client.OrgLog, o))(t)
		for _, e := range page.Items {
			rows = append(rows, e.Row)
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			break
		}
	}
	down := slices.Clone(rows)
	slices.Reverse(down)
	if len(rows) < 3 || !slices.IsSorted(down) || rows[len(rows)-1] != 1 {
		t.Errorf("rows %v", rows)
	}

	kept := must(ann.AuditCheckpoint(ctx, client.OrgLog))(t)
	report := must(ann.VerifyAudit(ctx, client.OrgLog, []string{kept.Checkpoint}))(t)
	if report.Fault != nil || report.Rows != rows[0] || report.Org != core.DefaultOrg {
		t.Errorf("%+v", report)
	}
	_, err := ann.VerifyAudit(ctx, client.OrgLog, []string{"made up"})
	refused(t, "a made-up checkpoint", err, core.Invalid)
	var out bytes.Buffer
	if err := ann.ExportAudit(ctx, client.OrgLog, &out); err != nil {
		t.Fatal(err)
	}
	keys := must(ann.AuditKeys(ctx))(t)
	if r := must(auditlog.VerifyExport(&out, keys, []byte(kept.Checkpoint)))(t); r.Fault != nil || r.Rows != rows[0]+1 { // the export itself
		t.Errorf("%+v", r)
	}
	if log := w.audited(core.DefaultOrg); !strings.HasPrefix(log, "audit.export ") {
		t.Errorf("the audit log has %s", log)
	}

	for what, err := range map[string]error{
		"list": second(bob.Audit(ctx, client.OrgLog, client.AuditOptions{})), "verify": second(bob.VerifyAudit(ctx, client.OrgLog, nil)),
		"export": bob.ExportAudit(ctx, client.OrgLog, &out), "checkpoint": second(bob.AuditCheckpoint(ctx, client.OrgLog)),
		"the installation's": second(ann.Audit(ctx, client.InstallationLog, client.AuditOptions{})),
	} {
		refused(t, "a tenant: "+what, err, core.Denied)
	}
	if page := must(w.local.Audit(ctx, client.InstallationLog, client.AuditOptions{Action: "setup"}))(t); len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
}
