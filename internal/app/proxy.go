package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// maxBody bounds a request to an app, in bytes: what its box can store in a file.
const maxBody = 64 << 20

// Proxy serves previews, each at its own host name: <name>.<Base>. Requests and
// answers stream through, WebSocket and other upgrades included. A stopped app
// and an unknown one have a page that says so.
//
// An app gets what its own origin may have: the request as it came, without the
// platform's cookies and headers. What it answers can't set a cookie for its
// neighbours. Requests for an app whose home is another node are passed on to that.
// Timeouts on reading a request are the http.Server's, to be set by who serves the Proxy.
type Proxy struct {
	Service *Service
	Base    string // "localhost", or a domain with a wildcard record
	// InUse returns not_found for a project whose apps nobody gets to. nil: all do.
	InUse func(context.Context, core.OrgID, core.ProjectID) error
}

// Handles reports whether a Host header names an app: a label below Base.
func (x *Proxy) Handles(host string) bool {
	_, ok := x.label(host)
	return ok
}

// Named returns whose the app of that name is, by what this process knows; false: nobody's.
func (s *Service) Named(name string) (core.OrgID, bool) {
	at, ok := s.names.find(name)
	return at.org, ok
}

func (x *Proxy) label(host string) (string, bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	name, ok := strings.CutSuffix(host, "."+x.Base)
	return name, ok && name != ""
}

// ServeHTTP implements http.Handler.
func (x *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _ := x.label(r.Host)
	at, ok := x.Service.named(r.Context(), name)
	if ok && x.InUse != nil {
		// Any other failure keeps nobody from an app that runs.
		ok = core.CodeOf(x.InUse(r.Context(), at.org, at.project)) != core.NotFound
	}
	if !ok {
		writePage(w, r, pageUnknown)
		return
	}
	x.Service.admit(w, r, at)
}

// named finds an app of any org. One that another node has made may take a moment.
func (s *Service) named(ctx context.Context, name string) (ref, bool) {
	at, ok := s.names.find(name)
	if ok || !s.names.ask(time.Now()) {
		return at, ok
	}
	if err := s.Restore(ctx); err != nil {
		s.cfg.Logger.Warn("the names of apps can't be read", "err", err)
	}
	return s.names.find(name)
}

// reverseProxy returns the way into one box. It is made once for each preview,
// so that its connections are kept and end with it.
func reverseProxy(app core.AppID, transport http.RoundTripper, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      transport,
		FlushInterval:  -1,
		ModifyResponse: confine,
		ErrorLog:       slog.NewLogLogger(log.With("app", app).Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			writePage(w, r, pageSilent.about(app))
		},
	}
}

// rewrite addresses a request to the box. ReverseProxy has removed hop-by-hop
// and forwarding headers by then; Host stays what the client sent.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = "http", address
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for name := range r.Out.Header {
		if hasPrefix(name, "X-Forwarded-") || hasPrefix(name, "X-Isekai-") || hasPrefix(name, "Isekai-") || name == "X-Real-Ip" {
			r.Out.Header.Del(name)
		}
	}
	for i, line := range r.Out.Header["Cookie"] {
		r.Out.Header["Cookie"][i] = withoutPlatform(line)
	}
}

// withoutPlatform drops the platform's cookies from a Cookie header, and leaves
// the others exactly as they were.
func withoutPlatform(line string) string {
	parts := strings.Split(line, ";")
	kept := slices.DeleteFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		return platformCookie(name)
	})
	return strings.TrimSpace(strings.Join(kept, ";"))
}

// confine keeps what an app answers to its own host. An error is an answer that
// isn't HTTP: a status below 100 would make net/http panic.
func confine(res *http.Response) error {
	if res.StatusCode < 100 {
		return fmt.Errorf("the app answered with status %03d", res.StatusCode)
	}
	res.Header.Del("Clear-Site-Data") // a browser clears the cookies of the whole domain
	confineCookies(res)
	return nil
}

// confineCookies makes an app's cookies its own host's alone.
func confineCookies(res *http.Response) {
	set := res.Header["Set-Cookie"]
	kept := set[:0]
	for _, line := range set {
		parts := strings.Split(line, ";")
		name, _, _ := strings.Cut(strings.TrimSpace(parts[0]), "=")
		if platformCookie(name) {
			continue
		}
		out := parts[:1]
		for _, attribute := range parts[1:] {
			key, _, _ := strings.Cut(attribute, "=")
			if !strings.EqualFold(strings.TrimSpace(key), "Domain") {
				out = append(out, attribute)
			}
		}
		kept = append(kept, strings.Join(out, ";"))
	}
	if len(set) > 0 {
		res.Header["Set-Cookie"] = kept
	}
}

// platformCookie reports whether a cookie is Isekai's own.
func platformCookie(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(name), "__host-"), "__secure-")
	return strings.HasPrefix(name, "isekai")
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
