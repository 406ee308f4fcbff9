package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Whatever is wrong with a command, it ends with its own exit code, one line of
// what is wrong and one of what to do, for a person and for a program alike, and
// what was there before is there after.
func TestBadInput(t *testing.T) {
	t.Parallel()
	d := newData(t)
	d.does("run", "--exit", "a tip calculator")
	name := d.apps()[0].Name
	config := filepath.Join(t.TempDir(), "isekai.yaml")
	write := func(text string) []string {
		path := filepath.Join(t.TempDir(), "isekai.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"app", "list", "--config", path}
	}
	cases := []struct {
		name string
		args []string
		env  []string
		exit int
		code core.Code
		says string // in the message
		hint string // in the hint
	}{
		{name: "no prompt", args: []string{"run"}, exit: 2, code: core.Invalid, says: "no prompt", hint: "isekai run"},
		{name: "an empty prompt", args: []string{"run", "--exit", " \n\t"}, exit: 2, code: core.Invalid, says: "empty", hint: "isekai run"},
		{name: "a long prompt", args: []string{"run", "--exit", strings.Repeat("x", 5001)}, exit: 2, code: core.Invalid, says: "5,000", hint: "shorten"},
		{name: "a binary prompt", args: []string{"run", "--exit", "\x7fELF\x02\x01\x01\x03"}, exit: 2, code: core.Invalid, says: "control", hint: "words"},
		{name: "a prompt that isn't UTF-8", args: []string{"run", "--exit", "caf\xe9"}, exit: 2, code: core.Invalid, says: "UTF-8", hint: "words"},
		{name: "an empty change", args: []string{"app", "change", name, ""}, exit: 2, code: core.Invalid, says: "empty", hint: "isekai"},
		{name: "a change without a prompt", args: []string{"app", "change", name}, exit: 2, code: core.Invalid, says: "arg", hint: "isekai app change --help"},
		{name: "a task without a model", args: []string{"task", "run", "count the TODO comments"}, exit: 8, code: core.Unsupported, says: "needs a model", hint: "OPENAI_API_KEY"},
		{name: "a model that isn't configured", args: []string{"run", "--model", "gpt-5", "a poll"}, exit: 8, code: core.Unsupported, says: "gpt-5", hint: "OPENAI_API_KEY"},
		{name: "an unknown flag", args: []string{"run", "--frobnicate", "a poll"}, exit: 2, code: core.Invalid, says: "--frobnicate", hint: "isekai run --help"},
		{name: "a flag of the wrong type", args: []string{"app", "files", name, "--version", "x"}, exit: 2, code: core.Invalid, says: "version", hint: "--help"},
		{name: "an unknown command", args: []string{"frobnicate"}, exit: 2, code: core.Invalid, says: "frobnicate", hint: "isekai --help"},
		{name: "an unknown part of a command", args: []string{"app", "frobnicate"}, exit: 2, code: core.Invalid, says: "frobnicate", hint: "isekai app --help"},
		{name: "a missing argument", args: []string{"app", "rollback", name}, exit: 2, code: core.Invalid, says: "arg", hint: "isekai app rollback --help"},
		{name: "an unknown app", args: []string{"app", "show", "nothing"}, exit: 3, code: core.NotFound, says: "nothing", hint: "isekai app list"},
		{name: "an unknown task", args: []string{"task", "show", "tsk_nothing"}, exit: 3, code: core.NotFound, says: "tsk_nothing", hint: "isekai task list"},
		{name: "an unknown version", args: []string{"app", "rollback", name, "9"}, exit: 3, code: core.NotFound, says: "9", hint: "isekai app versions"},
		{name: "a version that is none", args: []string{"app", "rollback", name, "first"}, exit: 2, code: core.Invalid, says: "first", hint: "isekai app versions"},
		{name: "an unknown file", args: []string{"app", "files", name, "nothing.py"}, exit: 3, code: core.NotFound, says: "nothing.py", hint: "isekai app files"},
		{name: "a file outside", args: []string{"app", "files", name, "../../../../etc/passwd"}, exit: 3, code: core.NotFound, says: "no file", hint: "isekai app files"},
		{name: "a misspelt variable", args: []string{"app", "list"}, env: []string{"ISEKAI_MODLE_NAME=gpt-5"}, exit: 2, code: core.Invalid, says: "ISEKAI_MODLE_NAME", hint: "model.name"},
		{name: "a variable of the wrong type", args: []string{"app", "list"}, env: []string{"ISEKAI_WORKER_CONCURRENCY=many"}, exit: 2, code: core.Invalid, says: "worker.concurrency", hint: "default"},
		{name: "a missing configuration file", args: []string{"app", "list", "--config", config}, exit: 2, code: core.Invalid, says: config, hint: "isekai config"},
		{name: "a malformed configuration file", args: write("listen: [\n"), exit: 2, code: core.Invalid, says: "isekai.yaml", hint: "YAML"},
		{name: "an unknown setting", args: write("listne: 127.0.0.1:1\n"), exit: 2, code: core.Invalid, says: "listne", hint: "listen"},
		{name: "a setting out of its bounds", args: write("worker:\n  concurrency: 0\n"), exit: 2, code: core.Invalid, says: "worker.concurrency", hint: "default"},
		{name: "a public address", args: []string{"serve", "--listen", "0.0.0.0:0"}, exit: 5, code: core.Denied, says: "0.0.0.0:0", hint: "public.url"},
		{name: "no address at all", args: []string{"serve", "--listen", "here"}, exit: 2, code: core.Invalid, says: "here", hint: "127.0.0.1:7777"},
		{name: "a data directory that is a file", args: []string{"app", "list", "--data-dir", "/etc/hostname"}, exit: 2, code: core.Invalid, says: "isn't a folder", hint: "--data-dir"},
	}
	t.Run("each", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				args := c.args
				if !strings.Contains(strings.Join(args, " "), "--data-dir") {
					args = append([]string{"--data-dir", d.dir}, args...)
				}
				env := cleanEnv(c.env...)
				r := isekai(t, env, args...)
				text, hint, _ := strings.Cut(strings.TrimPrefix(r.err, "isekai: "), "\n  ")
				if r.code != c.exit || !strings.HasPrefix(r.err, "isekai: ") || !strings.Contains(text, c.says) || !strings.Contains(hint, c.hint) {
					t.Errorf("exit code %d and %q, want %d, %q and the hint %q", r.code, r.err, c.exit, c.says, c.hint)
				}
				r = isekai(t, env, append(args, "--json")...)
				if f := failure(t, r); r.code != c.exit || f.Code != c.code || !strings.Contains(f.Msg, c.says) || !strings.Contains(f.Hint, c.hint) || r.out != "" {
					t.Errorf("exit code %d, %+v and %q, want %d, %s, %q and the hint %q", r.code, f, r.out, c.exit, c.code, c.says, c.hint)
				}
			})
		}
	})
	r := isekai(t, d.env, "app", "list", "--data-dir", d.dir)
	if r.code != 0 || !strings.Contains(r.out, name) || strings.Count(r.out, "\n") != 2 {
		t.Errorf("afterwards there are\n%s%s", r.out, r.err)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newData(t)
	r := d.run("serve", "--json", "--listen", l.Addr().String())
	if f := failure(t, r); r.code != 4 || f.Code != core.Conflict || !strings.Contains(f.Msg, l.Addr().String()) || !strings.Contains(f.Hint, "--listen") {
		t.Errorf("exit code %d: %+v", r.code, f)
	}
	d.does("app", "list") // the data directory is free again
}

