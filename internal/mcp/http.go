package mcp

import (
	"context"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// retries bounds how often a broken stream of a server's is taken up again.
const retries = 2

// remote returns the way to a server that is reached over HTTP, by the checked way out. Its
// requests are authorized one by one, so that a connection is refreshed when it must be. They
// follow no redirect: what was meant for one place goes to no other.
func (s *Service) remote(srv Server, opened tool.Call, m *meter) mcp.Transport {
	c := *s.cfg.Outside.Client() // which bounds and checks, but for how long a stream lasts
	c.Timeout = 0
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Transport = &authorized{next: c.Transport, outside: s.cfg.Outside, server: srv, opened: opened, meter: m, want: s.want}
	return &mcp.StreamableClientTransport{Endpoint: srv.Address, HTTPClient: &c, MaxRetries: retries, MaxEventSize: maxFrame}
}

// authorized is the transport of one session.
type authorized struct {
	next    http.RoundTripper
	outside tool.Outside
	server  Server
	opened  tool.Call // whose the session is: what is sent besides calls
	meter   *meter
	want    func(context.Context, core.Scope, Server, []string) error
}

// RoundTrip implements http.RoundTripper. denied: the server, or the vault, refuses.
func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := tool.Send(r.Clone(r.Context()), func(r *http.Request) error {
		if a.server.Credential == "" {
			return nil
		}
		return a.outside.Authorize(r.Context(), a.asker(r.Context()), "mcp "+a.server.Name, a.server.Credential, r)
	}, a.next.RoundTrip)
	if err != nil {
		return nil, err
	}
	if err := a.refused(r, resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	resp.Body = metered{resp.Body, a.meter}
	return resp, nil
}

// refused says what an answer means that is no answer to a message. A server that has forgotten
// a session owes 404; some say 400. Neither has done what it was asked for.
func (a *authorized) refused(r *http.Request, resp *http.Response) error {
	const op = "mcp"
	switch code := resp.StatusCode; {
	case r.Method == http.MethodPost && r.Header.Get("Mcp-Session-Id") != "" && (code == http.StatusNotFound || code == http.StatusBadRequest):
		return core.E(core.Unavailable, op, "the server has forgotten the session").Because(mcp.ErrSessionMissing)
	case code == http.StatusUnauthorized && a.server.Credential == "":
		return core.E(core.Denied, op, "the server wants a credential").WithHint("isekai mcp connect " + a.server.Name + " says which, or name one: --credential")
	case code == http.StatusForbidden && a.server.Credential != "" && challengeOf(resp)["error"] == "insufficient_scope":
		return a.stepUp(r.Context(), scopesOf(challengeOf(resp)["scope"]))
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return core.E(core.Denied, op, "the server refuses the credential "+a.server.Credential).WithHint("give it a new value, or connect again: isekai mcp connect " + a.server.Name)
	case code >= 300 && code < 400:
		return core.E(core.Invalid, op, "the server is elsewhere: it redirects").WithHint("give the address that it redirects to, if that is to be trusted")
	}
	return nil
}

// stepUp says that the server wants more scopes than the connection has, and keeps that, for who
// looks at the server and connects again. Nothing is tried by itself: a person has to agree.
func (a *authorized) stepUp(ctx context.Context, scopes []string) error {
	said := "more scopes"
	if len(scopes) > 0 {
		said = "the scopes " + strings.Join(scopes, " ")
	}
	err := core.E(core.Denied, "mcp", "the server wants "+said+", which the connection "+a.server.Credential+" doesn't have").
		WithHint("it needs to be connected again with them: isekai mcp connect " + a.server.Name)
	if kept := a.want(ctx, a.opened.Scope, a.server, scopes); kept != nil {
		return err.Because(kept)
	}
	return err
}

// asker is who a request is on record for: the call that it is of, if it is of one. The tenant
// is the session's, whatever the call's.
func (a *authorized) asker(ctx context.Context) tool.Call {
	c := a.opened
	if by, ok := ctx.Value(callKey{}).(tool.Call); ok && by.Scope.Org == c.Scope.Org && by.Scope.Project == c.Scope.Project {
		c.Scope.Actor, c.Task, c.ID = by.Scope.Actor, by.Task, by.ID
	}
	return c
}

// callKey is where the SDK carries a call from session.call to RoundTrip: for the record of who
// used a credential, and for nothing else.
type callKey struct{}
