package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// The same commands work against a server and, without one, on the data
// directory itself.
func TestCommandsWithAndWithoutServer(t *testing.T) {
	t.Parallel()
	d := newData(t)
	if out := d.does("app", "list"); !strings.Contains(out, "No apps yet") {
		t.Errorf("an empty list says %q", out)
	}
	d.does("run", "--exit", "a reading list with title and author")
	d.does("run", "--exit", "a tip calculator")

	apps := d.apps() // the newest first
	if len(apps) != 2 || apps[0].Title != "Tip calculator" || apps[1].Status != "stopped" {
		t.Fatalf("the apps are %+v", apps)
	}
	books, tips := apps[1].Name, apps[0].Name
	d.showsAndLists(books)

	// Without a server a started app runs as long as the command.
	p := d.begin("app", "start", "--json", books)
	p.says(t, "\n")
	url := lines[client.AppDetail](t, p.out.String())[0].URL
	previewAt(t, url).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Momo"})
	if a := d.app(books); a.Status != "running" || a.URL != url {
		t.Errorf("while it is held, the app is %s at %s", a.Status, a.URL)
	}
	if out := d.does("app", "logs", books); !strings.Contains(out, "version 1 starts") {
		t.Errorf("its log says %q", out)
	}
	p.interrupt()
	if r := p.wait(t); r.code != 0 {
		t.Errorf("Ctrl-C: exit code %d: %s", r.code, r.err)
	}
	if a := d.app(books); a.Status != "stopped" {
		t.Errorf("after Ctrl-C the app is %s", a.Status)
	}
	d.does("app", "stop", books)

	s := serve(t, d.dir, d.env)
	d.showsAndLists(books)
	url = strings.TrimSpace(d.does("app", "start", books))
	if n := previewAt(t, url).total("/api/books"); n != 1 {
		t.Errorf("%d books in the server, want the one from before", n)
	}
	if a := d.app(books); a.Status != "running" || a.URL != url {
		t.Errorf("the app is %s at %s, not %s", a.Status, a.URL, url)
	}
	if out := d.does("app", "logs", "--json", books); lines[client.LogLine](t, out)[0].Text == "" {
		t.Errorf("its log says %q", out)
	}
	if out := d.does("app", "open", books); strings.TrimSpace(out) != url {
		t.Errorf("app open says %q", out)
	}
	d.does("app", "stop", books)
	if a := d.app(books); a.Status != "stopped" || a.URL != "" {
		t.Errorf("stopped, the app is %s at %q", a.Status, a.URL)
	}
	if f := failure(t, d.run("app", "delete", "--json", books)); f.Code != core.Invalid || !strings.Contains(f.Hint, "--yes") {
		t.Errorf("delete without --yes: %+v", f)
	}
	d.does("app", "delete", "--yes", books)
	if apps := d.apps(); len(apps) != 1 || apps[0].Name != tips {
		t.Errorf("after the delete: %+v", apps)
	}
	s.stop(t)
	d.does("app", "delete", "--yes", tips)
	if apps := d.apps(); len(apps) != 0 {
		t.Errorf("after both deletes: %+v", apps)
	}
	if f := failure(t, d.run("app", "show", "--json", tips)); f.Code != core.NotFound {
		t.Errorf("a deleted app: %+v", f)
	}
}

