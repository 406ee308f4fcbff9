package e2e

import (
	"testing"

	"github.com/isekai-run/isekai/internal/client"
)

// data is a data directory, with commands run in it.
type data struct {
	t   *testing.T
	dir string
	env []string
}

func newData(t *testing.T) data {
	t.Helper()
	return data{t: t, dir: t.TempDir(), env: cleanEnv()}
}

// run runs a command to its end, whatever that is.
func (d data) run(args ...string) result {
	d.t.Helper()
	return isekai(d.t, d.env, append(args, "--data-dir", d.dir)...)
}

// does is run that must succeed.
func (d data) does(args ...string) string {
	d.t.Helper()
	r := d.run(args...)
	if r.code != 0 {
		d.t.Fatalf("isekai %q: exit code %d: %s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

func (d data) begin(args ...string) *process {
	d.t.Helper()
	return begin(d.t, d.env, append(args, "--data-dir", d.dir)...)
}

// app reads an app by the command line.
func (d data) app(name string) client.AppDetail {
	d.t.Helper()
	return lines[client.AppDetail](d.t, d.does("app", "show", "--json", name))[0]
}

func (d data) tasks() []client.Task {
	d.t.Helper()
	return lines[client.Page[client.Task]](d.t, d.does("task", "list", "--json"))[0].Items
}

func (d data) apps() []client.App {
	d.t.Helper()
	return lines[client.Page[client.App]](d.t, d.does("app", "list", "--json"))[0].Items
}
