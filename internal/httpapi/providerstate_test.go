package httpapi_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestHowProvidersAre: who may see a provider sees how it has been when it was asked, and an
// org of the installation's nothing of others' calls.
func TestHowProvidersAre(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	state := func(c *client.Client, house bool, name string) []client.ProviderState {
		t.Helper()
		all := must(c.ModelProviders(ctx, house))(t)
		i := slices.IndexFunc(all, func(p client.ModelProvider) bool { return p.Name == name })
		if i < 0 {
			t.Fatalf("%s isn't among %+v", name, all)
		}
		return all[i].State
	}
	if got := state(o.olga, false, "p"); got != nil {
		t.Errorf("before a call: %+v", got)
	}
	key := must(o.olga.CreateKey(ctx, client.NewKey{Name: "k", Scopes: []string{"models:use"}}, ""))(t).Text
	ask := func(model string) {
		o.call(key, `{"model":"`+model+`","messages":[{"role":"user","content":"Hello?"}]}`)
	}
	ask("p/m")
	if got := state(o.olga, false, "p"); !slices.Equal(got, []client.ProviderState{{Operation: "chat", State: "ok"}}) {
		t.Errorf("after one that went well: %+v", got)
	}
	o.says("application/json", http.StatusInternalServerError, `{}`)
	ask("p/m")
	if got := state(o.olga, false, "p"); len(got) != 1 || got[0].State != "failing" || got[0].Why != "status 500" {
		t.Errorf("after one that failed: %+v", got)
	}
	if p := must(o.olga.ModelProvider(ctx, false, "p"))(t); len(p.State) != 1 {
		t.Errorf("shown by itself: %+v", p)
	}

	down := client.NewModelProvider{Kind: "vllm", Address: "http://127.0.0.1:1", Models: []client.ProviderModel{{Name: "x", Price: &core.Price{}}}, Limits: &client.ProviderLimits{Failures: 1, FailuresOf: 1, OpenMS: 60_000}}
	must(o.local.PutModelProvider(ctx, true, "down", down, ""))(t)
	ask("down/x")
	if got := state(o.local, true, "down"); len(got) != 1 || got[0].State != "open" || got[0].Why != "no connection" || got[0].Orgs != 1 || got[0].ForMS <= 0 {
		t.Errorf("an operator sees %+v", got)
	}
	if got := state(o.olga, false, "down"); len(got) != 1 || got[0].State != "open" || got[0].Orgs != 0 {
		t.Errorf("an org sees %+v", got)
	}
	must(o.local.PutModelProvider(ctx, true, "down", down, ""))(t)
	down.Note = "mended"
	must(o.local.PutModelProvider(ctx, true, "down", down, ""))(t)
	if got := state(o.local, true, "down"); got != nil {
		t.Errorf("after it was changed: %+v", got)
	}
}
