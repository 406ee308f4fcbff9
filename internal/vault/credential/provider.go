package credential

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/isekai-run/isekai/internal/core"
)

// Provider is a service that people can connect to. Kind fills in what isn't given.
type Provider struct {
	Name string // in URLs, of lower-case letters and digits: "github"
	Kind string // "github", "gitlab", "google", "entra", or "" for any other
	// Base is the URL of a GitHub Enterprise or GitLab of one's own.
	Base string
	// Tenant is Entra's: a directory's id or domain; "organizations" if "".
	Tenant string

	ClientID     string
	ClientSecret Secret // none for a public client

	AuthURL   string
	TokenURL  string
	RevokeURL string // "": it has none
	// Issuer is its name in answers (RFC 9207); "": it doesn't give one. With neither AuthURL
	// nor TokenURL the endpoints are those of its document, which is read when it is needed.
	Issuer string
	// Named says that each answer names the Issuer: one that doesn't is refused.
	Named bool
	// Post sends the client's id and secret in the body instead of a header.
	Post bool
	// Scopes are the most that is asked for, and what is asked for unless less is.
	Scopes []string
	// Params go along to AuthURL, as what makes a provider give a refresh token.
	Params map[string]string
	// Hosts are those that its tokens may be sent to; none: all.
	Hosts []string
}

// The kinds of provider.
const (
	github = "github"
	gitlab = "gitlab"
	google = "google"
	entra  = "entra"
)

// complete fills in what the provider's kind says, and checks the whole.
func (p Provider) complete() (Provider, error) {
	bad := core.E(core.Invalid, "connection", "the provider "+p.Name+" can't be used")
	if p.Name == "" || len(p.Name) > maxName || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || p.ClientID == "" {
		return p, bad.WithHint("give it a name, of lower-case letters and digits, and a client id")
	}
	if !p.preset() {
		return p, bad.WithHint("its kind is one of github, gitlab, google and entra, or none")
	}
	p.Post = p.Post || p.ClientSecret.IsZero() // a public client has nothing for a header
	ends := []string{p.AuthURL, p.TokenURL, cmp.Or(p.RevokeURL, p.TokenURL)}
	if p.hidden() {
		ends = []string{p.Issuer}
	}
	for _, u := range ends {
		if !reachable(u) {
			return p, bad.WithHint("give its endpoints or its issuer, with https")
		}
	}
	p.Hosts = slices.Clone(p.Hosts)
	for i, h := range p.Hosts {
		p.Hosts[i] = Place(h)
	}
	return p, nil
}

// reachable reports whether a URL is one to send secrets to.
func reachable(u string) bool {
	at, err := url.Parse(u)
	return err == nil && at.Host != "" && private(at)
}

// CheckProviders returns invalid for providers that a Service wouldn't take.
func CheckProviders(all []Provider) error {
	_, err := completed(all)
	return err
}

// completed returns the providers by name.
func completed(all []Provider) (map[string]*Provider, error) {
	byName := make(map[string]*Provider, len(all))
	for _, p := range all {
		p, err := p.complete()
		if err != nil {
			return nil, err
		}
		if byName[p.Name] != nil {
			return nil, core.E(core.Invalid, "credential", "two providers have the name "+p.Name).WithHint("give each its own")
		}
		byName[p.Name] = &p
	}
	return byName, nil
}

// preset fills in what isn't given. It returns false for a kind that isn't known.
func (p *Provider) preset() bool {
	or := func(field *string, value string) { *field = cmp.Or(*field, value) }
	base := strings.TrimSuffix(p.Base, "/")
	switch p.Kind {
	case "":
	case github: // docs.github.com/apps/oauth-apps
		api := base + "/api/v3"
		if base == "" {
			base, api = "https://github.com", "https://api.github.com"
		}
		or(&p.AuthURL, base+"/login/oauth/authorize")
		or(&p.TokenURL, base+"/login/oauth/access_token")
		or(&p.RevokeURL, api+"/applications/"+url.PathEscape(p.ClientID)+"/grant")
		p.Post = true
	case gitlab: // docs.gitlab.com/api/oauth2
		base = cmp.Or(base, "https://gitlab.com")
		or(&p.AuthURL, base+"/oauth/authorize")
		or(&p.TokenURL, base+"/oauth/token")
		or(&p.RevokeURL, base+"/oauth/revoke")
		p.Post = true
	case google: // developers.google.com/identity/protocols/oauth2/web-server
		or(&p.AuthURL, "https://accounts.google.com/o/oauth2/v2/auth")
		or(&p.TokenURL, "https://oauth2.googleapis.com/token")
		or(&p.RevokeURL, "https://oauth2.googleapis.com/revoke")
		p.Post = true
		if p.Params == nil {
			p.Params = map[string]string{"access_type": "offline", "prompt": "consent"}
		}
	case entra: // learn.microsoft.com/entra/identity-platform; it has no way to revoke one grant
		base = "https://login.microsoftonline.com/" + url.PathEscape(cmp.Or(p.Tenant, "organizations")) + "/oauth2/v2.0"
		or(&p.AuthURL, base+"/authorize")
		or(&p.TokenURL, base+"/token")
		p.Post = true
		if !slices.Contains(p.Scopes, "offline_access") {
			p.Scopes = append(slices.Clone(p.Scopes), "offline_access")
		}
	default:
		return false
	}
	return true
}

// client is the provider as x/oauth2 has it: made anew for each use, for it shows its secret.
// The way to authenticate is always said, since finding it out sends a code or a refresh
// token twice, and either works once.
func (p *Provider) client(redirect string, scopes []string) *oauth2.Config {
	style := oauth2.AuthStyleInHeader
	if p.Post {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: p.AuthURL, TokenURL: p.TokenURL, AuthStyle: style},
	}
}

// asked returns the scopes to ask for.
func (p *Provider) asked(wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return p.Scopes, nil
	}
	for _, scope := range wanted {
		if !slices.Contains(p.Scopes, scope) {
			return nil, core.E(core.Invalid, "connection.begin", "the scope isn't one that may be asked for").WithHint("ask for some of " + strings.Join(p.Scopes, ", "))
		}
	}
	return wanted, nil
}

// another reports whether an answer is another provider's, by the issuer that it names (RFC 9207).
func (p *Provider) another(issuer string) bool {
	if issuer == "" {
		return p.Named
	}
	return p.Issuer != "" && !sameIssuer(issuer, p.Issuer)
}

// Providers returns the names of those that people can connect to, sorted.
func (s *Service) Providers() []string { return slices.Sorted(maps.Keys(s.providers)) }

// ProviderOf returns the name of the provider that has the issuer, or whose endpoint is the
// issuer's; "": there is none.
func (s *Service) ProviderOf(issuer string) string {
	issuer = strings.TrimSuffix(issuer, "/")
	for _, name := range s.Providers() {
		p := s.providers[name]
		if issuer != "" && (strings.TrimSuffix(p.Issuer, "/") == issuer || strings.HasPrefix(p.AuthURL, issuer+"/")) {
			return name
		}
	}
	return ""
}
