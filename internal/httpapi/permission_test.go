package httpapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Rules are a project's or its org's, are set by admins, and replace what their writer has seen.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	n := client.NewPermissions{Rules: []client.PermissionRule{{Do: core.Deny, Tool: "git_*", With: map[string]string{"branch": "main"}}}, WaitSeconds: 90}
	for _, org := range []bool{false, true} {
		if first := must(w.olga.Permissions(ctx, org))(t); first.ETag != "" || len(first.Rules) != 0 {
			t.Errorf("at first: %+v", first)
		}
		set := must(w.olga.SetPermissions(ctx, org, n, ""))(t)
		if diff := cmp.Diff(set, must(w.olga.Permissions(ctx, org))(t)); diff != "" || set.ETag == "" || len(set.Rules) != 1 {
			t.Errorf("%+v: %s", set, diff)
		}
		must(w.olga.SetPermissions(ctx, org, client.NewPermissions{}, set.ETag))(t)
		if _, err := w.olga.SetPermissions(ctx, org, n, set.ETag); core.CodeOf(err) != core.Conflict {
			t.Errorf("what wasn't seen is replaced: %v", err)
		}
		must(w.olga.SetPermissions(ctx, org, n, ""))(t)
		for what, bad := range map[string]client.NewPermissions{
			"a permission": {Rules: []client.PermissionRule{{Do: "maybe", Tool: "x"}}}, "no tool": {Rules: []client.PermissionRule{{Do: core.Ask}}}, "no patience": {WaitSeconds: 1},
		} {
			if _, err := w.olga.SetPermissions(ctx, org, bad, ""); core.CodeOf(err) != core.Invalid {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	page := must(w.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "permission.policy", Limit: 10}))(t)
	if len(page.Entries) != 6 || page.Entries[0].Detail["rules"] != "deny git_* with branch=main" {
		t.Errorf("recorded: %+v", page.Entries)
	}
}