func TestSecondServer(t *testing.T) {
	t.Parallel()
	d := newData(t)
	s := serve(t, d.dir, d.env)
	r := d.run("serve", "--json", "--listen", "127.0.0.1:0")
	if f := failure(t, r); r.code != 4 || f.Code != core.Conflict || !strings.Contains(f.Msg, d.dir) || !strings.Contains(f.Hint, "--data-dir") {
		t.Errorf("exit code %d: %+v", r.code, f)
	}
	if h, err := s.Health(t.Context()); err != nil || h.Status != "ok" {
		t.Errorf("the first server: %+v, %v", h, err)
	}
	d.does("app", "list")
}

func TestNeitherPythonNorNode(t *testing.T) {
	t.Parallel()
	d := newData(t)
	d.does("run", "--exit", "a tip calculator")
	name := d.apps()[0].Name

	// An empty PATH isn't enough: the usual places are looked at, too.
	h := newHost(t, `
		for p in /usr/bin/python3 /usr/local/bin/python3 /usr/bin/node /usr/local/bin/node; do
			if [ -e $p ]; then mount --bind /dev/null "$(readlink -f $p)"; fi
		done`)
	env := cleanEnv("PATH=" + t.TempDir())
	r := h.run(env, "run", "--exit", "--json", "--data-dir", d.dir, "a poll")
	if f := failure(t, r); r.code != 8 || f.Code != core.Unsupported || !strings.Contains(f.Msg, "neither Python 3 nor Node") || !strings.Contains(f.Hint, "install") {
		t.Errorf("exit code %d: %+v", r.code, f)
	}
	if r := h.run(env, "app", "start", "--json", "--data-dir", d.dir, name); r.code == 0 || !strings.Contains(failure(t, r).Hint, "isekai doctor") {
		t.Errorf("an app without its runtime: exit code %d: %s", r.code, r.err)
	}
	r = h.run(env, "doctor", "--json", "--data-dir", d.dir)
	bad := 0
	for _, c := range lines[[]client.HealthCheck](t, r.out)[0] {
		if !c.OK && (c.Name == "python3" || c.Name == "node") && c.Hint != "" {
			bad++
		}
	}
	if r.code != 1 || bad != 2 {
		t.Errorf("doctor: exit code %d: %s", r.code, r.out)
	}
	if apps := d.apps(); len(apps) != 1 || apps[0].Name != name {
		t.Errorf("afterwards: %+v", apps)
	}
	if a := d.begin("app", "start", name); true {
		a.says(t, "http://")
	}
}

