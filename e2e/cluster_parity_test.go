package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// On PostgreSQL and Kafka a node does everything that it does on what it starts with.
func TestOneNodeOnPostgresAndKafka(t *testing.T) {
	t.Parallel()
	in := install(t, on{kafka: true})
	s := in.node(t)
	d := in.at(t, s.dir)
	d.does("run", "--exit", "a reading list with title and author")
	name := d.listed(1).Name
	url := strings.TrimSpace(d.does("app", "start", name))
	previewAt(t, url).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Momo"})
	d.does("app", "change", name, "add a rating from 1 to 5")
	until(t, func() bool { return d.app(name).Version == 2 }, func() string { return d.does("task", "list") })
	if tasks := d.tasks(); len(tasks) != 2 || tasks[0].Status != core.StatusSucceeded || tasks[1].Status != core.StatusSucceeded {
		t.Errorf("the tasks are %+v", tasks)
	}
	s.agrees(t)
	if n := s.usedTasks(t); n != 2 {
		t.Errorf("the usage counts %d tasks, not 2", n)
	}
	if out := d.does("deadletter", "list"); !strings.Contains(out, "No dead letters") {
		t.Errorf("the dead letters are %q", out)
	}
	d.rotatesKeys(t, in.key)
	d.backsUp(t)
	before := d.app(name)
	s.stop(t)

	schema := lines[cli.Schema](t, d.does("db", "status", "--json"))[0]
	if schema.Store != "postgres" || schema.Current == 0 || schema.Current != schema.Newest {
		t.Errorf("the schema is %+v", schema)
	}
	// Another process, with nothing but the configuration, finds all of it.
	other := in.at(t, in.node(t).dir)
	if after := other.app(name); after.Version != before.Version || after.Versions != before.Versions || after.Title != before.Title {
		t.Errorf("elsewhere the app is %+v, it was %+v", after.App, before.App)
	}
	if out := other.does("projection", "verify"); strings.Count(out, "all as the events say") != len(views) {
		t.Errorf("projection verify says %q", out)
	}
	other.does("projection", "rebuild")
}

// listed waits until there are n apps in the list, which follows within moments, and
// returns the newest.
func (d data) listed(n int) client.App {
	d.t.Helper()
	var apps []client.App
	until(d.t, func() bool { apps = d.apps(); return len(apps) == n }, func() string { return d.does("app", "list") })
	return apps[0]
}

// rotatesKeys rotates the orgs' keys and the master key, and sees that what was written
// before still opens.
func (d data) rotatesKeys(t *testing.T, file string) {
	t.Helper()
	tasks := len(d.tasks())
	d.does("keys", "rotate")
	d.does("keys", "rotate", "--org", string(core.DefaultOrg))
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d.does("keys", "rotate", "--master")
	if key, err := os.ReadFile(file); err != nil || string(key) == string(old) {
		t.Errorf("the master key is as it was (%v)", err)
	}
	if n := len(d.tasks()); n != tasks {
		t.Errorf("%d tasks after the rotation, %d before", n, tasks)
	}
}

// backsUp makes a backup and sees that it is good.
func (d data) backsUp(t *testing.T) {
	t.Helper()
	made := lines[client.Backup](t, d.does("backup", "--json"))[0]
	if listed := lines[[]client.Backup](t, d.does("backup", "list", "--json"))[0]; len(listed) != 1 || listed[0].ID != made.ID {
		t.Errorf("the backups are %+v", listed)
	}
	r := lines[cli.Restored](t, d.does("restore", "--verify", "--json"))[0]
	if r.ID != made.ID || r.Events != made.Events || r.Events == 0 || r.Rows == 0 || r.Blobs == 0 || len(r.Problems)+len(r.Shut) > 0 {
		t.Errorf("restored, %+v is %+v", made, r)
	}
}
