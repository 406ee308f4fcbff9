package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// ModelProvider is where models are: an API, an address and what is said about it.
type ModelProvider struct {
	Name string `json:"name"`
	// Owner says whose it is. Of others' an org sees its name, kind, models and what it speaks.
	Owner    string     `json:"owner" enum:"org,installation,configuration"`
	Revision int64      `json:"revision,omitempty" doc:"for If-Match; of the configuration's there is none"`
	Changed  *time.Time `json:"changed,omitempty"`
	NewModelProvider
	State []ProviderState `json:"state,omitempty" doc:"of the operations that it was asked for lately, on the node that answers"`
	ETag  string          `json:"-"`
}

// ProviderState is how a provider has been for an operation.
type ProviderState struct {
	Operation string `json:"operation"`
	State     string `json:"state" enum:"ok,failing,limited,trying,open" doc:"failing: the last attempt failed; limited: it wants no requests for a while; open: its breaker is, and it isn't asked; trying: the next call finds out"`
	Why       string `json:"why,omitempty" doc:"the last attempt failed"`
	ForMS     int64  `json:"for_ms,omitempty" doc:"until it is asked again"`
	Calls     int64  `json:"calls,omitempty" doc:"under way"`
	Orgs      int    `json:"orgs,omitempty" doc:"whose calls it is so for; of the installation's, for operators"`
}

// NewModelProvider is what is said about a provider. What isn't said has the default of its
// kind.
type NewModelProvider struct {
	Kind       string            `json:"kind" enum:"openai,anthropic,azure-openai,gemini,ollama,vllm,llama.cpp,openrouter,openai-compatible"`
	Address    string            `json:"address,omitempty" maxLength:"500" doc:"the base of its API; default: that of the kind" example:"https://api.openai.com/v1"`
	APIVersion string            `json:"api_version,omitempty" maxLength:"40" doc:"of azure-openai: a dated one has calls go to deployments' own paths; default: the API without versions"`
	Credential string            `json:"credential,omitempty" maxLength:"64" doc:"name of a secret that all projects share; the secret itself is refused" example:"openai"`
	Models     []ProviderModel   `json:"models,omitempty" maxItems:"500" doc:"none: any, as with others"`
	Others     bool              `json:"others,omitempty" doc:"it is asked for models that nobody lists, too"`
	Speaks     []string          `json:"speaks,omitempty" maxItems:"6" doc:"chat, responses, messages, embeddings, count_tokens, compact; default: what the kind speaks"`
	Headers    map[string]string `json:"headers,omitempty" doc:"sent with each request; no secrets"`
	Limits     *ProviderLimits   `json:"limits,omitempty"`
	Timeouts   *ProviderTimeouts `json:"timeouts,omitempty"`
	Extras     bool              `json:"extras,omitempty" doc:"one of the installation's is asked for what costs more than a model's tokens, too: searches, other tiers, tools that it runs"`
	Off        bool              `json:"off,omitempty" doc:"it is asked for nothing"`
	Note       string            `json:"note,omitempty" maxLength:"500"`
}

// ProviderModel is a model that a provider has.
type ProviderModel struct {
	Name  string      `json:"name" minLength:"1" maxLength:"200" example:"gpt-5-mini"`
	Price *core.Price `json:"price,omitempty" doc:"default: that of model/NAME in the price list; of an org's own provider: nothing"`
}

// ProviderLimits keep a provider from being asked too much, by each node and operation.
type ProviderLimits struct {
	Concurrent int `json:"concurrent,omitempty" minimum:"0" doc:"calls under way; default: 1000"`
	Failures   int `json:"failures,omitempty" minimum:"0" doc:"after which it is left alone for a while; default: 5"`
	FailuresOf int `json:"failures_of,omitempty" minimum:"0" doc:"of how many calls; default: 10"`
	OpenMS     int `json:"open_ms,omitempty" minimum:"0" doc:"for how long; then one call tries it; default: 15000"`
}

