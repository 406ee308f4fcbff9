package catalog_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// marker is a secret, which no error may quote.
const marker = "sk-MARKER0123456789"

func TestWhatNoProviderCanBe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*catalog.Spec){
		"no name":                func(s *catalog.Spec) { s.Name = "" },
		"a name with a slash":    func(s *catalog.Spec) { s.Name = "a/b" },
		"a name in capitals":     func(s *catalog.Spec) { s.Name = "OpenAI" },
		"a long name":            func(s *catalog.Spec) { s.Name = strings.Repeat("a", 41) },
		"a name that is a flag":  func(s *catalog.Spec) { s.Name = "-x" },
		"no kind":                func(s *catalog.Spec) { s.Kind = "" },
		"another kind":           func(s *catalog.Spec) { s.Kind = "bedrock" },
		"no address":             func(s *catalog.Spec) { s.Address = "" },
		"another scheme":         func(s *catalog.Spec) { s.Address = "ftp://a.example" },
		"no host":                func(s *catalog.Spec) { s.Address = "https:///v1" },
		"a relative address":     func(s *catalog.Spec) { s.Address = "/v1" },
		"no URL":                 func(s *catalog.Spec) { s.Address = "https://a b" },
		"a user":                 func(s *catalog.Spec) { s.Address = "https://u:" + marker + "@a.example" },
		"an interface":           func(s *catalog.Spec) { s.Address = "http://[fe80::1%25eth0]/v1" },
		"a query":                func(s *catalog.Spec) { s.Address = "https://a.example?key=" + marker },
		"an empty query":         func(s *catalog.Spec) { s.Address = "https://a.example/v1?" },
		"a fragment":             func(s *catalog.Spec) { s.Address = "https://a.example/#" },
		"a port":                 func(s *catalog.Spec) { s.Address = "https://a.example:0" },
		"a long address":         func(s *catalog.Spec) { s.Address = "https://a.example/" + strings.Repeat("a", 500) },
		"a secret as credential": func(s *catalog.Spec) { s.Credential = marker },
		"a version of another's": func(s *catalog.Spec) { s.APIVersion = "2024-10-21" },
		"a model without a name": func(s *catalog.Spec) { s.Models = []catalog.Model{{}} },
		"a model with a space":   func(s *catalog.Spec) { s.Models = []catalog.Model{{Name: "a b"}} },
		"a model twice":          func(s *catalog.Spec) { s.Models = []catalog.Model{{Name: "a"}, {Name: "a"}} },
		"too many models":        func(s *catalog.Spec) { s.Models = make([]catalog.Model, 501) },
		"a negative price":       func(s *catalog.Spec) { s.Models = []catalog.Model{{Name: "a", Price: &core.Price{Input: -1}}} },
		"a price that is less above": func(s *catalog.Spec) {
			s.Models = []catalog.Model{{Name: "a", Price: &core.Price{Input: 2, Above: &core.PriceAbove{Tokens: 10, Input: 1}}}}
		},
		"a price beyond all": func(s *catalog.Spec) {
			s.Models = []catalog.Model{{Name: "a", Price: &core.Price{Call: core.MaxCredits + 1}}}
		},
		"a price by the second":      func(s *catalog.Spec) { s.Models = []catalog.Model{{Name: "a", Price: &core.Price{Second: 1}}} },
		"speaking what nobody does":  func(s *catalog.Spec) { s.Speaks = []dialect.Operation{"telepathy"} },
		"speaking of models":         func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpModels} },
		"speaking twice":             func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpChat, dialect.OpChat} },
		"a credential in a header":   func(s *catalog.Spec) { s.Headers = map[string]string{"authorization": "Bearer x"} },
		"one of Anthropic's":         func(s *catalog.Spec) { s.Headers = map[string]string{"x-api-key": "x"} },
		"a cookie":                   func(s *catalog.Spec) { s.Headers = map[string]string{"Cookie": "x"} },
		"a header of the connection": func(s *catalog.Spec) { s.Headers = map[string]string{"Transfer-Encoding": "chunked"} },
		"the host":                   func(s *catalog.Spec) { s.Headers = map[string]string{"HOST": "x"} },
		"a secret in a header":       func(s *catalog.Spec) { s.Headers = map[string]string{"X-Team": marker} },
		"a header that isn't one":    func(s *catalog.Spec) { s.Headers = map[string]string{"a b": "x"} },
		"a value of two lines":       func(s *catalog.Spec) { s.Headers = map[string]string{"A": "x\r\nHost: y"} },
		"a header twice":             func(s *catalog.Spec) { s.Headers = map[string]string{"a-b": "x", "A-B": "x"} },
		"negative calls":             func(s *catalog.Spec) { s.Limits.Concurrent = -1 },
		"too many calls":             func(s *catalog.Spec) { s.Limits.Concurrent = 100_001 },
		"more failures than calls":   func(s *catalog.Spec) { s.Limits.Failures = 11 },
		"an open breaker for hours":  func(s *catalog.Spec) { s.Limits.OpenFor = time.Hour },
		"no time to connect":         func(s *catalog.Spec) { s.Timeouts.Connect = time.Microsecond },
		"time without end":           func(s *catalog.Spec) { s.Timeouts.Total = 1000 * time.Hour },
		"a negative time":            func(s *catalog.Spec) { s.Timeouts.Idle = -time.Second },
		"a note of two lines":        func(s *catalog.Spec) { s.Note = "a\nb" },
	} {
		s := of("one", catalog.Compatible, "m")
		ok(t, s.Check(secretive))
		change(&s)
		err := s.Check(secretive)
		refused(t, name, err, core.Invalid)
		if text := err.Error() + core.HintOf(err); strings.Contains(text, marker) {
			t.Errorf("%s: the error quotes the secret: %s", name, text)
		}
	}
}