// showsAndLists tries what reads, for a person and for a program.
func (d data) showsAndLists(name string) {
	d.t.Helper()
	if out := d.does("app", "list"); !strings.Contains(out, name) || !strings.Contains(out, "Reading list") {
		d.t.Errorf("app list says\n%s", out)
	}
	if out := d.does("app", "show", name); !strings.Contains(out, "1 of 1") || !strings.Contains(out, "a reading list with title and author") {
		d.t.Errorf("app show says\n%s", out)
	}
	a := d.app(name)
	if byID := d.app(string(a.ID)); byID.Name != name {
		d.t.Errorf("by its id it is %q", byID.Name)
	}
	tasks := d.tasks()
	i := slices.IndexFunc(tasks, func(t client.Task) bool { return t.App == a.ID })
	if i < 0 {
		d.t.Fatalf("no task of %s in %+v", a.ID, tasks)
	}
	id := string(tasks[i].ID)
	if out := d.does("task", "list"); !strings.Contains(out, id) || !strings.Contains(out, "succeeded") {
		d.t.Errorf("task list says\n%s", out)
	}
	if out := d.does("task", "show", id); !strings.Contains(out, "[x] 3. Tests") {
		d.t.Errorf("task show says\n%s", out)
	}
	events := lines[core.Event](d.t, d.does("task", "watch", "--json", id))
	if n := len(events); n < 20 || events[0].Type != "task.created" || events[n-1].Type != "task.finished" {
		d.t.Errorf("task watch prints %d events", n)
	}
	if out := d.does("task", "watch", id); !strings.Contains(out, "SUCCESS") || !strings.Contains(out, "tests passed") {
		d.t.Errorf("task watch says\n%s", out)
	}
}

// Ctrl-C while the app runs is the usual end of isekai run: it leaves nothing on
// the host, and the app is there for another time.
func TestInterruptWhileTheAppRuns(t *testing.T) {
	t.Parallel()
	d := newData(t)
	p := d.begin("run", "--json", "a reading list with title and author")
	p.says(t, `{"type":"result"`)
	var last lastLine
	all := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Stopped || last.App.Status != "running" {
		t.Errorf("without --exit the app is %s", last.App.Status)
	}
	previewAt(t, last.App.URL).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Momo"})

	had := tracesOf(t, p.cmd.Process.Pid, d.dir)
	if len(had.processes) < 2 || os.Geteuid() == 0 && len(had.cgroups) != 1 || len(had.mounts) != 0 {
		t.Errorf("while the app runs: %+v", had)
	}
	p.interrupt()
	if r := p.wait(t); r.code != 0 || r.err != "" {
		t.Errorf("Ctrl-C: exit code %d: %s", r.code, r.err)
	}
	until(t, func() bool { return had.left(t, d.dir).none() }, func() string { return "the end of what ran" })
	if h := tracesOf(t, p.cmd.Process.Pid, d.dir); !h.none() {
		t.Errorf("afterwards: %+v", h)
	}
	if a := d.app(last.App.Name); a.Status != "stopped" || a.Version != 1 {
		t.Errorf("afterwards the app is %s at version %d", a.Status, a.Version)
	}
}

// Ctrl-C in the middle of a build keeps what was done; resume goes on from there.
func TestInterruptABuildAndResume(t *testing.T) {
	t.Parallel()
	d := newData(t)
	p := d.begin("run", "--json", "a reading list with title and author")
	p.says(t, `"type":"tool.settled"`)
	had := tracesOf(t, p.cmd.Process.Pid, d.dir)
	p.interrupt()
	r := p.wait(t)
	f := failure(t, r)
	tasks := d.tasks()
	if len(tasks) != 1 || tasks[0].Status.Terminal() {
		t.Fatalf("after Ctrl-C there are %+v", tasks)
	}
	id := string(tasks[0].ID)
	if r.code != 130 || f.Code != core.Canceled || !strings.Contains(f.Hint, "isekai task resume "+id) {
		t.Errorf("Ctrl-C: exit code %d: %+v", r.code, f)
	}
	until(t, func() bool { return had.left(t, d.dir).none() }, func() string { return "the end of what ran" })
	if apps := d.apps(); len(apps) != 0 {
		t.Errorf("a half-made app: %+v", apps)
	}

	// Nobody works on it now: a watch would wait for ever, and says so.
	if r := d.run("task", "watch", "--json", id); r.code != 7 || !strings.Contains(failure(t, r).Hint, "isekai task resume "+id) {
		t.Errorf("watch: exit code %d: %s", r.code, r.err)
	}

	again := d.begin("task", "resume", "--json", id)
	again.says(t, `{"type":"result"`)
	again.interrupt()
	if r := again.wait(t); r.code != 0 {
		t.Errorf("resume, then Ctrl-C: exit code %d: %s", r.code, r.err)
	}
	last, answered := timeline(t, again.out.String())
	if last.Task.Status != core.StatusSucceeded || string(last.Task.ID) != id || !answered || last.Task.Tests.Passed == 0 {
		t.Errorf("resumed, it ended with %+v", last.Task)
	}
	if !strings.HasPrefix(again.out.String(), r.out) {
		t.Error("the resumed task has another history than the interrupted one")
	}
	if apps := d.apps(); len(apps) != 1 || apps[0].Status != "stopped" {
		t.Errorf("the apps are %+v", apps)
	}
}

