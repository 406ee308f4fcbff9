package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

func newApp() core.AppID { return core.AppID(core.NewID("app")) }

func TestPublishIsIdempotent(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	p := core.Publication{App: app, Task: "tsk_1", Call: "cal_1", Prompt: "make it", Dir: r.app("One", "one"), Tests: core.TestReport{Passed: 3}}
	var group sync.WaitGroup
	for range 8 { // the same call at once, as after a lost lease
		group.Go(func() {
			if v, err := r.Publish(t.Context(), r.scope, p); err != nil || v.Number != 1 || v.Tests.Passed != 3 {
				t.Errorf("publish: %+v, %v", v, err)
			}
		})
	}
	group.Wait()
	if st := r.get(app); len(st.Versions) != 1 || st.Stream != 2 {
		t.Fatalf("%d versions at %d; want one, at 2", len(st.Versions), st.Stream)
	}
}

func TestPublishNeverLosesAnUpdate(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	dir := r.app("Two", "two")
	var mu sync.Mutex
	won := 0
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			_, err := r.Publish(t.Context(), r.scope, core.Publication{
				App: app, Base: 1, Task: core.TaskID(fmt.Sprint("tsk_", i)), Call: core.CallID(fmt.Sprint("cal_", i)), Dir: dir,
			})
			mu.Lock()
			defer mu.Unlock()
			switch core.CodeOf(err) {
			case "":
				won++
			case core.Conflict:
			default:
				t.Errorf("publish: %v", err)
			}
		})
	}
	group.Wait()
	if st := r.get(app); won != 1 || st.Current != 2 {
		t.Fatalf("%d of 8 changes won, current %d", won, st.Current)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	empty, unsound := t.TempDir(), t.TempDir()
	r.write(empty, "index.html", "hello")
	r.write(unsound, core.ManifestName, `{"title":"x","runtime":"python","start":["/bin/sh","-c","id"]}`)
	for name, dir := range map[string]string{"no manifest": empty, "an unsound manifest": unsound} {
		_, err := r.Publish(t.Context(), r.scope, core.Publication{App: newApp(), Call: "cal_1", Dir: dir})
		if core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v; want invalid", name, err)
		}
	}
}

func TestVersionsSwitchAndKeepData(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	name := r.get(app).Name
	r.start(app)
	if status, body := r.ask(r.Service, "POST", name, "/note", strings.NewReader("kept")); status != 200 {
		t.Fatalf("post: %d %s", status, body)
	}
	r.publish(app, 1, r.app("Two", "two"))
	r.expect(name, "/", 200, "<title>one</title>") // published isn't running yet
	r.start(app)
	r.expect(name, "/", 200, "<title>two</title>")
	for _, n := range []int{1, 2, 1} {
		st, err := r.Select(t.Context(), r.scope, app, n, r.get(app).Stream)
		if err != nil || st.Current != n || st.Started != n {
			t.Fatalf("select %d: %+v, %v", n, st.effective(), err)
		}
		r.expect(name, "/", 200, map[int]string{1: "<title>one</title>", 2: "<title>two</title>"}[n])
		r.expect(name, "/note", 200, "kept")
	}
	if r.double.running() != 1 || r.double.overlaps != 0 {
		t.Fatalf("%d boxes, %d overlaps", r.double.running(), r.double.overlaps)
	}
	if _, err := r.Stop(t.Context(), r.scope, app, 0); err != nil {
		t.Fatal(err)
	}
	r.expect(name, "/", 503, "This app is stopped. Its data is kept. Start it with: isekai app start "+string(app)+"\n")
	if st, err := r.Select(t.Context(), r.scope, app, 2, 0); err != nil || st.Started != 0 || r.double.running() != 0 {
		t.Fatalf("selecting in a stopped app: %+v, %v, %d boxes", st.effective(), err, r.double.running())
	}
}

func (r *rig) expect(name, path string, status int, body string) {
	r.t.Helper()
	if s, b := r.ask(r.Service, "GET", name, path, nil); s != status || b != body {
		r.t.Fatalf("GET %s of %s: %d %q; want %d %q", path, name, s, b, status, body)
	}
}