func TestWhatNoRouteCanBe(t *testing.T) {
	t.Parallel()
	good := catalog.Leg{Provider: "one", Model: "m"}
	for name, r := range map[string]catalog.Route{
		"no name":         {Targets: []catalog.Leg{good}},
		"a space":         {Name: "a b", Targets: []catalog.Leg{good}},
		"no targets":      {Name: "a"},
		"too many":        {Name: "a", Targets: make([]catalog.Leg, 21)},
		"no provider":     {Name: "a", Targets: []catalog.Leg{{Model: "m"}}},
		"no model":        {Name: "a", Targets: []catalog.Leg{{Provider: "one"}}},
		"a weight":        {Name: "a", Targets: []catalog.Leg{{Provider: "one", Model: "m", Weight: 1001}}},
		"a negative one":  {Name: "a", Targets: []catalog.Leg{{Provider: "one", Model: "m", Weight: -1}}},
		"a tier":          {Name: "a", Targets: []catalog.Leg{{Provider: "one", Model: "m", Tier: 8}}},
		"a negative tier": {Name: "a", Targets: []catalog.Leg{{Provider: "one", Model: "m", Tier: -1}}},
	} {
		refused(t, name, r.Check(), core.Invalid)
	}
	for name, s := range map[string]catalog.Settings{
		"days":         {PromptDays: 91},
		"negative":     {PromptDays: -1},
		"minutes":      {CacheMinutes: 10081},
		"keys":         {CacheKeys: make([]core.KeyID, 101)},
		"not a key":    {CacheKeys: []core.KeyID{"usr_a"}},
		"minus a tick": {CacheMinutes: -1},
	} {
		refused(t, name, s.Check(), core.Invalid)
	}
}

