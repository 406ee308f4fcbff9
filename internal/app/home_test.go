package app

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// An app's data is at one node. What is done elsewhere is done there, and seen there.
func TestAnAppIsServedByItsHome(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	app, st := a.settled("One", "one")
	if tn.of(app) != "a" {
		t.Fatalf("its home is %q", tn.of(app))
	}
	if err := restore(t.Context(), b.Service); err != nil {
		t.Fatal(err)
	}
	if code, body := b.ask(b.Service, "POST", st.Name, "/note", strings.NewReader("milk")); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	for name, s := range map[string]*Service{"a": a.Service, "b": b.Service} {
		if code, body := a.ask(s, "GET", st.Name, "/note", nil); code != 200 || body != "milk" {
			t.Errorf("by %s: %d %q", name, code, body)
		}
	}
	lines, err := b.Log(t.Context(), b.scope, app, 0)
	if err != nil || len(lines) < 2 || lines[len(lines)-1].Text != "serving one" {
		t.Errorf("%+v %v", lines, err)
	}
	b.publish(app, 1, b.app("Two", "two"))
	if now := b.start(app); now.Started != 2 || b.double.running() != 0 || a.double.running() != 1 {
		t.Errorf("%+v, and %d and %d run", now, a.double.running(), b.double.running())
	}
	p, err := b.Preview(t.Context(), b.scope, app)
	if err != nil || p.Version != 2 || !p.Evidence.OK || !strings.Contains(p.Evidence.Text, "two") || p.URL != b.URL(st) {
		t.Errorf("%+v %v", p, err)
	}
	if now, err := b.Select(t.Context(), b.scope, app, 1, 0); err != nil || now.Current != 1 || now.Started != 1 {
		t.Errorf("%+v %v", now, err)
	}
	if _, err := b.Select(t.Context(), b.scope, app, 1, 1); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
		t.Errorf("a stale change: %v", err)
	}
	if _, err := b.Select(t.Context(), b.scope, app, 9, 0); core.CodeOf(err) != core.NotFound {
		t.Errorf("no version: %v", err)
	}
	if now, err := b.Stop(t.Context(), b.scope, app, 0); err != nil || now.Started != 0 || a.double.running() != 0 {
		t.Errorf("%+v %v, %d run", now, err, a.double.running())
	}
	if b.hasData(b.scope.Org, app) {
		t.Error("b has a data folder, too")
	}
	if err := b.Delete(t.Context(), b.scope, app, 0); err != nil || a.hasData(a.scope.Org, app) || tn.of(app) != "" {
		t.Errorf("%v; the data is there: %t, its home is %q", err, a.hasData(a.scope.Org, app), tn.of(app))
	}
	if code, _ := b.ask(b.Service, "GET", st.Name, "/", nil); code != 404 {
		t.Errorf("when it is deleted: %d", code)
	}
}

// Whoever isn't of the app's project doesn't get there by another node either.
func TestAnotherTenantsAppIsNotFoundAtItsHome(t *testing.T) {
	t.Parallel()
	_, a, b := newTown(t)
	app, _ := a.settled("One", "one")
	other := b.scope
	other.Project = "prj_other"
	if _, err := b.Stop(t.Context(), other, app, 0); core.CodeOf(err) != core.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := b.Follow(t.Context(), other, app, 0); core.CodeOf(err) != core.NotFound {
		t.Errorf("%v", err)
	}
	if a.double.running() != 1 {
		t.Error("it was stopped")
	}
}

