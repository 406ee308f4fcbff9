package e2e

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// The only providers of a model go down in the midst of an app: one is gone, the other breaks. The planner builds
// the app, the timeline says so, and what the model did until then is charged, once. What the planner can't do
// fails, and says how each provider is; so does a call by a key.
func TestAllProvidersGoDown(t *testing.T) {
	t.Parallel()
	var up *modeltest.Upstream
	var once sync.Once
	up = modeltest.NewServer(func(n int, r modeltest.Request) modeltest.Answer {
		switch n {
		case 0:
			return modeltest.Answer{Text: `{"title":"Half an app","summary":"s","steps":[{"title":"Write the app","goal":"it runs"}],"notes":[]}`, Usage: &core.Usage{Input: 1001, Output: 101}}
		case 1:
			return modeltest.Answer{Calls: []modeltest.Call{writeCall("a", "test_half.py", "raise SystemExit(1)\n")}, Usage: &core.Usage{Input: 2003, Output: 203}}
		}
		go once.Do(up.Close) // it waits for this answer
		return modeltest.Answer{Text: "I am", Cut: true}
	})
	t.Cleanup(func() { once.Do(up.Close) })
	broken := modeltest.NewServer(func(int, modeltest.Request) modeltest.Answer {
		return modeltest.Answer{Status: http.StatusBadGateway, Error: "no luck"}
	})
	t.Cleanup(broken.Close)
	c := newCaller(t,
		[]string{"main", "--kind", "openai-compatible", "--address", up.BaseURL(), "--model", "scripted", "--price", "scripted=3/7"},
		[]string{"spare", "--kind", "openai-compatible", "--address", broken.BaseURL(), "--model", "scripted", "--price", "scripted=50/90"},
	)
	c.does("model", "route", "default", "main/scripted", "spare/scripted", "--installation")
	c.does("credit", "grant", "100", "--id", "own")
	c.does("credit", "price", "set", "tool/*", "--call", "0.000031")

	r := c.run("run", "--exit", "--credits", "50", "a tip calculator")
	if r.code != 0 || !strings.Contains(r.out, "the built-in planner goes on") || !strings.Contains(r.out, "main: ") || !strings.Contains(r.out, "spare: ") {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	tasks, err := c.server.Tasks(t.Context(), listAll)
	if err != nil || len(tasks.Items) != 1 || tasks.Items[0].Status != core.StatusSucceeded {
		t.Fatalf("%+v: %v", tasks, err)
	}
	id := tasks.Items[0].ID
	events := c.story(t, id)
	should, err := costs(events)
	if err != nil {
		t.Fatal(err)
	}
	price, whole, switches := core.Price{Input: 3 * core.Credit, Output: 7 * core.Credit}, []core.Credits(nil), 0
	maps.DeleteFunc(should, func(_ string, cost core.Credits) bool { return cost == 0 }) // the planner's, which no line of the books is for
	spent := core.Credits(0)
	for _, cost := range should {
		spent += cost
	}
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.ModelSwitched:
			switches++
		case core.ModelSettled:
			if p.Error == nil && p.Cost > 0 {
				whole = append(whole, p.Cost)
			}
			if p.Cost != price.Tokens(p.Usage) && p.Usage != (core.Usage{}) || p.Cost > 0 && p.Provider != "main" {
				t.Errorf("%+v", p)
			}
		}
	}
	want := []core.Credits{price.Tokens(core.Usage{Input: 1001, Output: 101}), price.Tokens(core.Usage{Input: 2003, Output: 203})}
	if diff := cmp.Diff(want, whole); switches != 1 || diff != "" {
		t.Errorf("%d switches; whole answers cost (-want +got):\n%s", switches, diff)
	}
	until(t, func() bool {
		b, err := c.server.Balance(t.Context())
		return err == nil && b.Held == 0 && b.Spent >= spent
	},
		func() string { return "the task isn't charged" })
	if b, err := c.server.Balance(t.Context()); err != nil || b.Spent != spent || b.Available != 100*core.Credit-spent {
		t.Errorf("it cost %s, and the books say %+v: %v", spent, b, err)
	}
	if diff := cmp.Diff(should, c.consumed(t, id)); diff != "" {
		t.Errorf("charged otherwise than it says (-says +charged):\n%s", diff)
	}

	r = c.run("task", "run", "--credits", "50", "count the files")
	if r.code == 0 || !strings.Contains(r.err, "main: ") || !strings.Contains(r.err, "spare: ") {
		t.Errorf("a task: exit %d\n%s%s", r.code, r.out, r.err)
	}
	refused := c.ask(t, http.MethodPost, "/v1/chat/completions", map[string]any{"model": "default", "stream": true, "messages": []any{map[string]string{"role": "user", "content": "x"}}},
		"Authorization", "Bearer "+c.key)
	if refused.status != http.StatusServiceUnavailable || !strings.Contains(refused.text, "main: ") || !strings.Contains(refused.text, "spare: ") {
		t.Errorf("%d %s", refused.status, refused.text)
	}
}