func TestFailedSwitchLeavesTheOld(t *testing.T) {
	t.Parallel()
	r, app := newRig(t, func(c *Config) { c.Ready = time.Second }), newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.start(app)
	name := r.get(app).Name
	for i, c := range []struct {
		start string
		code  core.Code
		says  string
	}{
		{"broken", core.Invalid, "no such table"},
		{"silent", core.Unavailable, "didn't answer within 1s"},
		{"teapot", core.Invalid, "404, not 200"},
	} {
		r.publish(app, r.get(app).Current, r.app("Next", c.start))
		before := r.get(app)
		_, err := r.Start(t.Context(), r.scope, app, 0)
		if core.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Fatalf("%s: %v; want %s, saying %q", c.start, err, c.code, c.says)
		}
		if i > 0 {
			continue
		}
		p, err := r.Preview(t.Context(), r.scope, app)
		if err != nil || p.Evidence.OK || p.Evidence.Kind != "http" || p.Evidence.Text == "" {
			t.Fatalf("%s: %+v, %v; want failing evidence", c.start, p, err)
		}
		if after := r.get(app); after.Stream != before.Stream || after.Started != 1 {
			t.Fatalf("%s: %d events were added, started %d", c.start, after.Stream-before.Stream, after.Started)
		}
		r.expect(name, "/", 200, "<title>one</title>")
		if _, err := r.Select(t.Context(), r.scope, app, 1, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Select(t.Context(), r.scope, app, i+2, 0); err == nil || r.get(app).Current != 1 {
			t.Fatalf("%s: selected although it doesn't start", c.start)
		}
		r.expect(name, "/", 200, "<title>one</title>")
	}
}

func TestCrashRestartsThenGivesUp(t *testing.T) {
	t.Parallel()
	r, app := newRig(t, func(c *Config) { c.Crashes = 3 }), newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.start(app)
	name := r.get(app).Name
	for crash := range 2 {
		r.ask(r.Service, "POST", name, "/crash", nil)
		eventually(t, "the crash is logged", func() bool { return r.logged(app, "it ended: exit code 3") == crash+1 })
		eventually(t, "the app answers again", func() bool { s, _ := r.ask(r.Service, "GET", name, "/", nil); return s == 200 })
	}
	r.ask(r.Service, "POST", name, "/crash", nil)
	eventually(t, "it is given up", func() bool { return r.get(app).Started == 0 })
	events, err := r.store.ReadStream(t.Context(), r.scope.Org, app.Stream(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if last := events[len(events)-1]; !strings.Contains(string(last.Data), "crashed 3 times: exit code 3") {
		t.Fatalf("the last event is %s %s", last.Type, last.Data)
	}
	if n := r.double.running(); n != 0 {
		t.Fatalf("%d boxes are left", n)
	}
	r.start(app) // a person may try again
	r.expect(name, "/", 200, "<title>one</title>")
	if n := r.logged(app, "serving one"); n != 4 {
		t.Fatalf("it was started %d times", n)
	}
}

// logged counts the lines of an app's log with this text.
func (r *rig) logged(app core.AppID, text string) int {
	r.t.Helper()
	lines, err := r.Log(r.t.Context(), r.scope, app, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	n := 0
	for _, l := range lines {
		if l.Text == text {
			n++
		}
	}
	return n
}

func TestRestartOfThePlatform(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	running, stopped := newApp(), newApp()
	for _, app := range []core.AppID{running, stopped} {
		r.publish(app, 0, r.app("One", "one"))
		r.start(app)
	}
	if _, err := r.Stop(t.Context(), r.scope, stopped, 0); err != nil {
		t.Fatal(err)
	}
	before := r.get(running)
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.double.running(); n != 0 {
		t.Fatalf("%d boxes outlive the platform", n)
	}
	if _, err := r.Start(t.Context(), r.scope, running, 0); core.CodeOf(err) != core.Unavailable {
		t.Fatalf("start while shutting down: %v", err)
	}
	next := r.open(r.store, r.blobs, r.double)
	if err := errors.Join(next.Sweep(t.Context()), restore(t.Context(), next)); err != nil {
		t.Fatal(err)
	}
	if n := r.double.running(); n != 0 {
		t.Fatalf("%d boxes were started before a request", n)
	}
	var group sync.WaitGroup
	for range 20 { // one box, however many ask at once
		group.Go(func() {
			if status, body := r.ask(next, "GET", before.Name, "/", nil); status != 200 || body != "<title>one</title>" {
				t.Errorf("%d %q", status, body)
			}
		})
	}
	group.Wait()
	if status, _ := r.ask(next, "GET", r.get(stopped).Name, "/", nil); status != 503 {
		t.Fatalf("a stopped app answers %d", status)
	}
	if n, after := r.double.running(), r.get(running); n != 1 || after.Stream != before.Stream {
		t.Fatalf("%d boxes, %d new events", n, after.Stream-before.Stream)
	}
}

func TestManyStartsAtOnce(t *testing.T) {
	t.Parallel()
	const apps = 200
	r := newRig(t)
	names := make([]string, apps)
	ids := make([]core.AppID, apps)
	for i := range apps {
		ids[i] = newApp()
		start := fmt.Sprint("app", i)
		r.publish(ids[i], 0, r.app(start, start))
		names[i] = r.get(ids[i]).Name
	}
	var group sync.WaitGroup
	for i := range apps {
		group.Go(func() {
			if _, err := r.Start(t.Context(), r.scope, ids[i], 0); err != nil {
				t.Errorf("start %d: %v", i, err)
			}
		})
	}
	group.Wait()
	for i := range apps {
		r.expect(names[i], "/", 200, fmt.Sprintf("<title>app%d</title>", i))
	}
	if n := r.double.running(); n != apps {
		t.Fatalf("%d boxes", n)
	}
	if err := r.Shutdown(t.Context()); err != nil || r.double.running() != 0 {
		t.Fatalf("shutdown: %v, %d boxes", err, r.double.running())
	}
}

func TestPreviewsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Previews = 2 })
	var err error
	for range 3 {
		app := newApp()
		r.publish(app, 0, r.app("One", "one"))
		_, err = r.Start(t.Context(), r.scope, app, 0)
	}
	if core.CodeOf(err) != core.Exhausted || core.HintOf(err) == "" {
		t.Fatalf("the third start: %v; want exhausted with a hint", err)
	}
}

func TestIdleLogsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 * idleSlots {
		sl, err := r.hold(t.Context(), newApp())
		if err != nil {
			t.Fatal(err)
		}
		r.release(sl)
	}
	if n := len(r.slots); n > idleSlots+1 {
		t.Fatalf("%d idle slots are kept", n)
	}
}

func TestOptimisticLocking(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.publish(app, 1, r.app("Two", "two"))
	seen := r.get(app).Stream
	results := make(chan error, 8)
	for i := range cap(results) {
		go func() {
			_, err := r.Select(t.Context(), r.scope, app, 1+i%2, seen)
			results <- err
		}()
	}
	changed := 0
	for range cap(results) {
		if err := <-results; err != nil && core.CodeOf(err) != core.Conflict {
			t.Errorf("select: %v", err)
		}
	}
	for _, e := range r.events(app) {
		if e.Type == (core.AppSelected{}).EventType() {
			changed++
		}
	}
	if changed > 1 {
		t.Fatalf("%d changes from one state", changed)
	}
	if _, err := r.Stop(t.Context(), r.scope, app, 1); core.CodeOf(err) != core.Conflict {
		t.Fatalf("stop with a stale version: %v", err)
	}
	if err := r.Delete(t.Context(), r.scope, app, 1); core.CodeOf(err) != core.Conflict {
		t.Fatalf("delete with a stale version: %v", err)
	}
}

