package platform

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// Connections say which services people can connect to by OAuth. They send browsers back to
// /v1/connections/callback below public.url.
type Connections struct {
	Providers []OAuthProvider `koanf:"providers" json:"providers"`
}

// OAuthProvider is one of them: see credential.Provider. Its endpoints are those of its kind,
// those that its issuer's document has, or those that are given.
type OAuthProvider struct {
	Name             string            `koanf:"name" json:"name"`
	Kind             string            `koanf:"kind" json:"kind,omitempty"`     // github, gitlab, google, entra; or none
	Base             string            `koanf:"base" json:"base,omitempty"`     // URL of a GitHub Enterprise or GitLab of one's own
	Tenant           string            `koanf:"tenant" json:"tenant,omitempty"` // Entra's
	ClientID         string            `koanf:"client_id" json:"client_id"`
	ClientSecret     Secret            `koanf:"client_secret" json:"client_secret,omitempty"`
	ClientSecretFile string            `koanf:"client_secret_file" json:"client_secret_file,omitempty"`
	Issuer           string            `koanf:"issuer" json:"issuer,omitempty"`
	AuthURL          string            `koanf:"auth_url" json:"auth_url,omitempty"`
	TokenURL         string            `koanf:"token_url" json:"token_url,omitempty"`
	RevokeURL        string            `koanf:"revoke_url" json:"revoke_url,omitempty"`
	SecretInBody     bool              `koanf:"secret_in_body" json:"secret_in_body,omitempty"` // instead of a header
	Scopes           []string          `koanf:"scopes" json:"scopes,omitempty"`
	Params           map[string]string `koanf:"params" json:"params,omitempty"` // of the address that people agree at, as access_type: offline
	Hosts            []string          `koanf:"hosts" json:"hosts,omitempty"`   // that its tokens may be sent to; none: all
}

// settings are the keys of an OAuthProvider. What is in a list isn't among those that the
// configuration knows.
var settings = []string{
	"name", "kind", "base", "tenant", "client_id", "client_secret", "client_secret_file", "issuer", "auth_url", "token_url", "revoke_url", "secret_in_body", "scopes", "params", "hosts",
}

// checkProviders refuses what a list of providers has that isn't a setting of one.
func checkProviders(list any) error {
	all, _ := list.([]any)
	for _, item := range all {
		provider, ok := item.(map[string]any)
		if !ok {
			return core.E(core.Invalid, "config", "connections.providers has something that isn't a provider").WithHint("give each a name and a client_id")
		}
		for key := range provider {
			if !slices.Contains(settings, key) {
				return core.E(core.Invalid, "config", "unknown setting "+key+" of a provider in connections.providers").WithHint("its settings are: " + strings.Join(settings, ", "))
			}
		}
	}
	return nil
}

// check sees that each can be used. Files of secrets are read when the node starts.
func (c Connections) check() error {
	var all []credential.Provider
	for _, p := range c.Providers {
		if p.ClientSecret != "" && p.ClientSecretFile != "" {
			return core.E(core.Invalid, "config", "the provider "+p.Name+" has both client_secret and client_secret_file").WithHint("leave one out")
		}
		all = append(all, p.provider(p.ClientSecret.Reveal()))
	}
	return credential.CheckProviders(all)
}

// provider is it as the vault has it.
func (p OAuthProvider) provider(secret string) credential.Provider {
	return credential.Provider{
		Name: p.Name, Kind: p.Kind, Base: p.Base, Tenant: p.Tenant, ClientID: p.ClientID, ClientSecret: credential.NewSecret(secret), Issuer: p.Issuer,
		AuthURL: p.AuthURL, TokenURL: p.TokenURL, RevokeURL: p.RevokeURL, Post: p.SecretInBody, Scopes: p.Scopes, Params: p.Params, Hosts: p.Hosts,
	}
}

// providers are all of them, with their secrets.
func (c Connections) providers() (all []credential.Provider, err error) {
	for _, p := range c.Providers {
		secret := p.ClientSecret.Reveal()
		if p.ClientSecretFile != "" {
			if secret, err = lineOf(p.ClientSecretFile); err != nil {
				return nil, core.E(core.Invalid, "config", "the client_secret_file of the provider "+p.Name+" can't be read").Because(err).WithHint("name a file that holds the client's secret alone")
			}
		}
		all = append(all, p.provider(secret))
	}
	return all, nil
}

// lineOf reads a file of one line.
func lineOf(path string) (string, error) {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(b))
	if line == "" || strings.ContainsAny(line, "\r\n") {
		return "", core.E(core.Invalid, "config", path+" has "+strconv.Itoa(strings.Count(line, "\n"))+" line breaks in it, or nothing")
	}
	return line, nil
}

// openSecrets opens the credentials, and in a server has what is due of them done.
func (n *node) openSecrets(context.Context) error {
	providers, err := n.cfg.Connections.providers()
	if err != nil {
		return err
	}
	n.secrets, err = credential.New(credential.Config{
		Records: n.store, Terms: n.driver, Log: n.log, HTTP: n.outside.Client(), Orgs: n.driver.KeysetOrgs, Every: tendEvery,
		Providers: providers, Redirect: n.connectURL() + httpapi.ConnectionCallback,
		Audit: func(ctx context.Context, e credential.Event) error {
			return n.audit.Record(ctx, e.Org, auditlog.Entry{
				Action: e.Action, Actor: e.Actor, Project: e.Project, Target: e.Target, Outcome: e.Outcome, Detail: e.Detail, At: e.At, Address: httpapi.Whence(ctx),
			})
		},
	})
	if err != nil {
		return err
	}
	n.stages.add("secrets", n.secrets.Shutdown)
	return nil
}

// tendEvery is how often what is due of credentials is looked for.
const tendEvery = 5 * time.Minute

// connectURL is where providers send browsers back to: where a server is, or would be.
func (n *node) connectURL() string {
	if n.mode == cli.Serving {
		return n.publicURL()
	}
	return cmp.Or(n.cfg.Public.URL, "http://"+n.cfg.Listen)
}
