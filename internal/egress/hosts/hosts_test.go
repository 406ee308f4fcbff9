package hosts_test

import (
	"fmt"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

func TestLists(t *testing.T) {
	t.Parallel()
	s := hosts.New(sqlitetest.Open(t, sqlite.Config{}))
	ctx := t.Context()
	get := func(org core.OrgID, project core.ProjectID) (string, int64) {
		all, version, err := s.Get(ctx, org, project)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(all), version
	}
	if all, version := get("org_a", "prj_a"); all != "[]" || version != 0 {
		t.Errorf("at first there are %s of version %d", all, version)
	}
	some, err := hosts.Parse([]string{"B.example", "*.a.example:80", "b.example:443"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, "org_a", "prj_a", 0, some); err != nil {
		t.Fatal(err)
	}
	if all, version := get("org_a", "prj_a"); all != "[b.example:443 *.a.example:80]" || version != 1 {
		t.Errorf("there are %s of version %d", all, version)
	}
	for _, other := range []struct {
		org     core.OrgID
		project core.ProjectID
	}{{"org_a", "prj_b"}, {"org_b", "prj_a"}} {
		if all, _ := get(other.org, other.project); all != "[]" {
			t.Errorf("%v has %s", other, all)
		}
	}
	if err := s.Put(ctx, "org_a", "prj_a", 0, nil); core.CodeOf(err) != core.Conflict {
		t.Errorf("an old version: %v", err)
	}
	if err := s.Put(ctx, "org_a", "prj_a", 1, nil); err != nil {
		t.Fatal(err)
	}
	if all, _ := get("org_a", "prj_a"); all != "[]" {
		t.Errorf("there are %s", all)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range hosts.Max + 1 {
		many = append(many, fmt.Sprintf("h%d.example", i))
	}
	if _, err := hosts.Parse(many); core.CodeOf(err) != core.Invalid {
		t.Errorf("%d hosts: %v", len(many), err)
	}
	if all, err := hosts.Parse(many[:hosts.Max]); err != nil || len(all) != hosts.Max {
		t.Errorf("%d hosts: %d, %v", hosts.Max, len(all), err)
	}
	if _, err := hosts.Parse([]string{"*"}); core.CodeOf(err) != core.Invalid {
		t.Errorf("a star: %v", err)
	}
}
