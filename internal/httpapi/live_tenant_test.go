package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestLiveChannelsAreTheirOwners: none of another org's is there, by whatever id, project and
// place, nor one of another project but by that project's name; and a key that is held to one
// project follows no other.
func TestLiveChannelsAreTheirOwners(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	other := n.ours["project"]
	key := must(n.olga.CreateKey(t.Context(), client.NewKey{Name: "held", Scopes: []string{"tasks:read"}, Project: core.ProjectID(other)}, ""))(t)
	elsewhere := must(n.olga.In(core.ProjectID(other)).CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "elsewhere"}, ""))(t)
	for name, c := range map[string]struct {
		bearer        string
		found, hidden []string
		denied        []string
	}{
		"an owner": {
			bearer: n.access("olga"),
			found:  []string{"task:" + n.ours["task"], "prj_default/task:" + n.ours["task"], other + "/task:" + string(elsewhere.ID), "conversation:" + n.ours["conversation"], "logs:" + n.ours["app"], other + "/events@0"},
			hidden: []string{
				"task:" + n.ids["task"], "conversation:" + n.ids["conversation"], "logs:" + n.ids["app"], "prj_default/task:" + n.ids["task"], other + "/task:" + n.ids["task"],
				n.ids["project"] + "/task:" + n.ids["task"], n.ids["project"] + "/events@0", "prj_none/events@0", "x'='/events@0",
				"task:" + string(elsewhere.ID), other + "/task:" + n.ours["task"], other + "/conversation:" + n.ours["conversation"], other + "/logs:" + n.ours["app"],
			},
		},
		"a key of one project": {
			bearer: key.Text,
			found:  []string{"task:" + string(elsewhere.ID), other + "/task:" + string(elsewhere.ID)},
			hidden: []string{"prj_default/task:" + n.ours["task"], "prj_default/events@0", n.ids["project"] + "/events@0", "task:" + n.ours["task"]},
			denied: []string{"conversation:" + n.ours["conversation"], other + "/logs:" + n.ours["app"]},
		},
	} {
		for _, at := range []string{"", "@0", "@1", "@9223372036854775807"} {
			hidden := make([]string, len(c.hidden))
			for i, ch := range c.hidden {
				hidden[i] = strings.TrimSuffix(ch, "@0") + at
			}
			a := n.do("GET", "/v1/live?follow="+strings.Join(hidden, ","), "", "Authorization", "Bearer "+c.bearer)
			if a.status != 200 || strings.Count(a.body, "event: refused\n") != len(hidden) || strings.Count(a.body, `"code":"not_found"`) != len(hidden) || strings.Contains(a.body, "a shelf") || strings.Contains(a.body, "of theirs") {
				t.Errorf("%s at %q: %d %s", name, at, a.status, a.body)
			}
		}
		live := n.live(strings.Join(append(c.found, c.denied...), ","), "Authorization", "Bearer "+c.bearer)
		whole, refused := map[string]bool{}, 0
		for len(whole) < len(c.found) || refused < len(c.denied) {
			switch m := live.get(); m.event {
			case "place":
				var p client.LivePlace
				if err := json.Unmarshal([]byte(m.data), &p); err != nil {
					t.Fatal(err)
				}
				if p.Whole {
					whole[p.Channel] = true
				}
			case "refused":
				if refused++; !strings.Contains(m.data, `"code":"denied"`) {
					t.Errorf("%s: %s", name, m)
				}
			case "", "end":
				t.Fatalf("%s: %s", name, m)
			default:
				if strings.Contains(m.data, n.ids["task"]) || strings.Contains(m.data, string(n.org)) || m.event == other+"/events" && strings.Contains(m.data, n.ours["task"]) {
					t.Errorf("%s: %s", name, m)
				}
			}
		}
		live.stop()
	}
}
