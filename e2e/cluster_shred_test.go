package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
)

// types is run with somebody at the keyboard.
func (d data) types(text string, args ...string) result {
	d.t.Helper()
	c := exec.Command(filepath.Join(bin, "isekai"), append(args, "--data-dir", d.dir)...)
	c.Env, c.Stdin = d.env, strings.NewReader(text)
	return start(d.t, c).wait(d.t)
}

// After an org's keys are destroyed nothing of it opens, here or in a backup, and it
// reads as gone; everything else goes on.
func TestShredded(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		up := upstream(t, noting)
		d := data{t: t, dir: t.TempDir(), env: append(cleanEnv("ISEKAI_BACKUP_EVERY=0s"), modelEnv(up)...)}
		d.shreds(func() *server { return serve(t, d.dir, d.env) }, nil)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		in := install(t, on{kafka: true, model: upstream(t, noting)})
		folder := t.TempDir()
		one, other := in.join(t, folder, "one"), in.join(t, folder, "other")
		running := one.server
		one.data.shreds(func() *server {
			if running == nil {
				one.start()
				return one.server
			}
			s := running
			running = nil
			return s
		}, &other.data)
	})
}

// shreds works on one node. On the other, if there is one, the app runs.
func (d data) shreds(serve func() *server, other *data) {
	t := d.t
	t.Helper()
	s := serve()
	d.does("run", "--exit", "--model", "blueprint", "a tip calculator")
	name := d.listed(1).Name
	d.does("task", "run", "note this: secret.")
	task := d.tasks()[0].ID
	s.agrees(t)
	d.does("backup")
	d.does("restore", "--verify")

	org := string(core.DefaultOrg)
	if r := d.types("org_other\n", "keys", "shred", "--json", "--org", org); r.code != 2 || !strings.Contains(r.err, "nothing was done") {
		t.Errorf("with another name: %d: %s", r.code, r.err)
	}
	if r := d.types("", "keys", "shred", "--json", "--org", org); r.code != 2 {
		t.Errorf("with no name: %d: %s", r.code, r.err)
	}
	if r := d.types("org_none\n", "keys", "shred", "--json", "--org", "org_none"); r.code != 3 {
		t.Errorf("an org that isn't there: %d: %s", r.code, r.err)
	}
	d.does("task", "show", string(task))
	if other != nil {
		other.does("app", "start", "--move", name) // wherever it was built
		if _, err := os.Stat(filepath.Join(other.dir, "apps", org)); err != nil {
			t.Error(err)
		}
	}
	if r := d.types(org+"\n", "keys", "shred", "--org", org); r.code != 0 {
		t.Fatalf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	d.gone(task, name)
	if other != nil { // what it has in the open goes by itself
		until(t, func() bool {
			_, err := os.Stat(filepath.Join(other.dir, "apps", org))
			return errors.Is(err, fs.ErrNotExist)
		}, func() string { return "the other node still has the org's apps" })
	}
	s.stop(t)
	d.gone(task, name) // on the store itself
	serve().stop(t)    // it starts

	r := lines[cli.Restored](t, d.does("restore", "--verify", "--json"))[0]
	if !slices.Equal(r.Shut, []string{org}) || len(r.Problems) > 0 || r.Rows != 0 {
		t.Errorf("restored: %+v", r)
	}
	for _, args := range [][]string{{"db", "status"}, {"backup"}, {"backup", "list"}, {"keys", "rotate"}, {"keys", "rotate", "--master"}, {"doctor"}, {"config"}, {"version"}} {
		d.does(args...)
	}
}

// gone sees that nothing of the org can be read or done.
func (d data) gone(task core.TaskID, app string) {
	t := d.t
	t.Helper()
	for _, args := range [][]string{
		{"task", "show", string(task)}, {"task", "list"}, {"task", "watch", string(task)}, {"task", "cancel", string(task)},
		{"app", "list"}, {"app", "show", app}, {"app", "files", app}, {"app", "start", app}, {"usage"},
		{"task", "run", "note this: again."}, {"run", "--exit", "--model", "blueprint", "a tip calculator"},
	} {
		r := d.run(append(args, "--json")...)
		if r.code != 3 {
			t.Errorf("isekai %q: exit code %d: %s%s", args, r.code, r.out, r.err)
		}
		if strings.Contains(r.out+r.err, "secret") {
			t.Errorf("isekai %q shows what was shredded: %s%s", args, r.out, r.err)
		}
	}
}