func (r *rig) events(app core.AppID) []core.Event {
	r.t.Helper()
	events, err := r.store.ReadStream(r.t.Context(), r.scope.Org, app.Stream(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return events
}

func TestFind(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	name := r.get(app).Name
	for _, by := range []string{string(app), name} {
		if st, err := r.Find(t.Context(), r.scope, by); err != nil || st.ID != app {
			t.Errorf("find %s: %+v, %v", by, st.effective(), err)
		}
	}
	other := r.scope
	other.Project = "prj_other"
	for _, c := range []struct {
		scope core.Scope
		by    string
	}{{r.scope, "nobody"}, {r.scope, ""}, {other, name}, {other, string(app)}} {
		if _, err := r.Find(t.Context(), c.scope, c.by); core.CodeOf(err) != core.NotFound {
			t.Errorf("find %q in %s: %v; want not_found", c.by, c.scope.Project, err)
		}
	}
	if dir, err := r.Folder(t.Context(), r.scope, app); err != nil || dir != "" {
		t.Errorf("before it ran, its folder is %q, %v", dir, err)
	}
	r.start(app)
	dir, err := r.Folder(t.Context(), r.scope, app)
	if _, statErr := os.Stat(filepath.Join(dir, core.ManifestName)); err != nil || dir == "" || statErr != nil {
		t.Errorf("its folder is %q, %v, %v", dir, err, statErr)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	st := r.start(app)
	for range 2 {
		if err := r.Delete(t.Context(), r.scope, app, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Get(t.Context(), r.scope, app); core.CodeOf(err) != core.NotFound {
		t.Fatalf("get: %v", err)
	}
	if _, err := os.Stat(r.folder(r.scope.Org, app)); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("its folder is left: %v", err)
	}
	if status, _ := r.ask(r.Service, "GET", st.Name, "/", nil); status != 404 || r.double.running() != 0 {
		t.Fatalf("its host answers %d, %d boxes", status, r.double.running())
	}
	_, err := r.Publish(t.Context(), r.scope, core.Publication{App: app, Base: 1, Call: "cal_late", Dir: r.app("Two", "two")})
	if core.CodeOf(err) != core.Conflict {
		t.Fatalf("publishing to a deleted app: %v", err)
	}
}

// TestTenancy: an app of another project or org is not there, for every method.
func TestTenancy(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.start(app)
	for name, scope := range map[string]core.Scope{
		"another project": {Org: r.scope.Org, Project: "prj_other", Actor: r.scope.Actor},
		"another org":     {Org: "org_other", Project: r.scope.Project, Actor: r.scope.Actor},
	} {
		ctx := t.Context()
		for method, err := range map[string]error{
			"get":     second(r.Get(ctx, scope, app)),
			"version": second(r.Version(ctx, scope, app, 1)),
			"files":   second(r.Files(ctx, scope, app, 1)),
			"read":    second(r.ReadFile(ctx, scope, app, 1, core.ManifestName)),
			"diff":    second(r.Diff(ctx, scope, app, 1, 1)),
			"export":  r.Export(ctx, scope, app, 1, archive.Zip, new(strings.Builder)),
			"start":   second(r.Start(ctx, scope, app, 0)),
			"stop":    second(r.Stop(ctx, scope, app, 0)),
			"select":  second(r.Select(ctx, scope, app, 1, 0)),
			"probe":   second(r.Probe(ctx, scope, app)),
			"log":     second(r.Log(ctx, scope, app, 0)),
			"follow":  second(r.Follow(ctx, scope, app, 0)),
			"delete":  r.Delete(ctx, scope, app, 0),
			"publish": second(r.Publish(ctx, scope, core.Publication{App: app, Base: 1, Call: "cal_x", Dir: r.app("X", "x")})),
		} {
			if core.CodeOf(err) != core.NotFound {
				t.Errorf("%s of %s: %v; want not_found", method, name, err)
			}
		}
	}
	if st := r.get(app); st.Current != 1 || st.Started != 1 || r.double.running() != 1 {
		t.Fatalf("something changed: %+v", st.effective())
	}
}

func second[T any](_ T, err error) error { return err }

// TestLifecycleLeaksNothing opens, starts and ends services many times.
func TestLifecycleLeaksNothing(t *testing.T) {
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.start(app)
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	for range 20 {
		s := New(r.store, r.blobs, r.double, Config{Dir: r.dir})
		if err := restore(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		starting := make(chan struct{})
		go func() {
			defer close(starting)
			_, _ = s.Start(ctx, r.scope, app, 0) // it may be called off at any point
		}()
		cancel()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-starting
	}
	if n := r.double.running(); n != 0 {
		t.Fatalf("%d boxes are left", n)
	}
	goleak.VerifyNone(t, before)
}

// TestForget: of an org that is gone nothing stays here, and others aren't touched.
func TestForget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	app := newApp()
	r.publish(app, 0, r.app("One", "one"))
	r.start(app)
	home := filepath.Join(r.dir, string(r.scope.Org))
	other := filepath.Join(r.dir, "org_other", "app_x")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(home); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Forget(t.Context(), r.scope.Org); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("the org's folder: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("another org's folder: %v", err)
	}
	if n := r.double.running(); n != 0 {
		t.Errorf("%d boxes live", n)
	}
	if err := r.Forget(t.Context(), "../x"); core.CodeOf(err) != core.Invalid {
		t.Errorf("no org: %v", err)
	}
}
