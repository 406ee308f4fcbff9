package httpapi_test

import (
	"strings"
	"testing"
)

// TestAnIDOfAnotherKindIsNotFound by any route, and is no failure of ours; so is one that
// can't be an id at all.
func TestAnIDOfAnotherKindIsNotFound(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	access := "Bearer " + w.access("olga")
	others := []string{string(w.app), string(w.task), "aud_log", "usr_local", "x", "tsk_", "TSK_A", "tsk_a.b"}
	asked := map[string]int{}
	d := w.document()
	for _, o := range d.routes {
		name := ""
		for _, p := range o.Parameters {
			if p.In == "path" && strings.Contains("task user project key session invitation canary watch", p.Name) {
				name = p.Name
			}
		}
		if name == "" || o.open() {
			continue
		}
		asked[name]++
		who := access
		if strings.HasPrefix(string(o.Action), "operate") {
			who = "Bearer " + token
		}
		for _, id := range others {
			if name == "task" && id == string(w.task) || name == "user" && id == "usr_local" {
				continue
			}
			if a := w.do(o.method, o.named(map[string]string{name: id, "version": "1"}), d.body(o), "Authorization", who); a.status != 404 {
				t.Errorf("%s with %s: %d %s", o.ID, id, a.status, a.body)
			}
		}
	}
	for _, name := range []string{"task", "user", "project", "key", "session", "invitation", "canary", "watch"} {
		if asked[name] == 0 {
			t.Errorf("no route takes a %s", name)
		}
	}
	for _, path := range []string{"/v1/apps/" + string(w.task), "/v1/apps/aud_log", "/v1/apps/" + string(w.task) + "/logs"} {
		if a := w.do("GET", path, "", "Authorization", access); a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("it is taken for a failure: %s", log)
	}
}
