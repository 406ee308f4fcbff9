package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// The names of cookies that hold a session: with TLS, and on loopback without it. A
// browser takes the first from this very host alone, over TLS; so that no neighbour can
// have put it there, the second isn't looked at where there is TLS.
const (
	secureCookie = "__Host-isekai"
	plainCookie  = "isekai"
)

// flowSuffix is added to the name for a sign-in that is under way at an issuer.
const flowSuffix = "-flow"

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

// sessionCookie returns the cookie that holds a session until it expires; an empty value
// takes it away. No script sees it, and no other site's page has it sent.
func sessionCookie(ctx context.Context, value string, expires time.Time) http.Cookie {
	return newCookie(cookieName(requestOf(ctx).secure), value, expires, requestOf(ctx).secure, http.SameSiteStrictMode)
}

// flowCookie is a sessionCookie for the state of a sign-in at an issuer, whose page leads
// back here: it is sent with that.
func flowCookie(ctx context.Context, value string, expires time.Time) http.Cookie {
	return newCookie(cookieName(requestOf(ctx).secure)+flowSuffix, value, expires, requestOf(ctx).secure, http.SameSiteLaxMode)
}

// flow returns what flowCookie has put there, or "".
func flow(ctx context.Context) string { return requestOf(ctx).flow }

func newCookie(name, value string, expires time.Time, secure bool, site http.SameSite) http.Cookie {
	c := http.Cookie{Name: name, Value: value, Path: "/", Expires: expires, Secure: secure, HttpOnly: true, SameSite: site}
	if value == "" {
		c.Expires, c.MaxAge = time.Time{}, -1
	}
	return c
}

// readCookie returns the one value that a cookie has in a request. If there are several,
// somebody else has put one there: none is taken. Nor is one whose name net/http takes for this
// by dropping the space after it: a browser may keep no promise of the name's prefix for that.
func readCookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if strings.HasPrefix(strings.TrimLeft(pair, " \t"), name+"=") {
				return found[0].Value
			}
		}
	}
	return ""
}
