package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestProvidersOfModels: an org's admins have their own, see of the installation's what there
// is to ask for, and nothing of another org's.
func TestProvidersOfModels(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	n := client.NewModelProvider{
		Kind: "openai", Credential: "key", Models: []client.ProviderModel{{Name: "gpt-5-mini", Price: &core.Price{Input: 25}}},
		Headers: map[string]string{"OpenAI-Organization": "org-1"}, Limits: &client.ProviderLimits{Concurrent: 7}, Timeouts: &client.ProviderTimeouts{FirstMS: 1500},
	}
	_, err := ann.PutModelProvider(ctx, false, "openai", n, "")
	refused(t, "a member's provider", err, core.Denied)
	_, err = w.olga.PutModelProvider(ctx, true, "openai", n, "")
	refused(t, "an owner's provider for all", err, core.Denied)
	made := must(w.olga.PutModelProvider(ctx, false, "openai", n, ""))(t)
	if made.ETag != `"1"` || made.Owner != "org" || made.Address != "https://api.openai.com/v1" || made.Limits.Concurrent != 7 || made.Limits.OpenMS != 15000 ||
		made.Timeouts.FirstMS != 1500 || made.Timeouts.TotalMS != 120000 || !slices.Equal(made.Speaks, []string{"chat", "responses", "compact", "embeddings"}) ||
		made.Headers["OpenAI-Organization"] != "org-1" || made.Models[0].Price.Input != 25 || made.Changed == nil {
		t.Errorf("%+v", made)
	}
	n.Note = "ours"
	changed := must(w.olga.PutModelProvider(ctx, false, "openai", n, made.ETag))(t)
	_, err = w.olga.PutModelProvider(ctx, false, "openai", n, made.ETag)
	refused(t, "a change of what has changed", err, core.Conflict)
	for what, bad := range map[string]client.NewModelProvider{
		"a secret as a header":     {Kind: "openai", Headers: map[string]string{"X-Key": "sk-MARKER"}},
		"a secret as a credential": {Kind: "openai", Credential: "sk-MARKER"},
		"a secret in the address":  {Kind: "openai", Address: "https://sk-MARKER@a.example"},
	} {
		_, err := w.olga.PutModelProvider(ctx, false, "bad", bad, "")
		if refused(t, what, err, core.Invalid); strings.Contains(err.Error(), "sk-MARKER") {
			t.Errorf("%s is quoted: %v", what, err)
		}
	}

	private := client.NewModelProvider{Kind: "vllm", Address: "http://10.0.0.7:8000", Credential: "house", Headers: map[string]string{"X-Rack": "7"}, Note: "rack 7", Models: []client.ProviderModel{{Name: "qwen3"}}}
	must(w.local.PutModelProvider(ctx, true, "gpu", private, ""))(t)
	all := must(ann.ModelProviders(ctx, false))(t)
	if len(all) != 2 || all[0].Name != "openai" || all[0].ETag != "" || all[1].Name != "gpu" || all[1].Owner != "installation" || all[1].Models[0].Name != "qwen3" {
		t.Fatalf("%+v", all)
	}
	if g := all[1]; g.Address+g.Credential+g.Note != "" || g.Headers != nil || g.Limits != nil || g.Revision != 0 {
		t.Errorf("an org sees of the installation's %+v", g)
	}
	_, err = ann.ModelProvider(ctx, false, "gpu")
	refused(t, "the installation's, as the org's", err, core.NotFound)
	_, err = w.olga.ModelProviders(ctx, true)
	refused(t, "the installation's, by an owner", err, core.Denied)
	if house := must(w.local.ModelProviders(ctx, true))(t); len(house) != 1 || house[0].Address != "http://10.0.0.7:8000" || house[0].Credential != "house" {
		t.Errorf("an operator sees %+v", house)
	}
	refused(t, "a stale removal", w.olga.DeleteModelProvider(ctx, false, "openai", made.ETag), core.Conflict)
	if err := w.olga.DeleteModelProvider(ctx, false, "openai", changed.ETag); err != nil {
		t.Error(err)
	}
}