// ProviderTimeouts bound the parts of a call, in milliseconds.
type ProviderTimeouts struct {
	ConnectMS int `json:"connect_ms,omitempty" minimum:"0" doc:"default: 10000"`
	FirstMS   int `json:"first_ms,omitempty" minimum:"0" doc:"until the first token of a stream; default: 90000"`
	IdleMS    int `json:"idle_ms,omitempty" minimum:"0" doc:"between two pieces of a stream; default: 30000"`
	TotalMS   int `json:"total_ms,omitempty" minimum:"0" doc:"of the whole call; default: 120000"`
}

// ModelTest says what became of trying a provider.
type ModelTest struct {
	Works  bool         `json:"works" doc:"something was tried, and all that was works"`
	Models []string     `json:"models" doc:"that it has"`
	Trials []ModelTrial `json:"trials"`
}

// ModelTrial is one call to a provider.
type ModelTrial struct {
	Operation string    `json:"operation" doc:"models, chat, responses, messages, embeddings, count_tokens or compact"`
	Model     string    `json:"model,omitempty"`
	TookMS    int64     `json:"took_ms"`
	Skipped   string    `json:"skipped,omitempty" doc:"why it wasn't tried"`
	Code      core.Code `json:"code,omitempty" doc:"of what went wrong"`
	Message   string    `json:"message,omitempty"`
	Hint      string    `json:"hint,omitempty"`
}

// ModelRoute says where calls for a name go.
type ModelRoute struct {
	Name     string     `json:"name"`
	Owner    string     `json:"owner" enum:"org,installation"`
	Revision int64      `json:"revision" doc:"for If-Match"`
	Changed  *time.Time `json:"changed,omitempty"`
	NewModelRoute
	ETag string `json:"-"`
}

// NewModelRoute is a route to be.
type NewModelRoute struct {
	Targets []RouteTarget `json:"targets" minItems:"1" maxItems:"20"`
	Sticky  bool          `json:"sticky,omitempty" doc:"calls that begin alike go to the same target, for its prompt cache"`
	Note    string        `json:"note,omitempty" maxLength:"500"`
}

// RouteTarget is one way of a route.
type RouteTarget struct {
	Provider string `json:"provider" minLength:"1" maxLength:"40" example:"openai"`
	Model    string `json:"model" minLength:"1" maxLength:"200" example:"gpt-5-mini"`
	Weight   int    `json:"weight,omitempty" minimum:"0" maximum:"1000" doc:"its part among those of its tier; default: 1"`
	Tier     int    `json:"tier,omitempty" minimum:"0" maximum:"7" doc:"tried when all below it have failed; from 0"`
}

// ModelSettings are what an org has set about its calls.
type ModelSettings struct {
	PromptDays   int          `json:"prompt_days" minimum:"0" maximum:"90" doc:"for how many days prompts and answers are kept, encrypted; 0: they aren't"`
	CacheMinutes int          `json:"cache_minutes" minimum:"0" maximum:"10080" doc:"for how long an answer is given again to an exact repeat of a call by one of cache_keys; 0: never"`
	CacheKeys    []core.KeyID `json:"cache_keys,omitempty" maxItems:"100" doc:"API keys, by id"`
	RoutesOnly   bool         `json:"routes_only" doc:"nothing but routes can be asked for: neither a model's own name nor PROVIDER/MODEL"`
	ETag         string       `json:"-"`
}

// modelPath is where an org's are, or the installation's.
func modelPath(installation bool, rest string) string {
	if installation {
		return "/v1/installation/gateway/" + rest
	}
	return "/v1/gateway/" + rest
}

// ModelProviders returns the org's own providers and, with less, the installation's; or for
// an operator the installation's.
func (c *Client) ModelProviders(ctx context.Context, installation bool) ([]ModelProvider, error) {
	return get[[]ModelProvider](ctx, c, modelPath(installation, "providers"), nil)
}

