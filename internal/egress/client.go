package egress

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Client returns the client. All of the Guard's callers share it and its connections; its
// fields must not be changed. It has no cookies. Errors of Do are wrapped by *url.Error:
// core.CodeOf finds denied, invalid, exhausted (too many redirects, too long an answer),
// not_found and unavailable.
func (g *Guard) Client() *http.Client { return g.client }

func (g *Guard) newClient() *http.Client {
	t := &http.Transport{
		Proxy:                  nil, // not from the environment: it would resolve in our place
		DialContext:            g.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  g.cfg.Silence,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: g.cfg.Header,
	}
	return &http.Client{
		Transport: &guarded{g, t}, CheckRedirect: g.redirect, Timeout: max(g.cfg.Timeout, 0),
	}
}

// Close closes the connections that nobody uses.
func (g *Guard) Close() { g.client.CloseIdleConnections() }

// guarded is the transport: it sees every request, those after redirects, too.
type guarded struct {
	guard *Guard
	next  *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (t *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	u, err := t.guard.check(r.URL)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as RoundTripper owes it
		}
		return nil, err
	}
	out := r.Clone(r.Context())
	out.URL, out.Host = u, ""
	out.Header.Del("Proxy-Authorization")
	resp, err := t.next.RoundTrip(out)
	if err != nil {
		var known *core.Error
		if errors.As(err, &known) || r.Context().Err() != nil {
			return nil, err
		}
		return nil, core.E(core.Unavailable, "egress", u.Host+" didn't answer as it should").Because(err)
	}
	resp.Request = r
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, nil // its body is a connection, which who asked for it bounds
	}
	resp.Body = &body{ReadCloser: resp.Body, left: t.guard.cfg.MaxBody, max: t.guard.cfg.MaxBody}
	if resp.ContentLength > t.guard.cfg.MaxBody && r.Method != http.MethodHead {
		_ = resp.Body.Close()
		return nil, tooLong(t.guard.cfg.MaxBody)
	}
	return resp, nil
}

// CloseIdleConnections is for http.Client's.
func (t *guarded) CloseIdleConnections() { t.next.CloseIdleConnections() }

// redirect decides whether a redirect is followed, and with what. Each is checked as a first
// request is.
func (g *Guard) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > g.cfg.Redirect {
		if g.cfg.Redirect < 0 {
			return http.ErrUseLastResponse
		}
		return core.E(core.Exhausted, "egress", "there are more than "+strconv.Itoa(g.cfg.Redirect)+" redirects")
	}
	first := via[0].URL
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return denied("a redirect from https to http is refused")
	}
	left := !sameOrigin(first, r.URL) || slices.ContainsFunc(via, func(v *http.Request) bool { return !sameOrigin(first, v.URL) })
	if !left {
		return nil
	}
	if r.Body != nil && r.Body != http.NoBody {
		return denied("a redirect that would take what was sent to another origin is refused")
	}
	for name := range r.Header {
		if !slices.Contains(harmless, name) {
			delete(r.Header, name)
		}
	}
	return nil
}

// harmless are the headers that go along to another origin. Any other may be a credential.
var harmless = []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Range", "User-Agent"}

// sameOrigin compares scheme, host and port (RFC 6454).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// body is an answer's body that ends with an error where it is longer than it may be.
type body struct {
	io.ReadCloser
	left, max int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, tooLong(b.max)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more, to see whether there is
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, tooLong(b.max)
	}
	return n, err
}

func tooLong(limit int64) error {
	return core.E(core.Exhausted, "egress", "the answer is longer than "+strconv.FormatInt(limit, 10)+" bytes")
}