// TestWhereOperationsAre, by the documents of those who make the APIs.
func TestWhereOperationsAre(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	for _, c := range []struct {
		spec  catalog.Spec
		op    dialect.Operation
		model string
		want  string
	}{
		{of("a", catalog.OpenAI), dialect.OpChat, "m", "https://api.openai.com/v1/chat/completions"},
		{of("a", catalog.OpenAI), dialect.OpResponses, "m", "https://api.openai.com/v1/responses"},
		{of("a", catalog.OpenAI), dialect.OpCompact, "m", "https://api.openai.com/v1/responses/compact"},
		{of("a", catalog.OpenAI), dialect.OpModels, "", "https://api.openai.com/v1/models"},
		{of("a", catalog.Anthropic), dialect.OpMessages, "m", "https://api.anthropic.com/v1/messages"},
		{of("a", catalog.Anthropic), dialect.OpCountTokens, "m", "https://api.anthropic.com/v1/messages/count_tokens"},
		{of("a", catalog.Anthropic), dialect.OpModels, "", "https://api.anthropic.com/v1/models?limit=1000"},
		{catalog.Spec{Name: "a", Kind: catalog.Anthropic, Address: "https://proxy.example/"}, dialect.OpMessages, "m", "https://proxy.example/v1/messages"},
		{of("a", catalog.Gemini), dialect.OpEmbeddings, "m", "https://generativelanguage.googleapis.com/v1beta/openai/embeddings"},
		{of("a", catalog.OpenRouter), dialect.OpChat, "m", "https://openrouter.ai/api/v1/chat/completions"},
		{catalog.Spec{Name: "a", Kind: catalog.Ollama, Address: "http://GPU:11434"}, dialect.OpChat, "m", "http://gpu:11434/v1/chat/completions"},
		{catalog.Spec{Name: "a", Kind: catalog.VLLM, Address: "https://x.example/team/v1/"}, dialect.OpChat, "m", "https://x.example/team/v1/chat/completions"},
		{catalog.Spec{Name: "a", Kind: catalog.Compatible, Address: "https://x.example"}, dialect.OpChat, "m", "https://x.example/chat/completions"},
		{catalog.Spec{Name: "a", Kind: catalog.Compatible, Address: "https://[::1]:8443/a%2Fb"}, dialect.OpChat, "m", "https://[::1]:8443/a%2Fb/chat/completions"},
		{catalog.Spec{Name: "a", Kind: catalog.Azure, Address: "https://res.openai.azure.com"}, dialect.OpCompact, "dep", "https://res.openai.azure.com/openai/v1/responses/compact"},
		{catalog.Spec{Name: "a", Kind: catalog.Azure, Address: "https://res.openai.azure.com"}, dialect.OpChat, "dep", "https://res.openai.azure.com/openai/v1/chat/completions"},
		{
			catalog.Spec{Name: "a", Kind: catalog.Azure, Address: "https://res.openai.azure.com/", APIVersion: "2024-10-21"}, dialect.OpChat, "my/dep",
			"https://res.openai.azure.com/openai/deployments/my%2Fdep/chat/completions?api-version=2024-10-21",
		},
		{
			catalog.Spec{Name: "a", Kind: catalog.Azure, Address: "https://res.openai.azure.com", APIVersion: "2025-03-01-preview"}, dialect.OpResponses, "dep",
			"https://res.openai.azure.com/openai/responses?api-version=2025-03-01-preview",
		},
	} {
		if got := r.put(t, orgA, c.spec).URL(c.op, c.model); got != c.want {
			t.Errorf("%s of %s at %s is at %s, want %s", c.op, c.spec.Kind, c.spec.Address, got, c.want)
		}
	}
}

