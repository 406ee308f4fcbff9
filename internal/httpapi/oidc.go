package httpapi

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// oidcCallback is where issuers send browsers back to.
const oidcCallback = "/v1/oidc/callback"

type (
	// ProviderPath names an issuer.
	ProviderPath struct {
		Provider string `path:"provider" maxLength:"64" example:"google"`
	}
	beginOIDC struct {
		ProviderPath
		Org core.OrgID `query:"org" maxLength:"64" doc:"one of the user's; default: the user's own choice"`
	}
	oidcBegun struct {
		SetCookie []http.Cookie `header:"Set-Cookie"`
		Body      client.Redirect
	}
	programQuery struct {
		ProviderPath
		Port      int    `query:"port" required:"true" minimum:"1024" maximum:"65535" doc:"of 127.0.0.1, at which the program listens"`
		State     string `query:"state" required:"true" minLength:"1" maxLength:"128" doc:"comes back to the program"`
		Challenge string `query:"challenge" required:"true" minLength:"43" maxLength:"43" doc:"S256 of the program's verifier, as in RFC 7636"`
	}
	redemption struct{ Body client.Redemption }
	oidcAnswer struct {
		State string `query:"state" maxLength:"300"`
		Code  string `query:"code" maxLength:"4096"`
		Error string `query:"error" maxLength:"300"`
	}
	oidcDone struct {
		Status    int
		Location  string        `header:"Location"`
		SetCookie []http.Cookie `header:"Set-Cookie"`
	}
	jwks struct {
		CacheControl string `header:"Cache-Control"`
		Body         json.RawMessage
	}
)

// issuers are the routes to sign in by OpenID Connect, and for those who check our tokens.
func (s *server) issuers() {
	tags := []string{"sessions"}
	act(s, public, huma.Operation{
		OperationID: "list-issuers", Method: http.MethodGet, Path: "/v1/oidc", Summary: "List the issuers by which people may sign in", Tags: tags,
	}, func(context.Context, identity.Principal, *struct{}) (*reply[[]string], error) {
		return &reply[[]string]{each(s.cfg.Identity.Providers(), same)}, nil
	})
	act(s, public, huma.Operation{
		OperationID: "begin-oidc", Method: http.MethodPost, Path: "/v1/oidc/{provider}", Summary: "Begin to sign in at an issuer, with a browser", Tags: tags,
		Description: "The browser goes to the URL of the answer, and comes back with a session.",
	}, func(ctx context.Context, _ identity.Principal, in *beginOIDC) (*oidcBegun, error) {
		to, state, err := s.cfg.Identity.BeginOIDC(ctx, in.Provider, s.ours(oidcCallback), in.Org, nil)
		if err != nil {
			return nil, err
		}
		return &oidcBegun{[]http.Cookie{flowCookie(ctx, state, time.Now().Add(identity.FlowLife))}, client.Redirect{URL: to}}, nil
	})
	act(s, public, huma.Operation{
		OperationID: "begin-oidc-program", Method: http.MethodGet, Path: "/v1/oidc/{provider}/program", Summary: "Begin to sign a program in at an issuer, with a browser", Tags: tags,
		Description:   "For the browser, which goes on to the issuer, comes back, and takes the program a code at http://127.0.0.1:PORT/. There it is with the state; or an error, which is its code.",
		DefaultStatus: http.StatusSeeOther,
	}, func(ctx context.Context, _ identity.Principal, in *programQuery) (*oidcDone, error) {
		to, state, err := s.cfg.Identity.BeginOIDC(ctx, in.Provider, s.ours(oidcCallback), "", &identity.Program{Port: in.Port, State: in.State, Challenge: in.Challenge})
		if err != nil {
			return nil, err
		}
		return &oidcDone{http.StatusSeeOther, to, []http.Cookie{flowCookie(ctx, state, time.Now().Add(identity.FlowLife))}}, nil
	})
	act(s, public, huma.Operation{
		OperationID: "redeem-oidc", Method: http.MethodPost, Path: "/v1/session/oidc", Summary: "Get a program's tokens for the code that a browser has brought", Tags: tags,
		Description: "It works once, for two minutes, with the verifier that only the program has.", Errors: []int{http.StatusUnauthorized},
	}, func(ctx context.Context, _ identity.Principal, in *redemption) (*signedIn, error) {
		t, err := s.cfg.Identity.RedeemOIDC(ctx, identity.Redemption{
			Code: in.Body.Code, Verifier: in.Body.Verifier, Org: in.Body.Org, Address: requestOf(ctx).from,
		})
		return begun(ctx, t, false, err)
	})
	act(s, public, huma.Operation{
		OperationID: "finish-oidc", Method: http.MethodGet, Path: oidcCallback, Summary: "Where an issuer sends a browser back to", Tags: tags,
		DefaultStatus: http.StatusSeeOther, SkipValidateParams: true, // issuers add some of their own
	}, s.finishOIDC)
	act(s, public, huma.Operation{
		OperationID: "jwks", Method: http.MethodGet, Path: "/.well-known/jwks.json", Summary: "The keys that access tokens are signed with", Tags: tags,
		Description: "A JSON Web Key Set (RFC 7517). A key is in it an hour before it signs, and until what it signed has expired.",
	}, func(ctx context.Context, _ identity.Principal, _ *struct{}) (*jwks, error) {
		set, err := s.cfg.Identity.JWKS(ctx)
		return &jwks{"public, max-age=300", set}, err
	})
}

// finishOIDC begins a session for the browser that comes back, or sends it on to the
// program that has sent it.
func (s *server) finishOIDC(ctx context.Context, _ identity.Principal, in *oidcAnswer) (*oidcDone, error) {
	a, err := s.cfg.Identity.FinishOIDC(ctx, identity.Return{
		State: in.State, Code: in.Code, Refused: in.Error != "", Cookie: flow(ctx), Address: requestOf(ctx).from,
	})
	over := flowCookie(ctx, "", time.Time{})
	switch {
	case a.Program != nil:
		return &oidcDone{http.StatusSeeOther, programURL(a, err), []http.Cookie{over}}, nil
	case err != nil:
		return nil, err
	}
	return &oidcDone{http.StatusSeeOther, s.cfg.Home, []http.Cookie{over, sessionCookie(ctx, a.Session, time.Now().Add(identity.SessionLife))}}, nil
}

// programURL is where a program waits for what has come of its sign-in.
func programURL(a identity.Arrival, err error) string {
	q := url.Values{"state": {a.Program.State}}
	if err != nil {
		q.Set("error", string(core.CodeOf(err)))
	} else {
		q.Set("code", a.Code)
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Program.Port)), Path: "/", RawQuery: q.Encode()}
	return u.String()
}

// ours returns the public URL of a path.
func (s *server) ours(path string) string { return strings.TrimRight(s.cfg.URL, "/") + path }
