package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// caller is an org with credits at a server that charges, and a key of it that may call models.
type caller struct {
	*server
	data
	org   core.OrgID
	owner *client.Client
	key   string
	used  map[string]used // by provider and model
	cost  core.Credits    // of all of that
}

// used is what calls say that they have used.
type used struct{ Calls, Input, Output int }

const callerCredits = 100 * core.Credit

// newCaller starts a server with such an org. add gives the providers: what follows `isekai model add`.
func newCaller(t *testing.T, add ...[]string) *caller {
	t.Helper()
	env := cleanEnv("ISEKAI_CREDITS_CHARGE=true", "ISEKAI_KEYS_FILE="+filepath.Join(t.TempDir(), "master.key"))
	newMasterKey(t, strings.TrimPrefix(env[len(env)-1], "ISEKAI_KEYS_FILE="))
	d := data{t: t, dir: t.TempDir(), env: env}
	return callerAt(t, serve(t, d.dir, env), d, add...)
}

// callerAt is newCaller at a server that runs, and that nobody uses yet.
func callerAt(t *testing.T, s *server, d data, add ...[]string) *caller {
	t.Helper()
	c := &caller{server: s, data: d, used: map[string]used{}}
	ann, operator := c.first(t)
	org, err := operator.CreateOrg(t.Context(), client.NewOrg{Name: "Org", Owner: ann}, "")
	if err != nil {
		t.Fatal(err)
	}
	c.org, c.owner = org.ID, c.as(t, org.ID)
	k, err := c.owner.CreateKey(t.Context(), client.NewKey{Name: "models", Scopes: []string{"models:use"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	c.key = k.Text
	c.does("credit", "grant", callerCredits.String(), "--org", string(c.org), "--id", "first")
	c.does("credit", "price", "set", "storage") // which is measured by the minute, and would be in the books
	for _, p := range add {
		c.does(append([]string{"model", "add", "--installation"}, p...)...)
	}
	return c
}

// call makes a call by the key. It has to succeed.
func (c *caller) call(t *testing.T, path string, body map[string]any) reply {
	t.Helper()
	r := c.ask(t, http.MethodPost, path, body, "Authorization", "Bearer "+c.key)
	if r.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, r.status, r.text)
	}
	return r
}

// stream makes a call whose answer comes as events, and returns their data.
func (c *caller) stream(t *testing.T, path string, body map[string]any) (http.Header, []string) {
	t.Helper()
	body["stream"] = true
	res := c.open(t, http.MethodPost, path, body, "Authorization", "Bearer "+c.key)
	kind := res.Header.Get("Content-Type")
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("%s: %s, %s", path, res.Status, kind)
	}
	res.Header.Set("Content-Type", "text/event-stream")
	var all []string
	for _, e := range sse(t, res) {
		all = append(all, e.data)
	}
	return res.Header, all
}

// charge notes what a call says that it has used, and whether it says who answered.
func (c *caller) charge(t *testing.T, h http.Header, by string, price core.Price, input, output int) {
	t.Helper()
	if got := h.Get("Isekai-Provider") + "/" + h.Get("Isekai-Model"); got != by || input == 0 {
		t.Errorf("answered by %s, not %s, for %d tokens", got, by, input)
	}
	u := c.used[by]
	c.used[by] = used{u.Calls + 1, u.Input + input, u.Output + output}
	c.cost += price.Tokens(core.Usage{Input: input, Output: output})
}

// settled waits until the books have all that was used, and holds them to exactly that.
func (c *caller) settled(t *testing.T) {
	t.Helper()
	var b client.Balance
	until(t, func() bool {
		var err error
		b, err = c.owner.Balance(t.Context())
		return err == nil && b.Held == 0 && b.Spent >= c.cost
	}, func() string { return "the calls aren't charged" })
	if want := (client.Balance{Available: callerCredits - c.cost, Spent: c.cost, Granted: callerCredits}); b != want {
		t.Errorf("the org has %+v, want %+v", b, want)
	}
	spent := core.Credits(0)
	for _, e := range lines[client.Page[client.Entry]](t, c.does("credit", "entries", "--json", "--org", string(c.org), "--limit", "200"))[0].Items {
		if e.Kind == "consume" && e.Account == "spent" {
			spent += e.Amount
		}
	}
	if spent != c.cost {
		t.Errorf("the books have %s taken, want %s", spent, c.cost)
	}
	days, err := c.owner.ModelUsage(t.Context(), client.ModelUsage{From: time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)})
	if err != nil {
		t.Fatal(err)
	}
	got, cost := map[string]used{}, core.Credits(0)
	for _, m := range days {
		u := got[m.Provider+"/"+m.Model]
		got[m.Provider+"/"+m.Model] = used{u.Calls + m.Calls, u.Input + m.Input, u.Output + m.Output}
		cost += m.Credits
		if m.Failed+m.Estimated > 0 || m.Key == "" {
			t.Errorf("usage %+v", m)
		}
	}
	if cost != c.cost || len(got) != len(c.used) {
		t.Errorf("usage says %v for %s, the answers %v for %s", got, cost, c.used, c.cost)
	}
	for by, u := range c.used {
		if got[by] != u {
			t.Errorf("usage of %s says %+v, its answers %+v", by, got[by], u)
		}
	}
}