func TestRoutesAndSettingsOfModels(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	must(w.local.PutModelProvider(ctx, true, "gpu", client.NewModelProvider{Kind: "ollama"}, ""))(t)
	to := client.NewModelRoute{Sticky: true, Targets: []client.RouteTarget{{Provider: "gpu", Model: "qwen3:8b", Weight: 3}, {Provider: "gpu", Model: "qwen3:1b", Tier: 1}}}
	made := must(w.olga.PutModelRoute(ctx, false, "team/smart", to, ""))(t)
	if made.ETag != `"1"` || made.Name != "team/smart" || made.Owner != "org" || !made.Sticky || !slices.Equal(made.Targets, to.Targets) {
		t.Errorf("%+v", made)
	}
	must(w.local.PutModelRoute(ctx, true, "smart", to, ""))(t)
	if all := must(w.olga.ModelRoutes(ctx, false))(t); len(all) != 2 || all[0].Name != "team/smart" || all[1].Owner != "installation" {
		t.Errorf("%+v", all)
	}
	_, err := w.olga.PutModelRoute(ctx, false, "x", client.NewModelRoute{Targets: []client.RouteTarget{{Provider: "none", Model: "m"}}}, "")
	refused(t, "a route to nothing", err, core.Invalid)
	refused(t, "the installation's, as the org's", w.olga.DeleteModelRoute(ctx, false, "smart", ""), core.NotFound)
	refused(t, "what a route leads to", w.local.DeleteModelProvider(ctx, true, "gpu", ""), core.Conflict)
	if err := w.olga.DeleteModelRoute(ctx, false, "team/smart", made.ETag); err != nil {
		t.Error(err)
	}

	if s := must(w.olga.ModelSettings(ctx))(t); s.PromptDays != 0 || s.CacheMinutes != 0 || s.RoutesOnly || s.ETag != "" {
		t.Errorf("nothing was set, and it is %+v", s)
	}
	set := must(w.olga.SetModelSettings(ctx, client.ModelSettings{PromptDays: 90, CacheMinutes: 5, CacheKeys: []core.KeyID{"key_a"}, RoutesOnly: true}, ""))(t)
	if got := must(w.olga.ModelSettings(ctx))(t); got.PromptDays != 90 || got.CacheMinutes != 5 || len(got.CacheKeys) != 1 || !got.RoutesOnly || got.ETag != set.ETag {
		t.Errorf("%+v", got)
	}
	_, err = w.olga.SetModelSettings(ctx, client.ModelSettings{PromptDays: 91}, "")
	refused(t, "too many days", err, core.Invalid)
}

// TestAProviderIsTried by its list and what it speaks, and what fails is said.
func TestAProviderIsTried(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	up := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/models":
			_, _ = io.WriteString(rw, `{"data":[{"id":"small"},{"id":"embed-1"}]}`)
		case "/v1/chat/completions":
			_, _ = io.WriteString(rw, `{"choices":[]}`)
		default:
			rw.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(rw, `{"error":{"message":"no embeddings here"}}`)
		}
	}))
	t.Cleanup(up.Close)
	must(w.olga.PutModelProvider(ctx, false, "up", client.NewModelProvider{Kind: "openai-compatible", Address: up.URL + "/v1"}, ""))(t)
	got := must(w.olga.TestModelProvider(ctx, false, "up", ""))(t)
	if got.Works || len(got.Trials) != 3 || !slices.Equal(got.Models, []string{"embed-1", "small"}) {
		t.Fatalf("%+v", got)
	}
	for i, want := range []client.ModelTrial{
		{Operation: "models"}, {Operation: "chat", Model: "small"}, {Operation: "embeddings", Model: "embed-1", Code: core.NotFound, Message: "it answers 404: no embeddings here"},
	} {
		k := got.Trials[i]
		if k.Operation != want.Operation || k.Model != want.Model || k.Code != want.Code || k.Message != want.Message || (k.Hint == "") != (k.Code == "") {
			t.Errorf("got %+v, want %+v", k, want)
		}
	}
	_, err := w.olga.TestModelProvider(ctx, false, "none", "")
	refused(t, "what isn't there", err, core.NotFound)
	_, err = w.person(w.olga, "ann", client.Place{Role: core.Member}).TestModelProvider(ctx, false, "up", "")
	refused(t, "a member's trial", err, core.Denied)
}

// TestSecretsOfTheInstallation are an operator's, and nobody is shown one.
func TestSecretsOfTheInstallation(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	n := client.NewSecret{Kind: "token", Value: "s3cr3t-of-all", Hosts: []string{"api.example.com"}}
	_, err := w.olga.PutInstallationSecret(ctx, "house", n, "")
	refused(t, "an owner's", err, core.Denied)
	made := must(w.local.PutInstallationSecret(ctx, "house", n, ""))(t)
	all := must(w.local.InstallationSecrets(ctx))(t)
	if len(all) != 1 || all[0].ID != made.ID || all[0].Project != "" || made.ETag != `"1"` {
		t.Errorf("%+v", all)
	}
	_, err = w.olga.Secret(ctx, "house")
	refused(t, "the installation's, as the org's", err, core.NotFound)
	_, err = w.local.PutInstallationSecret(ctx, "house", n, `"7"`)
	refused(t, "a stale change", err, core.Conflict)
	if err := w.local.DeleteInstallationSecret(ctx, "house", made.ETag); err != nil {
		t.Error(err)
	}
}
