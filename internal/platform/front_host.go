package platform

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/httpapi"
)

// ownKey marks, in a connection's context, that it came at the owner's listener or from
// within this process: nothing that a request says is as good.
type ownKey struct{}

// mark returns the server's BaseContext, of connections that end with ctx.
func (n *node) mark(ctx context.Context) func(net.Listener) context.Context {
	return func(l net.Listener) context.Context {
		return context.WithValue(ctx, ownKey{}, l == n.local || l == n.owner)
	}
}

// fromOwner reports whether a request came by a connection that only this machine's
// programs can make. A proxy on this machine isn't one: it comes at the public listener.
func fromOwner(ctx context.Context) bool {
	own, _ := ctx.Value(ownKey{}).(bool)
	return own
}

// site is what one listener serves, by the name that is asked for. Any other name is
// refused: one that somebody has pointed at this machine is not one of ours.
type site struct {
	api      http.Handler
	is       func(host string) bool // a name of the API
	previews http.Handler
	below    string // the domain of previews; "": there are none
}

// ServeHTTP implements http.Handler.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Host
	if h, _, err := net.SplitHostPort(asked); err == nil {
		asked = h
	}
	asked = strings.ToLower(strings.Trim(asked, "[]"))
	switch {
	case s.is(asked):
		s.api.ServeHTTP(w, r)
	case s.below != "" && strings.HasSuffix(asked, "."+s.below):
		unhurried(s.previews).ServeHTTP(w, r)
	default:
		http.Error(w, "no such host here", http.StatusMisdirectedRequest)
	}
}

// handler serves the API and the previews at all listeners: to who comes at the owner's, at
// the loopback's own names; and to all others at the public ones, as proxies say that they
// came.
func (n *node) handler(api http.Handler) (http.Handler, error) {
	proxies, err := n.cfg.Public.proxies()
	if err != nil {
		return nil, err
	}
	visitors := httpapi.NewVisitors(n.quotas(), n.cfg.Rates.rates(), n.log)
	public := func(base string) http.Handler { return visitors.Handler(n.previews(base)) }
	return byListener(httpapi.Proxies(nil).Handler(ownSite(api, n.previews)), proxies.Handler(publicSite(api, public, n.cfg.Public))), nil
}

func byListener(own, public http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fromOwner(r.Context()) {
			own.ServeHTTP(w, r)
		} else {
			public.ServeHTTP(w, r)
		}
	})
}

// ownSite has the API at the loopback's names and addresses, and previews below localhost.
func ownSite(api http.Handler, previews func(base string) http.Handler) site {
	is := func(host string) bool {
		ip := net.ParseIP(host)
		return host == "localhost" || ip != nil && ip.IsLoopback()
	}
	return site{api, is, previews("localhost"), "localhost"}
}

// publicSite has the API at the public name, and previews below the domain for them.
func publicSite(api http.Handler, previews func(base string) http.Handler, p Public) site {
	is := func(host string) bool { return host != "" && host == p.host() }
	return site{api, is, previews(p.Previews), p.Previews}
}

// unhurried serves without the time that the API has given another answer on the same
// connection: an app may take longer.
func unhurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a writer without deadlines is a test's
		next.ServeHTTP(w, r)
	})
}
