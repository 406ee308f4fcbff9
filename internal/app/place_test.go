package app

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// crowd is a rig with little room, and a clock.
func crowd(t *testing.T, room int) (*rig, *atomic.Int64) {
	t.Helper()
	var ahead atomic.Int64
	r := newRig(t, func(c *Config) {
		c.Previews = room
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	return r, &ahead
}

// begin publishes and starts an app of an org.
func (r *rig) begin(org core.OrgID, start string) (core.AppID, error) {
	r.t.Helper()
	r.scope.Org = org
	app := newApp()
	r.publish(app, 0, r.app("One", start))
	_, err := r.Start(r.t.Context(), r.scope, app, 0)
	return app, err
}

func (r *rig) runs(app core.AppID) bool { return r.current(app) != nil }

// TestAnIdleAppMakesRoom, and its next visitor starts it again.
func TestAnIdleAppMakesRoom(t *testing.T) {
	t.Parallel()
	r, ahead := crowd(t, 2)
	first, err := r.begin(core.DefaultOrg, "one")
	if err != nil {
		t.Fatal(err)
	}
	name := r.get(first).Name
	second, err := r.begin(core.DefaultOrg, "one")
	if err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(idleAfter / 2))
	r.expect(name, "/", 200, "<title>one</title>")
	ahead.Store(int64(idleAfter + time.Second)) // the first one's visitor left half a minute ago
	if _, err := r.begin(core.DefaultOrg, "one"); err != nil {
		t.Fatal(err)
	}
	if !r.runs(first) || r.runs(second) || r.double.running() != 2 {
		t.Fatalf("the first runs: %v, the second: %v, %d boxes", r.runs(first), r.runs(second), r.double.running())
	}
	st := r.get(second)
	if st.Started == 0 {
		t.Error("that it was stopped is recorded")
	}
	ahead.Store(int64(3 * idleAfter))
	r.expect(st.Name, "/", 200, "<title>one</title>")
	if !r.runs(second) || r.double.running() != 2 {
		t.Errorf("the second doesn't run again: %d boxes", r.double.running())
	}
}

// TestAVisitorKeepsAnApp, however long the visit takes.
func TestAVisitorKeepsAnApp(t *testing.T) {
	t.Parallel()
	r, ahead := crowd(t, 1)
	entered, leave := make(chan struct{}), make(chan struct{})
	r.double.handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/long" {
			close(entered)
			<-leave
		}
		_, _ = io.WriteString(w, "fine")
	})
	app, err := r.begin(core.DefaultOrg, "talk")
	if err != nil {
		t.Fatal(err)
	}
	name := r.get(app).Name
	visited := make(chan string, 1)
	go func() {
		status, body := r.ask(r.Service, "GET", name, "/long", nil)
		visited <- fmt.Sprint(status, body)
	}()
	<-entered
	ahead.Store(int64(time.Hour))
	if _, err := r.begin(core.DefaultOrg, "one"); core.CodeOf(err) != core.Exhausted {
		t.Errorf("another start: %v", err)
	}
	close(leave)
	if got := <-visited; got != "200 fine" && got != "200fine" {
		t.Errorf("the visitor got %s", got)
	}
}

// TestPlacesAreShared: an org that has most of them gives some to another, until both have
// as many.
func TestPlacesAreShared(t *testing.T) {
	t.Parallel()
	r, _ := crowd(t, 4)
	for i, c := range []struct {
		org core.OrgID
		ok  bool
	}{
		{"org_a", true}, {"org_a", true}, {"org_a", true}, {"org_a", true}, {"org_a", false},
		{"org_b", true}, {"org_b", true}, {"org_b", false}, {"org_a", false}, {"org_c", true}, {"org_c", false},
	} {
		_, err := r.begin(c.org, "one")
		if ok := err == nil; ok != c.ok || !ok && (core.CodeOf(err) != core.Exhausted || core.HintOf(err) == "") {
			t.Errorf("start %d, of %s: %v", i+1, c.org, err)
		}
		if n := r.double.running(); n > 4 {
			t.Fatalf("%d boxes", n)
		}
	}
}