func TestReadOnlyDataDirectory(t *testing.T) {
	t.Parallel()
	d := newData(t)
	d.does("run", "--exit", "a tip calculator")
	h := newHost(t, `mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"`, d.dir)
	for _, args := range [][]string{{"run", "--exit", "a poll"}, {"serve", "--listen", "127.0.0.1:0"}, {"app", "list"}} {
		r := h.run(d.env, append(args, "--json", "--data-dir", d.dir)...)
		if f := failure(t, r); r.code != 5 || f.Code != core.Denied || !strings.Contains(f.Msg, d.dir) || !strings.Contains(f.Hint, "write access") {
			t.Errorf("%q: exit code %d: %+v", args, r.code, f)
		}
	}
	if apps := d.apps(); len(apps) != 1 {
		t.Errorf("afterwards: %+v", apps)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, env := filepath.Join(t.TempDir(), "disk"), cleanEnv()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, `mount -t tmpfs -o size=64m,mode=700 tmpfs "$1"`, dir)
	data := filepath.Join(dir, "data")
	run := func(args ...string) result {
		t.Helper()
		return h.run(env, append(args, "--json", "--data-dir", data)...)
	}
	apps := func() []client.App {
		t.Helper()
		r := run("app", "list")
		if r.code != 0 {
			t.Fatalf("app list: exit code %d: %s", r.code, r.err)
		}
		return lines[client.Page[client.App]](t, r.out)[0].Items
	}
	if r := run("run", "--exit", "a tip calculator"); r.code != 0 {
		t.Fatalf("with room: exit code %d: %s", r.code, r.err)
	}

	// Nothing is left: the task isn't accepted, and what there is can be read.
	free := h.fill(dir, 0)
	r := run("run", "--exit", "a poll")
	if f := failure(t, r); r.code != 6 || f.Code != core.Exhausted || !strings.Contains(f.Msg, "full") || !strings.Contains(f.Hint, "free") {
		t.Errorf("exit code %d: %+v", r.code, f)
	}
	r = run("app", "list") // the database needs a little room even to be read
	if f := failure(t, r); r.code != 6 || f.Code != core.Exhausted || !strings.Contains(f.Hint, "free") {
		t.Errorf("app list: exit code %d: %+v", r.code, f)
	}
	free()
	if had := apps(); len(had) != 1 || had[0].Title != "Tip calculator" {
		t.Errorf("with room again there are %+v", had)
	}

	// The disk fills while a task is worked on: it waits, and goes on with the room.
	free = h.fill(dir, 512<<10)
	p := start(t, h.command(env, "run", "--exit", "--json", "--data-dir", data, "employees that belong to departments"))
	until(t, func() bool { return p.ended() || strings.Contains(p.said(), "full") }, p.said)
	if p.ended() {
		t.Fatalf("the task didn't wait: %s", p.said())
	}
	if !strings.Contains(p.out.String(), "task.created") || !strings.Contains(p.errs.String(), "full") {
		t.Errorf("the task wasn't accepted, or the disk wasn't full: %s", p.said())
	}
	if had := apps(); len(had) != 1 { // read by the process that is there
		t.Errorf("on a full disk there are %+v", had)
	}
	free()
	r = p.wait(t)
	if last, answered := timeline(t, r.out); r.code != 0 || last.Task.Status != core.StatusSucceeded || !answered {
		t.Errorf("with room again: exit code %d, %+v: %s", r.code, last.Task, r.err)
	}
	if had := apps(); len(had) != 2 {
		t.Errorf("afterwards there are %+v", had)
	}
}
