package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// oidcCallback is where issuers send browsers back to.
const oidcCallback = "/v1/oidc/callback"

// flowTime is how long a sign-in at an issuer may take.
const flowTime = 10 * time.Minute

type (
	providerPath struct {
		Provider string `path:"provider" maxLength:"64" example:"google"`
	}
	oidcBegun struct {
		SetCookie []http.Cookie `header:"Set-Cookie"`
		Body      client.Redirect
	}
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
	}, func(ctx context.Context, _ identity.Principal, in *providerPath) (*oidcBegun, error) {
		url, state, err := s.cfg.Identity.BeginOIDC(ctx, in.Provider, s.ours(oidcCallback))
		if err != nil {
			return nil, err
		}
		return &oidcBegun{[]http.Cookie{flowCookie(ctx, state, time.Now().Add(flowTime))}, client.Redirect{URL: url}}, nil
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

// finishOIDC begins a session for the browser that comes back.
func (s *server) finishOIDC(ctx context.Context, _ identity.Principal, in *oidcAnswer) (*oidcDone, error) {
	if in.Error != "" {
		return nil, core.E(core.Denied, "oidc", "the issuer has refused").WithHint("sign in again, and agree there")
	}
	t, err := s.cfg.Identity.FinishOIDC(ctx, in.State, in.Code, flow(ctx))
	if err != nil {
		return nil, err
	}
	return &oidcDone{Status: http.StatusSeeOther, Location: s.cfg.Home, SetCookie: []http.Cookie{
		flowCookie(ctx, "", time.Time{}), sessionCookie(ctx, t.Session, time.Now().Add(identity.SessionLife)),
	}}, nil
}

// ours returns the public URL of a path.
func (s *server) ours(path string) string { return strings.TrimRight(s.cfg.URL, "/") + path }
