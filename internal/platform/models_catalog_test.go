package platform

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestWhitherAProvidersSecretGoes: nobody who says where a provider is gets to see a secret
// that he wasn't given.
func TestWhitherAProvidersSecretGoes(t *testing.T) {
	t.Parallel()
	st := must(sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")}))(t)
	t.Cleanup(func() { _ = st.Close() })
	var uses []credential.Event
	secrets := must(credential.New(credential.Config{Records: st, Terms: st, Audit: func(_ context.Context, e credential.Event) error {
		if e.Action == "credential.use" {
			uses = append(uses, e)
		}
		return nil
	}}))(t)
	t.Cleanup(func() { _ = secrets.Shutdown(context.Background()) })
	models := must(catalog.New(catalog.Config{Records: st}))(t)
	scope := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
	put := func(org core.OrgID, shared bool, p credential.Put, value string) {
		t.Helper()
		p.Shared, p.Content = shared, &credential.Content{User: p.Note, Secret: credential.NewSecret(value)}
		if p.Kind == credential.Header {
			p.Content = &credential.Content{Header: "X-Team", Secret: credential.NewSecret(value)}
		}
		must(secrets.Put(t.Context(), core.Scope{Org: org, Project: "prj_a", Actor: scope.Actor}, p))(t)
	}
	put("org_a", true, credential.Put{Name: "any", Kind: credential.Token}, "of-any")
	put("org_a", false, credential.Put{Name: "any", Kind: credential.Token}, "of-the-project")
	put("org_a", false, credential.Put{Name: "mine", Kind: credential.Token}, "of-the-project")
	put("org_a", true, credential.Put{Name: "bound", Kind: credential.Header, Hosts: []string{"gpu.example.com", "http://127.0.0.1:8000"}}, "of-bound")
	put("org_a", true, credential.Put{Name: "pair", Kind: credential.Basic, Note: "ann"}, "of-pair")
	put("org_a", true, credential.Put{Name: "file", Kind: credential.Text}, "of-file")
	put(core.Installation, true, credential.Put{Name: "house", Kind: credential.Token, Hosts: []string{"http://gpu.example.com", "gpu.example.com:8443"}}, "of-the-house")

	for _, c := range []struct {
		org              core.OrgID
		kind             catalog.Kind
		address, name    string
		code             core.Code
		header, expected string
	}{
		{"org_a", catalog.OpenAI, "", "any", "", "Authorization", "Bearer of-any"}, // the org's, not the project's
		{"org_a", catalog.Anthropic, "", "any", "", "X-Api-Key", "of-any"},
		{"org_a", catalog.OpenAI, "https://evil.example", "any", core.Denied, "", "isekai secret set any --shared --host evil.example"},
		{"org_a", catalog.OpenAI, "http://api.openai.com", "any", core.Denied, "", ""},
		{"org_a", catalog.OpenAI, "https://api.openai.com:8443", "any", core.Denied, "", ""},
		{"org_a", catalog.VLLM, "https://gpu.example.com", "bound", "", "X-Team", "of-bound"},
		{"org_a", catalog.VLLM, "https://other.example.com", "bound", core.Denied, "", ""},
		{"org_a", catalog.VLLM, "http://gpu.example.com", "bound", core.Denied, "", "https"},
		{"org_a", catalog.VLLM, "https://gpu.example.com:8443", "bound", core.Denied, "", "isekai secret set bound --shared --host gpu.example.com:8443"},
		{"org_a", catalog.VLLM, "http://127.0.0.1:8000", "bound", "", "X-Team", "of-bound"},
		{"org_a", catalog.VLLM, "http://127.0.0.1:8001", "bound", core.Denied, "", "isekai secret set bound --shared --host http://127.0.0.1:8001"},
		{"org_a", catalog.OpenAI, "", "pair", "", "Authorization", "Basic YW5uOm9mLXBhaXI="},
		{"org_a", catalog.OpenAI, "", "file", core.Unsupported, "", "token"},
		{"org_a", catalog.OpenAI, "", "mine", core.NotFound, "", "isekai secret set mine --shared"},
		{"org_a", catalog.OpenAI, "", "house", core.NotFound, "", ""}, // the installation's isn't an org's
		{core.Installation, catalog.VLLM, "http://gpu.example.com", "house", "", "Authorization", "Bearer of-the-house"},
		{core.Installation, catalog.VLLM, "https://gpu.example.com:8443", "house", "", "Authorization", "Bearer of-the-house"},
		{core.Installation, catalog.VLLM, "https://gpu.example.com", "house", core.Denied, "", "isekai secret set house --installation --host gpu.example.com"},
		{core.Installation, catalog.VLLM, "http://gpu.example.com:8000", "house", core.Denied, "", "--host http://gpu.example.com:8000"},
		{core.Installation, catalog.OpenAI, "", "any", core.NotFound, "", "isekai secret set any --installation"},
	} {
		p := must(models.PutProvider(t.Context(), c.org, catalog.Spec{Name: "one", Kind: c.kind, Address: c.address, Credential: c.name}, 0))(t)
		uses = nil
		s, err := catalog.NewSecrets(catalog.SecretsConfig{Vault: modelVault{secrets}}).Secret(t.Context(), scope, p)
		switch {
		case core.CodeOf(err) != c.code:
			t.Errorf("%s to %s at %s: %v, want %q", c.name, c.kind, c.address, err, c.code)
		case err != nil:
			if hint := core.HintOf(err); hint == "" || !strings.Contains(hint, c.expected) {
				t.Errorf("%s to %s at %s: the hint is %q", c.name, c.kind, c.address, hint)
			}
		default:
			h := http.Header{}
			if p.Prepare(h, "chat", s); h.Get(c.header) != c.expected {
				t.Errorf("%s to %s at %s: %v", c.name, c.kind, c.address, h)
			}
			if len(uses) != 1 || uses[0].Org != c.org || uses[0].Detail["tool"] != "model one" || uses[0].Detail["host"] != credential.Place(p.Origin()) || uses[0].Actor.ID != "gateway" {
				t.Errorf("%s to %s: on record is %+v", c.name, c.kind, uses)
			}
		}
	}
}

// TestWaysToProviders: those of orgs reach nothing that users may not aim at, those of the
// installation do.
func TestWaysToProviders(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(up.Close)
	n := &node{outside: must(egress.New(egress.Config{}))(t)}
	for ofOrg, want := range map[bool]core.Code{true: core.Denied, false: ""} {
		way := n.modelTransport(ofOrg, time.Second)
		way.DisableKeepAlives = true
		res, err := way.RoundTrip(must(http.NewRequestWithContext(t.Context(), http.MethodGet, up.URL, nil))(t))
		if err == nil {
			_ = res.Body.Close()
		}
		if core.CodeOf(err) != want {
			t.Errorf("of an org %t: %v, want %q", ofOrg, err, want)
		}
		if short, ok := n.modelWay(ofOrg, time.Second).(*h1.Transport); !ok || (short.Proxy == nil) != ofOrg {
			t.Errorf("of an org %t: the environment's proxy isn't heeded, or is where it mustn't", ofOrg)
		}
	}
}

// TestTheConfiguredModelIsAProvider of all orgs, with its key.
func TestTheConfiguredModelIsAProvider(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  Model
		m    models
		want catalog.Spec
		key  bool
	}{
		"none":     {Model{}, models{}, catalog.Spec{}, false},
		"a key":    {Model{APIKey: "k", Timeout: time.Minute}, models{configured: true, defaultTo: "gpt-5-mini"}, catalog.Spec{Kind: catalog.OpenAI, Others: true}, true},
		"an API":   {Model{APIKey: "k", BaseURL: "http://x.example/v1", Timeout: time.Minute}, models{configured: true, defaultTo: "m"}, catalog.Spec{Kind: catalog.Compatible, Address: "http://x.example/v1", Others: true}, true},
		"Ollama":   {Model{Ollama: "http://127.0.0.1:11434", Timeout: time.Minute}, models{configured: true, offered: []string{"a", "b"}}, catalog.Spec{Kind: catalog.Ollama, Address: "http://127.0.0.1:11434"}, false},
		"extras":   {Model{APIKey: "k", Timeout: time.Minute, Extras: true}, models{configured: true, defaultTo: "m"}, catalog.Spec{Kind: catalog.OpenAI, Others: true, Extras: true}, true},
		"for days": {Model{APIKey: "k", Timeout: 48 * time.Hour}, models{configured: true, defaultTo: "m"}, catalog.Spec{Kind: catalog.OpenAI, Others: true}, true},
	} {
		all, keys := c.m.static(c.cfg)
		if c.want.Kind == "" {
			if len(all) != 0 {
				t.Errorf("%s: %+v", name, all)
			}
			continue
		}
		if len(all) != 1 || all[0].Kind != c.want.Kind || all[0].Address != c.want.Address || all[0].Others != c.want.Others || all[0].Extras != c.want.Extras || len(all[0].Models) != max(len(c.m.offered), 1) {
			t.Errorf("%s: %+v", name, all)
		} else if err := all[0].Check(nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := keys[configuredProvider]; s.IsZero() == c.key {
			t.Errorf("%s: its key is %t", name, s.IsZero())
		}
	}
}

// Who has a provider by the name of one of the installation's pays the installation's price
// for what that one answers: the price of a call goes by who it really was.
func TestThePriceGoesByWhoAnswersAndNotByItsName(t *testing.T) {
	t.Parallel()
	kept, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	n := &node{store: kept}
	n.filter, _ = n.cfg.filter("")
	if err := n.openCatalog(); err != nil {
		t.Fatal(err)
	}
	books, err := ledger.New(ledger.Config{Books: kept, Records: kept, Events: kept, IDs: core.NewID})
	if err != nil {
		t.Fatal(err)
	}
	put := func(org core.OrgID, price *core.Price) *catalog.Provider {
		p, err := n.catalog.PutProvider(t.Context(), org, catalog.Spec{Name: "p", Kind: catalog.Compatible, Address: "https://models.example.com/v1", Models: []catalog.Model{{Name: "m", Price: price}}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	house, own := put(core.Installation, &core.Price{Output: core.Credit}), put("org_a", &core.Price{})
	q, err := prices{books, n.catalog}.Quote(t.Context(), "org_a", "model/p/m")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := q.By[model.Origin{Provider: "p", Model: "m", Exact: own.ID}]; !ok || len(q.By) != 1 {
		t.Errorf("the quote is %v", q.By)
	}
	if _, ok := q.By[model.Origin{Provider: "p", Model: "m", Exact: house.ID}]; ok {
		t.Error("the installation's provider has the price of the org's")
	}
}