// ModelProvider returns one.
func (c *Client) ModelProvider(ctx context.Context, installation bool, name string) (p ModelProvider, err error) {
	p.ETag, err = c.call(ctx, request{method: http.MethodGet, path: modelPath(installation, "providers/"+escape(name))}, &p)
	return p, err
}

// PutModelProvider makes a provider, or changes one. etag is that of the one it is based on;
// "": whatever is there.
func (c *Client) PutModelProvider(ctx context.Context, installation bool, name string, n NewModelProvider, etag string) (p ModelProvider, err error) {
	p.ETag, err = c.call(ctx, request{
		method: http.MethodPut, path: modelPath(installation, "providers/"+escape(name)), body: n, header: map[string]string{"If-Match": etag},
	}, &p)
	return p, err
}

// DeleteModelProvider removes one.
func (c *Client) DeleteModelProvider(ctx context.Context, installation bool, name, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: modelPath(installation, "providers/"+escape(name)), header: map[string]string{"If-Match": etag}}, nil)
	return err
}

// TestModelProvider tries one, by a model or, for "", by one that it has.
func (c *Client) TestModelProvider(ctx context.Context, installation bool, name, model string) (out ModelTest, err error) {
	_, err = c.call(ctx, request{
		method: http.MethodPost, path: modelPath(installation, "providers/"+escape(name)+"/test"), query: with(nil, "model", model),
	}, &out)
	return out, err
}

// ModelRoutes returns the org's own routes and the installation's; or for an operator the
// installation's.
func (c *Client) ModelRoutes(ctx context.Context, installation bool) ([]ModelRoute, error) {
	return get[[]ModelRoute](ctx, c, modelPath(installation, "routes"), nil)
}

func routeQuery(name string) url.Values { return with(nil, "name", name) }

// PutModelRoute makes a route, or changes one, as PutModelProvider does.
func (c *Client) PutModelRoute(ctx context.Context, installation bool, name string, n NewModelRoute, etag string) (r ModelRoute, err error) {
	r.ETag, err = c.call(ctx, request{
		method: http.MethodPut, path: modelPath(installation, "routes"), query: routeQuery(name), body: n, header: map[string]string{"If-Match": etag},
	}, &r)
	return r, err
}

// DeleteModelRoute removes one.
func (c *Client) DeleteModelRoute(ctx context.Context, installation bool, name, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: modelPath(installation, "routes"), query: routeQuery(name), header: map[string]string{"If-Match": etag}}, nil)
	return err
}

// ModelSettings returns the org's.
func (c *Client) ModelSettings(ctx context.Context) (s ModelSettings, err error) {
	s.ETag, err = c.call(ctx, request{method: http.MethodGet, path: modelPath(false, "settings")}, &s)
	return s, err
}

// SetModelSettings sets them. etag is that of those they are based on; "": whatever is there.
func (c *Client) SetModelSettings(ctx context.Context, n ModelSettings, etag string) (s ModelSettings, err error) {
	s.ETag, err = c.call(ctx, request{method: http.MethodPut, path: modelPath(false, "settings"), body: n, header: map[string]string{"If-Match": etag}}, &s)
	return s, err
}

// InstallationSecrets returns the credentials of the installation, for an operator.
func (c *Client) InstallationSecrets(ctx context.Context) ([]Secret, error) {
	return get[[]Secret](ctx, c, "/v1/installation/secrets", nil)
}

// PutInstallationSecret makes a credential of the installation, or changes one, as PutSecret
// does; for an operator.
func (c *Client) PutInstallationSecret(ctx context.Context, name string, n NewSecret, etag string) (s Secret, err error) {
	s.ETag, err = c.call(ctx, request{
		method: http.MethodPut, path: "/v1/installation/secrets/" + escape(name), body: n, header: map[string]string{"If-Match": etag},
	}, &s)
	return s, err
}

// DeleteInstallationSecret removes one, for an operator.
func (c *Client) DeleteInstallationSecret(ctx context.Context, name, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: "/v1/installation/secrets/" + escape(name), header: map[string]string{"If-Match": etag}}, nil)
	return err
}
