package httpapi_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func TestEgress(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	first := must(w.olga.Egress(ctx))(t)
	if first.ETag != "" || first.Hosts == nil || len(first.Hosts) != 0 {
		t.Errorf("at first it is %+v", first)
	}
	set := must(w.olga.SetEgress(ctx, client.NewEgress{Hosts: []string{"A.example.com", "*.example.org:80"}}, ""))(t)
	if want := []string{"a.example.com:443", "*.example.org:80"}; set.ETag != `"1"` || !slices.Equal(set.Hosts, want) {
		t.Errorf("set: %+v", set)
	}
	must(w.olga.SetEgress(ctx, client.NewEgress{Hosts: []string{"b.example.com"}}, set.ETag))(t)
	_, err := w.olga.SetEgress(ctx, client.NewEgress{Hosts: []string{}}, set.ETag)
	refused(t, "a change of what has changed", err, core.Conflict)
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("h%d.example", i))
	}
	for what, bad := range map[string][]string{"a star": {"*"}, "a top-level domain": {"*.com"}, "a range": {"10.0.0.0/8"}, "a URL": {"https://a.example/"}, "too many": many} {
		_, err := w.olga.SetEgress(ctx, client.NewEgress{Hosts: bad}, "")
		refused(t, what, err, core.Invalid)
	}
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	if seen := must(ann.Egress(ctx))(t); !slices.Equal(seen.Hosts, []string{"b.example.com:443"}) {
		t.Errorf("a member sees %+v", seen)
	}
	_, err = ann.SetEgress(ctx, client.NewEgress{Hosts: []string{"c.example.com"}}, "")
	refused(t, "a member changes it", err, core.Denied)
	_, paul := w.otherOrg("paul")
	if theirs := must(paul.Egress(ctx))(t); theirs.ETag != "" || len(theirs.Hosts) != 0 {
		t.Errorf("another org has %+v", theirs)
	}
	must(w.olga.SetEgress(ctx, client.NewEgress{Hosts: []string{}}, ""))(t)
	page := must(w.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "egress.hosts", Limit: 10}))(t)
	if len(page.Entries) != 3 || page.Entries[1].Detail["hosts"] != "b.example.com:443" || page.Entries[0].Detail["hosts"] != "" {
		t.Errorf("recorded: %+v", page.Entries)
	}
}
