package httpapi

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/core"
)

// authenticate lets no operation run without a scope, unless the operation says
// by an empty security list that it is open.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if op := ctx.Operation(); op.Security != nil && len(op.Security) == 0 {
		next(ctx)
		return
	}
	rq := requestOf(ctx.Context())
	token, ok := strings.CutPrefix(ctx.Header("Authorization"), "Bearer ")
	if !ok || token == "" {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="isekai"`)
		s.write(ctx, rq, core.E(core.Unauthenticated, "request", "no credential").
			WithHint("send Authorization: Bearer TOKEN; the token of a local server is in server.json of its data directory"))
		return
	}
	scope, err := s.cfg.Authenticate(ctx.Context(), token)
	if err != nil {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="isekai", error="invalid_token"`)
		s.write(ctx, rq, err)
		return
	}
	rq.scope = scope
	next(ctx)
}

// operators marks an operation that concerns more than the caller's project, and lets
// those alone do it who operate the installation.
func (s *server) operators(op huma.Operation) huma.Operation {
	op.Tags = []string{"operate"}
	op.Errors = append(op.Errors, http.StatusForbidden)
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		rq := requestOf(ctx.Context())
		if !s.cfg.Operates(rq.scope) {
			s.write(ctx, rq, core.E(core.Denied, "request", "this is for who operates the installation").
				WithHint("ask them; locally, use the token in server.json of the data directory"))
			return
		}
		next(ctx)
	})
	return op
}

// open marks an operation that needs no credential.
func open(op huma.Operation) huma.Operation {
	op.Security = []map[string][]string{}
	return op
}
