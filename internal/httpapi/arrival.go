package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses of those that end TLS before this server. Their word is taken
// on where a request came from and how, and nobody else's.
type Proxies []netip.Prefix

// arrival is how a request came to the first of our own machines.
type arrival struct {
	from   netip.Addr // not valid: from within this process
	secure bool       // over TLS
	passed bool       // by a proxy, so that from is what that has said, or its own
}

// own reports whether it came from this process or another on this machine. A proxy here
// that doesn't say for whom it asks isn't one: its clients are all one.
func (a arrival) own() bool { return !a.from.IsValid() || a.from.IsLoopback() && !a.passed }

type arrivalKey struct{}

// Handler has next see requests as they came to the proxies: RemoteAddr is the client's,
// with port 0 if a proxy has named it. Headers of forwarding go no further.
func (p Proxies) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := direct(r)
		if !p.trusts(a.from) && !forwards(r.Header) {
			next.ServeHTTP(w, r)
			return
		}
		ctx := r.Context()
		if p.trusts(a.from) {
			a = p.forwarded(a, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"])
			ctx = context.WithValue(ctx, arrivalKey{}, a)
		}
		passed := r.WithContext(ctx)
		passed.Header = r.Header.Clone()
		for _, name := range forwarding {
			passed.Header.Del(name)
		}
		if a.from != direct(r).from {
			passed.RemoteAddr = netip.AddrPortFrom(a.from, 0).String()
		}
		next.ServeHTTP(w, passed)
	})
}

// forwarding are the headers by which proxies say where a request came from.
var forwarding = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-Ip"}

func forwards(h http.Header) bool {
	for _, name := range forwarding {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false
}

// arrivalOf returns how a request came.
func arrivalOf(r *http.Request) arrival {
	if a, ok := r.Context().Value(arrivalKey{}).(arrival); ok {
		return a
	}
	return direct(r)
}

// direct is how a request came that no proxy has passed on.
func direct(r *http.Request) arrival {
	a := arrival{secure: r.TLS != nil}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		a.from = at.Addr().Unmap().WithZone("")
	}
	return a
}

func (p Proxies) trusts(a netip.Addr) bool {
	for _, known := range p {
		if known.Contains(a) {
			return true
		}
	}
	return false
}

// maxHops bounds how many proxies stand in a row.
const maxHops = 16

// forwarded reads what proxies have added to a request that came from one. Each has added
// whence it got it at the end of the list, so it is believed from there on, as long as
// those it names are ours: the first that isn't is the client. The rest is what the client
// itself has sent, and so is all of it where something isn't an address.
func (p Proxies) forwarded(a arrival, from, proto []string) arrival {
	hops := strings.Split(strings.Join(from, ","), ",")
	for i := len(hops) - 1; i >= 0 && len(hops)-i <= maxHops && p.trusts(a.from); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break
		}
		a.from = hop
	}
	a.passed, a.secure = true, len(proto) > 0
	for _, word := range strings.Split(strings.Join(proto, ","), ",") {
		a.secure = a.secure && strings.EqualFold(strings.TrimSpace(word), "https")
	}
	return a
}

// parseHop reads an address, which may have a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s, _ = strings.CutSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}
