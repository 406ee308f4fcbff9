package platform

import (
	"cmp"
	"context"
	"net/http"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/home"
	"github.com/isekai-run/isekai/internal/tool/request"
	watchtool "github.com/isekai-run/isekai/internal/tool/watch"
	"github.com/isekai-run/isekai/internal/tool/web"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// Search says which engine web_search asks. Without a kind there is no such tool.
type Search struct {
	Kind string `koanf:"kind" json:"kind"` // searxng or brave: the API that it has
	URL  string `koanf:"url" json:"url"`   // of SearXNG; of an API like Brave's, or empty for Brave's own
	// Credential names what the engine wants to be shown: the project's, the org's, or else the
	// installation's. For Brave it is of the kind header, X-Subscription-Token.
	Credential string `koanf:"credential" json:"credential"`
}

func (s Search) engine() web.Engine {
	e := web.Engine{Kind: web.Kind(s.Kind), URL: s.URL}
	if e.Kind == web.Brave {
		e.URL = cmp.Or(e.URL, web.BraveURL)
	}
	return e
}

func (s Search) check() error {
	if s == (Search{}) {
		return nil
	}
	if err := s.engine().Check(); err != nil {
		return core.E(core.Invalid, "config", "search.kind or search.url can't be used").WithHint(cmp.Or(core.HintOf(err), configHint)).Because(err)
	}
	return nil
}

// engines is web.Engines: one engine for all, to which a project may show a key of its own.
type engines struct {
	cfg     Search
	outside outside
}

// Engine implements web.Engines.
func (e engines) Engine(context.Context, core.Scope) (web.Engine, error) {
	one := e.cfg.engine()
	if e.cfg.Credential != "" {
		one.Authorize = e.authorize
	}
	return one, nil
}

func (e engines) authorize(ctx context.Context, c tool.Call, r *http.Request) error {
	err := e.outside.Authorize(ctx, c, "web_search", e.cfg.Credential, r)
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	c.Scope.Org, c.Scope.Project = core.Installation, core.DefaultProject
	err = e.outside.Authorize(ctx, c, "web_search", e.cfg.Credential, r)
	if core.CodeOf(err) == core.NotFound {
		return core.E(core.Denied, "web_search", "the search engine wants a key, and there is no credential "+e.cfg.Credential).
			WithHint("an admin stores one for the project, or an operator for all: isekai secret set " + e.cfg.Credential + " --kind header --header X-Subscription-Token --host " + credential.Place(r.URL.Scheme+"://"+r.URL.Host)).Because(err)
	}
	return err
}

// Home says which home agents see and change. Without a kind there are no such tools.
type Home struct {
	Kind       string `koanf:"kind" json:"kind"`             // homeassistant, homey or homey-cloud
	URL        string `koanf:"url" json:"url"`               // of its server
	Credential string `koanf:"credential" json:"credential"` // the name of it: a project that has none of the name sees no home
}

func (h Home) home() home.Home {
	return home.Home{Kind: home.Kind(h.Kind), URL: h.URL, Credential: h.Credential}
}

func (h Home) check() error {
	if h == (Home{}) {
		return nil
	}
	if err := h.home().Check(); err != nil {
		return core.E(core.Invalid, "config", "home.kind, home.url or home.credential can't be used").WithHint(cmp.Or(core.HintOf(err), configHint)).Because(err)
	}
	return nil
}

// webTools are the tools that reach what is outside.
func (n *node) webTools() []tool.Tool {
	out := outside{n.outside, n.secrets}
	n.fetcher = web.NewFetcher(web.Config{Outside: out})
	n.openWatches()
	all := append(request.Tools(out), web.NewFetch(n.fetcher, pdfText))
	all = append(all, watchtool.Tools(watched{n.watches})...)
	if n.cfg.Home.Kind != "" {
		all = append(all, home.Tools(out, n.cfg.Home.home())...)
	}
	if n.cfg.Search.Kind != "" {
		all = append(all, web.NewSearch(out, engines{n.cfg.Search, out}))
	}
	return all
}

// aimed is what a credential is wanted for where a model may have said which host it goes to:
// one that names no hosts goes to none.
func aimed(c tool.Call, name, host string) credential.For {
	return credential.For{Task: c.Task, Tool: name, Host: host, Listed: true}
}
