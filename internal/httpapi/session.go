package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type (
	signIn       struct{ Body client.Login }
	refreshToken struct {
		Body struct {
			Refresh string `json:"refresh" maxLength:"300"`
		}
	}
	enterOrg struct {
		Body struct {
			Org core.OrgID `json:"org" maxLength:"64"`
		}
	}
	sessionPath struct {
		Session string `path:"session" maxLength:"64" example:"ses_01hx"`
	}
	passwordBody struct {
		Body struct {
			Password string `json:"password" maxLength:"1024"`
		}
	}
	codeBody struct {
		Body struct {
			Code string `json:"code" maxLength:"40"`
		}
	}
	// signedIn is the answer to a sign-in: a cookie for browsers, or tokens.
	signedIn struct {
		SetCookie []http.Cookie `header:"Set-Cookie"`
		Body      client.Tokens
	}
	signedOut struct {
		SetCookie []http.Cookie `header:"Set-Cookie"`
	}
)

// begun answers with what a session has begun with: to browsers no script there can read,
// to programs tokens.
func begun(ctx context.Context, t identity.Tokens, browser bool, err error) (*signedIn, error) {
	if err != nil {
		return nil, err
	}
	out := &signedIn{Body: client.Tokens{Principal: wirePrincipal(t.Principal)}}
	if browser {
		out.SetCookie = []http.Cookie{sessionCookie(ctx, t.Session, time.Now().Add(identity.SessionLife))}
		return out, nil
	}
	out.Body.Access, out.Body.Expires, out.Body.Refresh = t.Access, t.Expires, t.Refresh
	return out, nil
}

func (s *server) sessions() {
	tags := []string{"sessions"}
	act(s, public, huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: "/v1/session", Summary: "Sign in with a password", Tags: tags,
		Description: "What is wrong isn't said. If the password is right and a code of the second factor is missing, the problem's type is " + client.TypeCodeNeeded + ".",
		Errors:      []int{http.StatusUnauthorized, http.StatusTooManyRequests},
	}, func(ctx context.Context, _ identity.Principal, in *signIn) (*signedIn, error) {
		t, err := s.cfg.Identity.SignIn(ctx, identity.SignIn{
			Email: in.Body.Email, Password: in.Body.Password, Code: in.Body.Code, Org: in.Body.Org, Address: requestOf(ctx).from,
		})
		return begun(ctx, t, in.Body.Cookie, err)
	})
	act(s, public, huma.Operation{
		OperationID: "refresh", Method: http.MethodPost, Path: "/v1/session/refresh", Summary: "Get new tokens for a refresh token, which is used up", Tags: tags,
		Description: "One that was used before ends its session.", Errors: []int{http.StatusUnauthorized},
	}, func(ctx context.Context, _ identity.Principal, in *refreshToken) (*signedIn, error) {
		t, err := s.cfg.Identity.Refresh(ctx, in.Body.Refresh, requestOf(ctx).from)
		return begun(ctx, t, false, err)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "sign-out", Method: http.MethodDelete, Path: "/v1/session", Summary: "End the session of the credential", Tags: tags,
		DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*signedOut, error) {
		if err := s.cfg.Identity.SignOut(ctx, p); err != nil {
			return nil, err
		}
		return &signedOut{[]http.Cookie{sessionCookie(ctx, "", time.Time{})}}, nil
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "enter-org", Method: http.MethodPost, Path: "/v1/session/enter", Summary: "Go on in another of one's orgs", Tags: tags,
		Description: "With the cookie at once, with tokens from the next refresh on.",
	}, func(ctx context.Context, p identity.Principal, in *enterOrg) (*struct{}, error) {
		return nil, s.cfg.Identity.Enter(ctx, p, in.Body.Org)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "list-sessions", Method: http.MethodGet, Path: "/v1/sessions", Summary: "List one's own sessions", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Session], error) {
		all, err := s.cfg.Identity.Sessions(ctx, p)
		return &reply[[]client.Session]{each(all, wireSession)}, err
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "revoke-session", Method: http.MethodDelete, Path: "/v1/sessions/{session}", Summary: "End a session of one's own", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *sessionPath) (*struct{}, error) {
		return nil, s.cfg.Identity.RevokeSession(ctx, p, in.Session)
	})
}

// factors are the routes about one's own second factor.
func (s *server) factors() {
	tags := []string{"me"}
	act(s, identity.Self, shownOnce(huma.Operation{
		OperationID: "enrol-totp", Method: http.MethodPost, Path: "/v1/me/totp", Summary: "Begin a second factor: codes of an authenticator app", Tags: tags,
		Description: "It is asked for when it was confirmed.", DefaultStatus: http.StatusCreated,
	}), func(ctx context.Context, p identity.Principal, in *passwordBody) (*reply[client.Factor], error) {
		f, err := s.cfg.Identity.EnrolTOTP(ctx, p, in.Body.Password)
		return replied(f, err, func(f identity.Factor) client.Factor { return client.Factor(f) })
	})
	act(s, identity.Self, shownOnce(huma.Operation{
		OperationID: "confirm-totp", Method: http.MethodPost, Path: "/v1/me/totp/confirm", Summary: "Switch the second factor on, by its first code", Tags: tags,
		Description: "The recovery codes aren't shown again.",
	}), func(ctx context.Context, p identity.Principal, in *codeBody) (*reply[client.Recovery], error) {
		codes, err := s.cfg.Identity.ConfirmTOTP(ctx, p, in.Body.Code)
		return replied(codes, err, func(codes []string) client.Recovery { return client.Recovery{Codes: codes} })
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "disable-totp", Method: http.MethodPost, Path: "/v1/me/totp/disable", Summary: "Take one's second factor away", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *passwordBody) (*struct{}, error) {
		return nil, s.cfg.Identity.DisableTOTP(ctx, p, in.Body.Password)
	})
}

func wireSession(x identity.Session) client.Session {
	return client.Session{
		ID: x.ID, Org: x.Org, By: x.By, Address: x.Address, Created: x.Created, Seen: x.Seen, Expires: x.Expires, Current: x.Current,
	}
}
