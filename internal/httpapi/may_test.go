package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestWhatOneMay: the list says it of every operation, of whoever asks.
func TestWhatOneMay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	viewer := w.person(w.olga, "vera", client.Place{Role: core.Viewer})
	for name, c := range map[string]struct {
		who      *client.Client
		may, not string
	}{
		"an owner": {w.olga, "task.write member.write org.write self", "operate.read operate"},
		"a viewer": {viewer, "task.read self", "task.write member.read audit.read"},
	} {
		me := must(c.who.Me(t.Context()))(t)
		if !slices.IsSorted(me.May) {
			t.Errorf("%s: %v", name, me.May)
		}
		for a := range strings.FieldsSeq(c.may) {
			if !slices.Contains(me.May, a) {
				t.Errorf("%s may %s", name, a)
			}
		}
		for a := range strings.FieldsSeq(c.not) {
			if slices.Contains(me.May, a) {
				t.Errorf("%s may not %s", name, a)
			}
		}
	}
	// What the list says is what is done, for each route that changes nothing.
	for name, who := range map[string]*client.Client{"olga": w.olga, "vera": viewer} {
		may, access := must(who.Me(t.Context()))(t).May, "Bearer "+w.access(name)
		asked := 0
		for _, o := range w.document().routes {
			if o.method != "GET" || o.open() || o.Dialect != "" || strings.Contains(o.path, "{") || o.Bounds != nil && o.Bounds.Seconds == 0 {
				continue
			}
			asked++
			if a := w.do("GET", o.path, "", "Authorization", access); (a.status == 403) == slices.Contains(may, string(o.Action)) {
				t.Errorf("%s of %s: %d %s", o.ID, name, a.status, a.body)
			}
		}
		if asked < 20 {
			t.Errorf("%d routes were asked", asked)
		}
	}
}
