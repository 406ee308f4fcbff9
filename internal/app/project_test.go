package app

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// TestProjectorIsExact: in whatever order and however often the bus delivers, the
// list is what the events say.
func TestProjectorIsExact(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second, third := newApp(), newApp(), newApp()
	for _, app := range []core.AppID{first, second, third} {
		r.publish(app, 0, r.app("One", "one"))
	}
	r.start(first)
	r.publish(first, 1, r.app("Renamed", "two"))
	if err := r.Delete(t.Context(), r.scope, second, 0); err != nil {
		t.Fatal(err)
	}
	events, err := r.store.ReadOrg(t.Context(), r.scope.Org, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(events)
	p := NewProjector(r.store)
	var group sync.WaitGroup
	for _, e := range append(events, events...) {
		group.Go(func() {
			if err := p.Handle(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	list := func(status, after string, limit int) ([]Summary, string) {
		t.Helper()
		apps, next, err := r.List(t.Context(), r.scope, status, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return apps, next
	}
	all, next := list("", "", 10)
	if len(all) != 2 || next != "" {
		t.Fatalf("%d apps, next %q", len(all), next)
	}
	running, _ := list(Running, "", 10)
	if len(running) != 1 || running[0].ID != first || running[0].Title != "Renamed" || running[0].Versions != 2 || running[0].Stream != 4 {
		t.Fatalf("running: %+v", running)
	}
	page1, next := list("", "", 1)
	page2, _ := list("", next, 1)
	if d := cmp.Diff(all, append(page1, page2...)); d != "" {
		t.Fatalf("the pages aren't the list: %s", d)
	}
	other := r.scope
	other.Project = "prj_other"
	if apps, _, err := r.List(t.Context(), other, "", "", 10); err != nil || len(apps) != 0 {
		t.Fatalf("another project lists %v, %v", apps, err)
	}
}

func TestProjectorRebuilds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 {
		r.publish(newApp(), 0, r.app("One", "one"))
	}
	rows := func() []store.Row {
		p := NewProjector(r.store)
		if _, err := p.CatchUp(t.Context(), r.scope.Org, 0); err != nil {
			t.Fatal(err)
		}
		page, err := r.store.List(t.Context(), r.scope.Org, View, store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		return page.Rows
	}
	before := rows()
	if err := r.store.Drop(t.Context(), r.scope.Org, View); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, rows()); d != "" || len(before) != 3 {
		t.Fatalf("rebuilt otherwise: %s", d)
	}
}

// An app that another node has made is found by its name, by people and by visitors.
func TestNamesOfOtherNodes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	here, there := r.beside(t), r.beside(t)
	for range 3 {
		app := newApp()
		r.publish(app, 0, r.app("One", "one"))
		name := r.get(app).Name
		if _, err := here.Find(t.Context(), r.scope, name); core.CodeOf(err) != core.NotFound {
			t.Fatalf("found before it is in the list: %v", err)
		}
		if _, err := NewProjector(r.store.(store.ProjectorStore)).CatchUp(t.Context(), r.scope.Org, 0); err != nil {
			t.Fatal(err)
		}
		if st, err := here.Find(t.Context(), r.scope, name); err != nil || st.ID != app {
			t.Errorf("%s, %v", st.ID, err)
		}
		other := r.scope
		other.Project = "prj_other"
		if _, err := here.Find(t.Context(), other, name); core.CodeOf(err) != core.NotFound {
			t.Errorf("found in another project: %v", err)
		}
		if there.names.asked = (time.Time{}); !named(t, there.Service, name) {
			t.Errorf("no visitor finds %s", name)
		}
	}
	if named(t, there.Service, "none") {
		t.Error("found what isn't there")
	}
}

func named(t *testing.T, s *Service, name string) bool {
	_, ok := s.named(t.Context(), name)
	return ok
}
