package catalog

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// Spec is what is said about a provider. Zero fields have the defaults of its kind, or those
// that are named.
type Spec struct {
	Name       string // a-z, 0-9, - and .: what callers write before the model
	Kind       Kind
	Address    string              `json:",omitempty"` // the base of its API, as in https://api.openai.com/v1
	APIVersion string              `json:",omitempty"` // of azure-openai: a dated one has calls go to deployments' own paths
	Credential string              `json:",omitempty"` // its name in the vault, of the org; "": it takes none
	Models     []Model             `json:",omitempty"` // none: any, as with Others
	Others     bool                `json:",omitempty"` // it is asked for models that nobody lists, too
	Speaks     []dialect.Operation `json:",omitempty"` // instead of what its kind speaks
	Headers    map[string]string   `json:",omitempty"` // sent with each request; no secrets
	Limits     Limits
	Timeouts   Timeouts
	Extras     bool   `json:",omitempty"` // one of the installation's is asked for what costs more than tokens, too
	Off        bool   `json:",omitempty"` // it is asked for nothing
	Note       string `json:",omitempty"`
}

// Model is one that a provider has.
type Model struct {
	Name  string
	Price *core.Price `json:",omitempty"` // nil: see Target.Price
}

// Limits keep a provider from being asked too much. They are of each node and operation.
type Limits struct {
	Concurrent int           `json:",omitempty"` // calls under way; 1000
	Failures   int           `json:",omitempty"` // of the last FailuresOf calls, after which it is left alone for a while; 5
	FailuresOf int           `json:",omitempty"` // 10
	OpenFor    time.Duration `json:",omitempty"` // that while; then a call tries it; 15 s
}

// Timeouts bound the parts of a call.
type Timeouts struct {
	Connect time.Duration `json:",omitempty"` // until the connection is there; 10 s
	First   time.Duration `json:",omitempty"` // until the first token of a stream; 90 s
	Idle    time.Duration `json:",omitempty"` // between two of its pieces; 30 s
	Total   time.Duration `json:",omitempty"` // of the whole call; 120 s
}

// Provider is a provider as calls use it: with all defaults. It is immutable, and shared.
type Provider struct {
	Spec
	// ID names the provider with all that is said about it: "org_a/openai@9f86d081884c7d65".
	// What is kept about it, as breakers and connections, is kept by this.
	ID      string
	Org     core.OrgID // whose it is; core.Installation: everybody's
	Version int64      // of its record; 0: it is of the configuration
	Changed time.Time

	base   *url.URL
	at     map[dialect.Operation]*url.URL // where operations are, if that doesn't depend on the model
	header string
	lists  bool
}

// Own reports whether the provider is an org's own: it goes by the rules for addresses that
// users aim, and its calls cost no credits unless its models have prices.
func (p *Provider) Own() bool { return p.Org != core.Installation }

// Static reports whether the provider is of the configuration.
func (p *Provider) Static() bool { return p.Version == 0 }

// Lists reports whether the provider says by itself which models it has.
func (p *Provider) Lists() bool { return p.lists }

// Has reports whether the provider may be asked for a model.
func (p *Provider) Has(model string) bool { return p.open() || p.model(model) != nil }

// Names reports whether the provider is said to have a model by its name.
func (p *Provider) Names(model string) bool { return p.model(model) != nil }

// SetSecret is the command that gives the provider's credential another value.
func (p *Provider) SetSecret() string {
	set := "isekai secret set " + p.Credential
	if p.Own() {
		set += " --shared"
	}
	set += p.Flag()
	if !p.Usual() {
		set += " --host " + strings.TrimPrefix(p.Origin(), "https://")
	}
	return set
}

// open reports whether the provider is asked for models that it doesn't list.
func (p *Provider) open() bool { return p.Others || len(p.Models) == 0 }

func (p *Provider) model(name string) *Model {
	for i := range p.Models {
		if p.Models[i].Name == name {
			return &p.Models[i]
		}
	}
	return nil
}

// Via returns the operation by which the provider is asked for op: op itself if it speaks
// that, or another one that generates, which takes a translation. false: it can't be had.
func (p *Provider) Via(op dialect.Operation) (dialect.Operation, bool) {
	if slices.Contains(p.Speaks, op) {
		return op, true
	}
	if generates(op) {
		for _, other := range []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpMessages} {
			if slices.Contains(p.Speaks, other) {
				return other, true
			}
		}
	}
	return "", false
}

// LimitName is the member of a request by which op is asked for at most so many tokens: one
// that the provider knows; "": there is none.
func (p *Provider) LimitName(op dialect.Operation) string {
	switch {
	case op == dialect.OpResponses:
		return "max_output_tokens"
	case op == dialect.OpChat && (p.Kind == OpenAI || p.Kind == Azure):
		return "max_completion_tokens"
	case op == dialect.OpChat || op == dialect.OpMessages:
		return "max_tokens"
	}
	return ""
}

// Host is where its address is: "api.openai.com".
func (p *Provider) Host() string { return p.base.Hostname() }

// Origin is how that is spoken to: "https://api.openai.com". A credential that is for some hosts has
// to be for it.
func (p *Provider) Origin() string { return p.base.Scheme + "://" + p.base.Host }

// Private reports whether nobody listens on the way to it: TLS, or within this machine.
func (p *Provider) Private() bool {
	a, err := netip.ParseAddr(p.Host())
	return p.base.Scheme == "https" || p.Host() == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// Usual reports whether the provider is at an address that comes with its kind, which nobody
// could have aimed elsewhere.
func (p *Provider) Usual() bool {
	usual, err := url.Parse(presets[p.Kind].address)
	return err == nil && usual.Host != "" && usual.Scheme == p.base.Scheme && usual.Host == p.base.Host
}

// URL returns where an operation is that the provider speaks, or its list of models.
func (p *Provider) URL(op dialect.Operation, model string) string {
	path, query := paths[op], ""
	if p.deployed(op) {
		path = "/deployments/" + url.PathEscape(model) + path
	}
	switch {
	case p.Kind == Azure && p.APIVersion != "":
		query = "?api-version=" + p.APIVersion // of letters, digits and dashes
	case p.Kind == Anthropic && op == dialect.OpModels:
		query = "?limit=1000" // of a page; there are fewer
	}
	return strings.TrimSuffix(p.base.String(), "/") + path + query
}

// Endpoint is URL, parsed. It is shared: it isn't to be changed.
func (p *Provider) Endpoint(op dialect.Operation, model string) (*url.URL, error) {
	if at := p.at[op]; at != nil {
		return at, nil
	}
	return url.Parse(p.URL(op, model))
}

// deployed reports whether each model has an address of its own for op.
func (p *Provider) deployed(op dialect.Operation) bool {
	return p.Kind == Azure && p.APIVersion != "" && (op == dialect.OpChat || op == dialect.OpEmbeddings)
}

// anthropicVersion is what Anthropic's API asks for with each request.
const anthropicVersion = "2023-06-01"

// Prepare adds the headers of a request to the provider for an operation, and its secret.
// What is there of the caller's stays, as the versions that it asks for, but for
// what the provider's own say and its credential.
func (p *Provider) Prepare(h http.Header, op dialect.Operation, s Secret) {
	if (p.Kind == Anthropic || op == dialect.OpMessages || op == dialect.OpCountTokens) && h.Get("Anthropic-Version") == "" {
		h.Set("Anthropic-Version", anthropicVersion)
	}
	for name, value := range p.Headers {
		h.Set(name, value)
	}
	for _, name := range credentialHeaders {
		delete(h, name)
	}
	s.set(h, p.header)
}
