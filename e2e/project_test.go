package e2e

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
)

// TestAProjectOfItsOwn: --project makes and finds things in a project, without a server and
// with one; the others don't show them.
func TestAProjectOfItsOwn(t *testing.T) {
	t.Parallel()
	d := newData(t)
	shop := lines[client.Project](t, d.does("project", "create", "Shop", "--json"))[0].ID
	d.does("run", "--exit", "a tip calculator", "--project", string(shop))
	look := func() {
		t.Helper()
		if out := d.does("app", "list", "--project", string(shop)); !strings.Contains(out, "Tip calculator") {
			t.Errorf("the project has %s", out)
		}
		if out := d.does("app", "list"); !strings.Contains(out, "No apps yet") {
			t.Errorf("the default project has %s", out)
		}
		if r := d.run("app", "list", "--project", "prj_none"); r.code == 0 || !strings.Contains(r.err, "no such project") {
			t.Errorf("no project: %d %s", r.code, r.err)
		}
	}
	look()
	p := d.begin("serve", "--listen", "127.0.0.1:0")
	p.says(t, "http://")
	look()
	d.does("project", "archive", string(shop))
	if r := d.run("app", "list", "--project", string(shop)); r.code == 0 {
		t.Errorf("an archived project shows %s", r.out)
	}
	p.interrupt()
	p.wait(t)
}
