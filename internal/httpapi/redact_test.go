package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func TestRedaction(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	first := must(w.olga.Redaction(ctx))(t)
	if first.ETag != "" || first.Effective["canary"] != "refuse" || first.Effective["aws_key"] != "redact" || len(first.Effective) < 20 {
		t.Errorf("at first it is %+v", first)
	}
	n := client.NewRedaction{Default: "refuse", Kinds: map[string]string{"jwt": "allow"}}
	set := must(w.olga.SetRedaction(ctx, n, ""))(t)
	if set.ETag != `"1"` || set.Effective["jwt"] != "allow" || set.Effective["aws_key"] != "refuse" {
		t.Errorf("set: %+v", set)
	}
	if diff := cmp.Diff(set, must(w.olga.Redaction(ctx))(t)); diff != "" {
		t.Error(diff)
	}
	n.Default = "redact"
	must(w.olga.SetRedaction(ctx, n, set.ETag))(t)
	_, err := w.olga.SetRedaction(ctx, n, set.ETag)
	refused(t, "a change of what has changed", err, core.Conflict)
	must(w.olga.SetRedaction(ctx, n, ""))(t)
	for what, bad := range map[string]client.NewRedaction{
		"an action": {Default: "drop"}, "a kind": {Kinds: map[string]string{"my_key": "redact"}}, "an action of a kind": {Kinds: map[string]string{"jwt": ""}},
	} {
		_, err := w.olga.SetRedaction(ctx, bad, "")
		refused(t, what+" that there isn't", err, core.Invalid)
	}
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	_, err = ann.Redaction(ctx)
	refused(t, "a member looks", err, core.Denied)
	_, paul := w.otherOrg("paul")
	if theirs := must(paul.Redaction(ctx))(t); theirs.ETag != "" || theirs.Effective["jwt"] != "redact" {
		t.Errorf("another org has %+v", theirs)
	}
	page := must(w.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "redact.policy", Limit: 10}))(t)
	if len(page.Entries) != 3 || page.Entries[0].Detail["kinds"] != "jwt=allow" || page.Entries[0].Detail["default"] != "redact" {
		t.Errorf("recorded: %+v", page.Entries)
	}
}

func TestCanaries(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	made := must(w.olga.CreateCanary(ctx, client.NewCanary{Name: "wiki"}, "once"))(t)
	if made.Name != "wiki" || made.Text == "" || made.By.Kind != core.ActorUser {
		t.Errorf("made %+v", made)
	}
	_, err := w.olga.CreateCanary(ctx, client.NewCanary{Name: "wiki"}, "once")
	refused(t, "a repeat is shown the text", err, core.Conflict)
	if diff := cmp.Diff([]client.Canary{made.Canary}, must(w.olga.Canaries(ctx))(t)); diff != "" {
		t.Error(diff)
	}
	if a := w.do("GET", "/v1/canaries", ""); strings.Contains(a.body, made.Text) || !strings.Contains(a.body, made.ID) {
		t.Errorf("the list is %s", a.body)
	}
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	_, err = ann.Canaries(ctx)
	refused(t, "a member looks for traps", err, core.Denied)
	_, paul := w.otherOrg("paul")
	if theirs := must(paul.Canaries(ctx))(t); len(theirs) != 0 {
		t.Errorf("another org has %+v", theirs)
	}
	refused(t, "another org's", paul.DeleteCanary(ctx, made.ID), core.NotFound)
	if err := w.olga.DeleteCanary(ctx, made.ID); err != nil {
		t.Error(err)
	}
	refused(t, "what was deleted", w.olga.DeleteCanary(ctx, made.ID), core.NotFound)
	if told := w.audited(core.DefaultOrg); !strings.HasPrefix(told, "canary.delete ") || !strings.Contains(told, "canary.create") {
		t.Errorf("recorded: %s", told)
	}
}
