package platform

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog/probe"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// openCatalog opens what is known of where models are. The configured model is a provider of
// all orgs.
func (n *node) openCatalog() (err error) {
	static, secrets := n.models.static(n.cfg.Model)
	if n.embedder != nil {
		static = append(static, n.embedder.spec())
	}
	n.catalog, err = catalog.New(catalog.Config{
		Records: n.store, Static: static,
		Secretive: func(text string) bool { return n.filter.Redact(text) != text },
	})
	if err != nil {
		return core.E(core.Invalid, "config", "the configured model can't be used").WithHint(cmp.Or(core.HintOf(err), configHint)).Because(err)
	}
	n.modelSecrets = catalog.NewSecrets(catalog.SecretsConfig{Vault: modelVault{n.secrets}, Static: secrets})
	return nil
}

// configuredProvider is the name of the provider of the configured model.
const configuredProvider = "default"

// static are the providers that the configuration has, and their secrets.
func (m models) static(cfg Model) ([]catalog.Spec, map[string]catalog.Secret) {
	if !m.configured {
		return nil, nil
	}
	s := catalog.Spec{
		Name: configuredProvider, Kind: catalog.Compatible, Address: cfg.BaseURL,
		Timeouts: catalog.Timeouts{Total: min(max(cfg.Timeout, time.Second), time.Hour)},
		Extras:   cfg.Extras,
	}
	var secret catalog.Secret
	if cfg.APIKey != "" || cfg.BaseURL != "" {
		s.Models, s.Others = []catalog.Model{{Name: m.defaultTo}}, true
		secret = catalog.NewSecret(cfg.APIKey.Reveal(), 1)
		if cfg.BaseURL == "" {
			s.Kind = catalog.OpenAI
		}
	} else {
		s.Kind, s.Address = catalog.Ollama, cfg.Ollama
		for _, name := range m.offered {
			if len(s.Models) < catalog.MaxModels {
				s.Models = append(s.Models, catalog.Model{Name: name})
			}
		}
	}
	return []catalog.Spec{s}, map[string]catalog.Secret{s.Name: secret}
}

// maxUnread is how much of an answer's bytes are taken before somebody reads them, about. 4 MiB of
// each are too many, which HTTP/2 takes else, and the 32 that a system's sockets may.
const maxUnread = 512 << 10

// modelTransport is a way to providers of models. Those of orgs go out as whatever users aim;
// those of the installation may be anywhere, and behind the environment's proxy. Neither
// unpacks what it carries. connect bounds the time until there is a connection.
func (n *node) modelTransport(ofOrg bool, connect time.Duration) *http.Transport {
	base, _ := http.DefaultTransport.(*http.Transport) // it is one
	t := base.Clone()
	dial := t.DialContext
	if ofOrg {
		dial, t.Proxy = n.outside.DialContext, nil
	}
	t.DialContext = unread(maxUnread, within(connect, dial))
	if n.embedder != nil && !ofOrg {
		n.embedder.way(t)
	}
	t.TLSHandshakeTimeout = connect
	t.DisableCompression = true
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 1024, 256, 90*time.Second
	t.MaxResponseHeaderBytes = 64 << 10
	t.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: maxUnread}
	return t
}

// modelTester tries providers, by connections of its own.
func (n *node) modelTester() *probe.Prober {
	const patience = 10 * time.Second
	ways := map[bool]*http.Transport{false: n.modelTransport(false, patience), true: n.modelTransport(true, patience)}
	for _, t := range ways {
		t.DisableKeepAlives = true
	}
	return probe.New(probe.Config{
		Way:    func(p *catalog.Provider) http.RoundTripper { return ways[p.Own()] },
		Secret: n.modelSecrets.Fresh,
	})
}

// modelVault gives the secrets of providers of models.
type modelVault struct{ secrets *credential.Service }

// shared returns a provider's credential: one that all projects of its org share.
func (v modelVault) shared(ctx context.Context, p *catalog.Provider) (credential.Credential, error) {
	c, err := v.secrets.Shared(ctx, p.Org, p.Credential)
	if core.CodeOf(err) == core.NotFound {
		return c, core.E(core.NotFound, "model.secret", "the credential "+p.Credential+" of the provider "+p.Name+" isn't there").
			WithHint(p.SetSecret())
	}
	return c, err
}

// Revision implements catalog.Vault.
func (v modelVault) Revision(ctx context.Context, p *catalog.Provider) (string, error) {
	c, err := v.shared(ctx, p)
	return fmt.Sprintf("%s/%d/%d", c.ID, c.Revision, c.Version), err
}

// Use implements catalog.Vault. Who may say where a provider is shall not get to see a secret
// by it: one that may be sent anywhere goes to the addresses that come with a kind, and one
// for some hosts to those.
func (v modelVault) Use(ctx context.Context, scope core.Scope, p *catalog.Provider, refused int64) (catalog.Secret, error) {
	const op = "model.secret"
	at := credential.Place(p.Origin())
	c, err := v.shared(ctx, p)
	switch {
	case err != nil:
		return catalog.Secret{}, err
	case len(c.Hosts) == 0 && !p.Usual():
		return catalog.Secret{}, core.E(core.Denied, op, "the credential "+p.Credential+" doesn't say that it is for "+at).
			WithHint(p.SetSecret())
	case p.Own() && !p.Private():
		return catalog.Secret{}, core.E(core.Denied, op, "a credential isn't sent without TLS").WithHint("give an address with https")
	}
	use := credential.For{Tool: "model " + p.Name, Host: at, Shared: true}
	if c.Kind == credential.OAuth {
		use.Refused = refused
	}
	by := core.Scope{Org: p.Org, Project: cmp.Or(scope.Project, core.DefaultProject), Actor: core.Actor{Kind: core.ActorSystem, ID: "gateway"}}
	got, err := v.secrets.Use(ctx, by, p.Credential, use)
	if core.CodeOf(err) == core.Denied && len(c.Hosts) > 0 && !slices.Contains(c.Hosts, at) {
		return catalog.Secret{}, core.E(core.Denied, op, "the credential "+p.Credential+" isn't for "+at).
			WithHint(p.SetSecret()).Because(err)
	}
	if err != nil {
		return catalog.Secret{}, err
	}
	s := catalog.NewSecret(got.Secret.Reveal(), got.Version)
	s.Until = got.Until
	switch got.Kind {
	case credential.Token, credential.OAuth:
	case credential.Basic:
		s.User = got.User
	case credential.Header:
		s.Header = got.Header
	default:
		return catalog.Secret{}, core.E(core.Unsupported, op, "a credential of the kind "+string(got.Kind)+" can't be sent with a call").
			WithHint("store it as a token, or as a header")
	}
	return s, nil
}