// A node that is asked first gets the app; of those who are asked at once, one does.
func TestTwoNodesStartAnAppAtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		tn, a, b := newTown(t)
		app := newApp()
		a.publish(app, 0, a.app("One", "one"))
		var wg sync.WaitGroup
		for _, r := range []*rig{a, b} {
			wg.Go(func() {
				if _, err := r.Start(t.Context(), r.scope, app, 0); err != nil {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		if a.double.running()+b.double.running() != 1 || a.hasData(a.scope.Org, app) == b.hasData(b.scope.Org, app) {
			t.Fatalf("%d and %d run; its home is %q", a.double.running(), b.double.running(), tn.of(app))
		}
	}
}

// A home that can't be reached is named, and nothing is begun elsewhere.
func TestAHomeThatIsAway(t *testing.T) {
	t.Parallel()
	for how, lose := range map[string]func(*town){
		"it isn't known where": func(tn *town) { tn.lose("a") },
		"nobody is there":      func(tn *town) { tn.urls["a"] = "http://127.0.0.1:1" },
		"it is somebody else":  func(tn *town) { tn.urls["a"] = elsewhereServer(t) },
	} {
		tn, a, b := newTown(t)
		app, st := a.settled("One", "one")
		if err := restore(t.Context(), b.Service); err != nil {
			t.Fatal(err)
		}
		lose(tn)
		_, start := b.Start(t.Context(), b.scope, app, 0)
		_, stop := b.Stop(t.Context(), b.scope, app, 0)
		_, pick := b.Select(t.Context(), b.scope, app, 1, 0)
		_, preview := b.Preview(t.Context(), b.scope, app)
		_, log := b.Log(t.Context(), b.scope, app, 0)
		_, follow := b.Follow(t.Context(), b.scope, app, 0)
		for what, err := range map[string]error{
			"start": start, "stop": stop, "select": pick, "preview": preview, "log": log, "follow": follow, "delete": b.Delete(t.Context(), b.scope, app, 0),
		} {
			if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "node a") || !strings.Contains(core.HintOf(err), "--move") {
				t.Errorf("%s: %s: %v (%s)", how, what, err, core.HintOf(err))
			}
		}
		if b.hasData(b.scope.Org, app) || b.double.running() != 0 || tn.of(app) != "a" {
			t.Errorf("%s: it was begun at b", how)
		}
		if how == "it is somebody else" {
			continue // whose answer a visitor gets
		}
		if code, body := b.ask(b.Service, "GET", st.Name, "/", nil); code != 503 || !strings.Contains(body, "at node a") || !strings.Contains(body, "--move "+string(app)) {
			t.Errorf("%s: a visitor gets %d %s", how, code, body)
		}
	}
}

// A version that is taken back while its home is away is taken back.
func TestRetractWhileTheHomeIsAway(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	app, _ := a.settled("One", "one")
	v := b.publish(app, 1, b.app("Two", "two"))
	url := tn.urls["a"]
	tn.lose("a")
	if err := b.Retract(t.Context(), b.scope, app, v.Call); err != nil || b.get(app).Current != 1 {
		t.Errorf("%+v %v", b.get(app), err)
	}
	tn.urls["a"] = url
	v = b.publish(app, 1, b.app("Three", "three"))
	b.start(app)
	if err := b.Retract(t.Context(), b.scope, app, v.Call); err != nil || b.get(app).Started != 1 {
		t.Errorf("%+v %v", b.get(app), err)
	}
	if p := a.current(app); p == nil || p.number != 1 {
		t.Errorf("at its home runs %+v", p)
	}
	if err := b.Unpreview(t.Context(), b.scope, app, b.get(app).Versions[0].Task); err != nil || a.double.running() != 0 {
		t.Errorf("%v, %d run", err, a.double.running())
	}
}

// Move gives up the data at the old home, and what runs there ends.
func TestMove(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	app, st := a.settled("One", "one")
	if err := restore(t.Context(), b.Service); err != nil {
		t.Fatal(err)
	}
	a.ask(a.Service, "POST", st.Name, "/note", strings.NewReader("milk"))
	if now, err := a.Move(t.Context(), a.scope, app); err != nil || tn.of(app) != "a" || now.ID != app {
		t.Errorf("to where it is: %v", err)
	}
	if _, err := b.Move(t.Context(), b.scope, app); err != nil || tn.of(app) != "b" || a.double.running() != 0 {
		t.Fatalf("%v; its home is %q, %d run", err, tn.of(app), a.double.running())
	}
	for name, s := range map[string]*Service{"a": a.Service, "b": b.Service} {
		if code, _ := a.ask(s, "GET", st.Name, "/note", nil); code != 404 {
			t.Errorf("by %s there is a note: %d", name, code)
		}
	}
	if a.double.running() != 0 || b.double.running() != 1 {
		t.Errorf("%d and %d run", a.double.running(), b.double.running())
	}
	if note, err := os.ReadFile(filepath.Join(a.folder(a.scope.Org, app), dataName, "note")); err != nil || string(note) != "milk" {
		t.Errorf("the data at the old home: %q %v", note, err)
	}
	// Back again: what was there is there.
	if _, err := a.Move(t.Context(), a.scope, app); err != nil {
		t.Fatal(err)
	}
	if code, body := b.ask(b.Service, "GET", st.Name, "/note", nil); code != 503 && body != "milk" {
		t.Errorf("%d %s", code, body)
	}
}

// A node whose app has moved away while nobody could tell it ends it when it hears of it.
func TestAnAppThatHasMovedAwayEnds(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	app, st := a.settled("One", "one")
	url := tn.urls["a"]
	tn.lose("a")
	if _, err := b.Move(t.Context(), b.scope, app); err != nil || a.double.running() != 1 {
		t.Fatalf("%v, %d run", err, a.double.running())
	}
	tn.urls["a"] = url
	if code, body := a.ask(a.Service, "GET", st.Name, "/", nil); code != 200 || !strings.Contains(body, "one") || a.double.running() != 0 || b.double.running() != 1 {
		t.Errorf("%d %s, %d and %d run", code, body, a.double.running(), b.double.running())
	}
}

// What runs is served while nobody can say where apps are at home; nothing else is.
func TestNobodyKnowsWhereAppsAreAtHome(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	_, st := a.settled("One", "one")
	if err := restore(t.Context(), b.Service); err != nil {
		t.Fatal(err)
	}
	tn.down = core.E(core.Unavailable, "town", "no answer")
	if code, _ := a.ask(a.Service, "GET", st.Name, "/", nil); code != 200 {
		t.Errorf("at its home: %d", code)
	}
	if code, _ := b.ask(b.Service, "GET", st.Name, "/", nil); code != 503 {
		t.Errorf("elsewhere: %d", code)
	}
	if _, err := b.Start(t.Context(), b.scope, st.ID, 0); !errors.Is(err, tn.down) {
		t.Errorf("%v", err)
	}
	if b.double.running() != 0 {
		t.Error("it was begun at b")
	}
}

// A node keeps the apps whose data it has from before there were homes.
func TestSweepKeepsWhatANodeHas(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	app, _ := a.settled("One", "one")
	gone, _ := a.settled("Two", "two")
	delete(tn.homes, app)
	if err := b.Delete(t.Context(), b.scope, gone, 0); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*rig{b, a} {
		if err := r.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if tn.of(app) != "a" || tn.of(gone) != "" {
		t.Errorf("their homes are %q and %q", tn.of(app), tn.of(gone))
	}
}

// TestSeenHomesAreBounded, however many apps are visited.
func TestSeenHomesAreBounded(t *testing.T) {
	t.Parallel()
	c, now := newHomeCache(), newRig(t).cfg.Now()
	for range homesSeen + 1 {
		c.put(newApp(), Home{Node: "a"}, now)
	}
	app := newApp()
	c.put(app, Home{Node: "b"}, now)
	if h, ok := c.get(app, now.Add(homeFresh-1)); !ok || h.Node != "b" || len(c.seen) > homesSeen {
		t.Errorf("%+v %t of %d", h, ok, len(c.seen))
	}
	if _, ok := c.get(app, now.Add(homeFresh)); ok {
		t.Error("it is believed for ever")
	}
}

// elsewhereServer is something that isn't a node.
func elsewhereServer(t *testing.T) string {
	t.Helper()
	return newServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "teapot", http.StatusTeapot) }))
}
