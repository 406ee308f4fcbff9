package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// public is the action of an operation that needs no credential.
const public identity.Action = ""

// actionKey is under what an operation's metadata, and the document, name its action.
const actionKey = "x-action"

// guarded marks an operation with the action that it is.
func guarded(op huma.Operation, action identity.Action) huma.Operation {
	if action == public {
		op.Security = []map[string][]string{}
		return op
	}
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions[actionKey] = string(action)
	if action == identity.Operate || action == identity.OperateRead {
		op.Tags = []string{"operate"}
	}
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	return op
}

// authenticate lets no operation run without a principal who may do its action, unless it
// is public. The org is the credential's; nothing else of the request names one.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if op.Security != nil && len(op.Security) == 0 {
		next(ctx)
		return
	}
	rq := requestOf(ctx.Context())
	c := credential(ctx)
	if c.Bearer == "" && c.Cookie == "" {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="isekai"`)
		s.write(ctx, rq, core.E(core.Unauthenticated, "request", "no credential").
			WithHint("sign in, or send Authorization: Bearer KEY; the token of a local server is in server.json of its data directory"))
		return
	}
	who, err := s.cfg.Authenticate(ctx.Context(), c)
	if core.CodeOf(err) == core.Unauthenticated {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="isekai", error="invalid_token"`)
	}
	if err == nil {
		action, _ := op.Extensions[actionKey].(string)
		err = who.May(identity.Action(action)) // before any data is read
	}
	if err != nil {
		s.write(ctx, rq, err)
		return
	}
	rq.who = who
	next(ctx)
}

// The names of a session's cookie: with TLS, and on loopback without it.
const (
	secureCookie = "__Host-isekai"
	plainCookie  = "isekai"
)

// credential returns what came with the request.
func credential(ctx huma.Context) (c identity.Credential) {
	c.Bearer, _ = strings.CutPrefix(ctx.Header("Authorization"), "Bearer ")
	c.Project = core.ProjectID(ctx.Header("Isekai-Project"))
	for _, name := range []string{secureCookie, plainCookie} {
		if cookie, err := huma.ReadCookie(ctx, name); err == nil && c.Cookie == "" {
			c.Cookie = cookie.Value
		}
	}
	if at, err := netip.ParseAddrPort(ctx.RemoteAddr()); err == nil {
		c.Address = at.Addr().Unmap()
	}
	return c
}

// operates reports whether the request is an operator's, who may see the machine.
func operates(ctx context.Context) bool { return requestOf(ctx).who.May(identity.OperateRead) == nil }
