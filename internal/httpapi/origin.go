package httpapi

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// CheckOrigin returns an Invalid error for what can't be on the list of origins whose
// pages use the API with their user's session: it is exactly one, over TLS, and no page of
// the user's own machine unless this is for development.
func CheckOrigin(origin string, development bool) error {
	wrong := func(why string) error {
		return core.E(core.Invalid, "origins", origin+" "+why).WithHint("as in https://console.example.com, each by itself")
	}
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin:
		return wrong("isn't an origin")
	case strings.Contains(u.Host, "*"):
		return wrong("stands for several")
	case !development && ownMachine(u.Hostname()):
		return wrong("is whatever runs on the user's own machine")
	case !development && u.Scheme != "https":
		return wrong("isn't over TLS")
	}
	return nil
}

// ownMachine reports whether a host is the one that a browser runs on.
func ownMachine(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback() || ip.IsUnspecified()
	}
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// crossing is what pages of other origins may do.
type crossing struct {
	origins []string
	guard   *http.CrossOriginProtection
	methods func(*http.Request) []string // of the request's path
}

func newCrossing(origins []string, methods func(*http.Request) []string) (*crossing, error) {
	c := &crossing{origins: origins, guard: http.NewCrossOriginProtection(), methods: methods}
	for _, o := range origins {
		if err := CheckOrigin(o, true); err != nil { // whose development it is, the configuration knows
			return nil, err
		}
		if err := c.guard.AddTrustedOrigin(o); err != nil {
			return nil, core.E(core.Invalid, "origins", o+" isn't an origin").Because(err)
		}
	}
	return c, nil
}

// What pages of the listed origins may send and see besides what every page may.
const (
	sentHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, Isekai-Project, Last-Event-ID, Isekai-Cache, " +
		// What clients of models' APIs send.
		"X-Api-Key, Anthropic-Version, Anthropic-Beta, Anthropic-Dangerous-Direct-Browser-Access, OpenAI-Beta, " +
		"X-Stainless-Arch, X-Stainless-Async, X-Stainless-Custom-Poll-Interval, X-Stainless-Helper, X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS, " +
		"X-Stainless-Package-Version, X-Stainless-Poll-Helper, X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout"
	seenHeaders = "ETag, Idempotency-Replayed, Isekai-Answer, Isekai-Cache, Isekai-Model, Isekai-Provider, Location, RateLimit, RateLimit-Policy, Request-Id, Retry-After, X-Request-Id"
)

// protect has next see no request by which a page of another origin would change
// something, unless the origin is listed; and lets the pages of listed ones read answers
// (CORS, as in the Fetch standard).
func (c *crossing) protect(deny func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	c.guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deny(w, r, core.E(core.Denied, "request", "a page of another origin can't do this").
			WithHint("an operator lists the origins that may, in the setting public.origins"))
	}))
	next = c.guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(c.origins) > 0 {
			w.Header().Set("Vary", "Origin")
		}
		if origin := r.Header.Get("Origin"); slices.Contains(c.origins, origin) {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", seenHeaders)
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", strings.Join(c.methods(r), ", "))
				h.Set("Access-Control-Allow-Headers", sentHeaders)
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