// TestHowCredentialsAreSent, and that a caller's own are not.
func TestHowCredentialsAreSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	basic, header := catalog.NewSecret("p", 1), catalog.NewSecret("v", 1)
	basic.User, header.Header = "u", "X-Team-Key"
	for _, c := range []struct {
		kind   catalog.Kind
		op     dialect.Operation
		secret catalog.Secret
		want   map[string]string
	}{
		{catalog.OpenAI, dialect.OpChat, catalog.NewSecret("k", 1), map[string]string{"Authorization": "Bearer k", "Anthropic-Version": ""}},
		{catalog.Anthropic, dialect.OpMessages, catalog.NewSecret("k", 1), map[string]string{"X-Api-Key": "k", "Authorization": "", "Anthropic-Version": "2023-06-01"}},
		{catalog.Anthropic, dialect.OpModels, catalog.NewSecret("k", 1), map[string]string{"X-Api-Key": "k", "Anthropic-Version": "2023-06-01"}},
		{catalog.VLLM, dialect.OpMessages, catalog.NewSecret("k", 1), map[string]string{"Authorization": "Bearer k", "Anthropic-Version": "2023-06-01"}},
		{catalog.Azure, dialect.OpChat, catalog.NewSecret("k", 1), map[string]string{"Api-Key": "k", "Authorization": ""}},
		{catalog.Compatible, dialect.OpChat, basic, map[string]string{"Authorization": "Basic dTpw"}},
		{catalog.Compatible, dialect.OpChat, header, map[string]string{"X-Team-Key": "v", "Authorization": ""}},
		{catalog.Ollama, dialect.OpChat, catalog.Secret{}, map[string]string{"Authorization": "", "X-Api-Key": ""}},
	} {
		s := of("a", c.kind)
		s.Headers = map[string]string{"OpenAI-Organization": "org-1"}
		h := http.Header{"Authorization": {"Bearer caller"}, "X-Api-Key": {"caller"}, "Cookie": {"caller"}, "Openai-Organization": {"caller"}, "Api-Key": {"caller"}}
		r.put(t, orgA, s).Prepare(h, c.op, c.secret)
		for name, want := range c.want {
			if got := h.Get(name); got != want {
				t.Errorf("%s sends %s: %q, want %q", c.kind, name, got, want)
			}
		}
		if h.Get("Openai-Organization") != "org-1" || strings.Contains(strings.Join(append(h.Values("Authorization"), h.Get("Cookie")), " "), "caller") {
			t.Errorf("%s sends %v", c.kind, h)
		}
	}
	h := http.Header{"Anthropic-Version": {"2099-01-01"}}
	if r.put(t, orgA, of("a", catalog.Anthropic)).Prepare(h, dialect.OpMessages, catalog.Secret{}); h.Get("Anthropic-Version") != "2099-01-01" {
		t.Error("the version that the caller asks for is replaced")
	}
}

// FuzzSpec: whatever passes the check can be used, and no error is without a hint.
func FuzzSpec(f *testing.F) {
	f.Add("openai", "openai", "", "", "key", "m", "chat", "X-A", "v", 0, 0)
	f.Add("azure", "azure-openai", "https://r.openai.azure.com", "2024-10-21", "", "dep", "embeddings", "", "", 5, 1000)
	f.Add("x", "openai-compatible", "http://[::1%25lo]:80/%zz?#", "", "a", "b", "c", "Host", "\n", -1, 1<<40)
	f.Add("x", "ollama", "HTTP://Ü.example:", "", "a", "models/m", "messages", "a b", "é", 7, 7)
	f.Fuzz(func(t *testing.T, name, kind, address, version, credential, model, speaks, header, value string, n, ms int) {
		s := catalog.Spec{
			Name: name, Kind: catalog.Kind(kind), Address: address, APIVersion: version, Credential: credential, Models: []catalog.Model{{Name: model}},
			Speaks: []dialect.Operation{dialect.Operation(speaks)}, Headers: map[string]string{header: value},
			Limits: catalog.Limits{Concurrent: n, Failures: n, FailuresOf: n}, Timeouts: catalog.Timeouts{Total: time.Duration(ms) * time.Millisecond},
		}
		if err := s.Check(secretive); err != nil {
			refused(t, "a refusal", err, core.Invalid)
			return
		}
		text, err := json.Marshal(s)
		ok(t, err)
		var back catalog.Spec
		ok(t, json.Unmarshal(text, &back))
		c, err := catalog.New(catalog.Config{Records: empty{}, Static: []catalog.Spec{back}})
		ok(t, err)
		got, err := view(t, c, orgA).Resolve(name+"/"+model, back.Speaks[0])
		ok(t, err)
		p := got.Tiers[0][0].Provider
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL(back.Speaks[0], model), nil)
		ok(t, err)
		if req.URL.Host == "" || req.URL.Hostname() != p.Host() || req.URL.User != nil {
			t.Errorf("it is at %s", req.URL)
		}
		p.Prepare(req.Header, back.Speaks[0], catalog.NewSecret("k", 1))
	})
}