// Others follow and cancel a task by commands of their own while one process
// works on it.
func TestWatchAndCancelABuild(t *testing.T) {
	t.Parallel()
	d := newData(t)
	p := d.begin("run", "--json", "employees that belong to departments")
	p.says(t, `"type":"tool.requested"`)
	tasks := d.tasks()
	if len(tasks) != 1 {
		t.Fatalf("there are %+v", tasks)
	}
	id := string(tasks[0].ID)
	watch := d.begin("task", "watch", "--json", id)
	watch.says(t, `"type":"tool.requested"`)
	d.does("task", "cancel", id)

	r := p.wait(t)
	last, _ := timeline(t, r.out)
	if r.code != 130 || failure(t, r).Code != core.Canceled || last.Task.Status != core.StatusCanceled {
		t.Errorf("the canceled run: exit code %d, %+v: %s", r.code, last.Task, r.err)
	}
	w := watch.wait(t)
	if events := lines[core.Event](t, w.out); w.code != 0 || events[len(events)-1].Type != "task.finished" {
		t.Errorf("the watch: exit code %d, its last event is %s", w.code, events[len(events)-1].Type)
	}
	if apps := d.apps(); len(apps) != 0 {
		t.Errorf("a canceled build left %+v", apps)
	}
	if now := d.tasks(); len(now) != 1 || now[0].Status != core.StatusCanceled {
		t.Errorf("the tasks are %+v", now)
	}
	d.does("task", "cancel", id) // again: nothing happens
	if f := failure(t, d.run("task", "resume", "--json", id)); f.Code != core.Canceled {
		t.Errorf("resume after cancel: %+v", f)
	}
}

// Two people at one data directory: the second command uses the first one's
// process, and both come to their end.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	d := newData(t)
	one := d.begin("run", "--exit", "--json", "a tip calculator")
	one.says(t, `"type":"task.created"`)
	two := d.begin("run", "--exit", "--json", "employees that belong to departments")
	for _, p := range []*process{one, two} {
		r := p.wait(t)
		if r.code != 0 {
			t.Fatalf("exit code %d: %s", r.code, r.err)
		}
		if last, answered := timeline(t, r.out); last.Task.Status != core.StatusSucceeded || !answered {
			t.Errorf("it ended with %+v", last.Task)
		}
	}
	if apps := d.apps(); len(apps) != 2 {
		t.Errorf("the apps are %+v", apps)
	}
}

// A server is killed while a command waits for it: the command goes on with the
// task itself, from where it was.
func TestServerDiesUnderARun(t *testing.T) {
	t.Parallel()
	d := newData(t)
	s := serve(t, d.dir, d.env)
	p := d.begin("run", "--exit", "--json", "employees that belong to departments")
	p.says(t, `"type":"tool.settled"`)
	s.kill()
	r := p.wait(t)
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	if last, answered := timeline(t, r.out); last.Task.Status != core.StatusSucceeded || !answered {
		t.Errorf("it ended with %+v", last.Task)
	}
	if apps := d.apps(); len(apps) != 1 || apps[0].Status != "stopped" {
		t.Errorf("the apps are %+v", apps)
	}
}
