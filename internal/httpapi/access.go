package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// public is the action of an operation that needs no credential.
const public identity.Action = ""

// actionKey is under what an operation in the document names its action.
const actionKey = "x-action"

// guarded marks an operation with the action that it is.
func guarded(op huma.Operation, action identity.Action) huma.Operation {
	if action == public {
		op.Security = []map[string][]string{}
		return op
	}
	op = extended(op, actionKey, string(action))
	if action == identity.Operate || action == identity.OperatePeople || action == identity.OperateRead {
		op.Tags = []string{"operate"}
	}
	return op
}

// extended adds an extension to an operation in the document.
func extended(op huma.Operation, key string, value any) huma.Operation {
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions[key] = value
	return op
}

func isPublic(op *huma.Operation) bool { return op.Security != nil && len(op.Security) == 0 }

// authenticate lets no operation run without a principal who may do its action, unless it
// is public. The org is the credential's; nothing else of the request names one.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	rq := requestOf(ctx.Context())
	if isPublic(op) {
		if s.limitPublic(ctx, rq) {
			next(ctx)
		}
		return
	}
	r, w := humago.Unwrap(ctx)
	c, err := credentialOf(r, rq)
	if _, ok := op.Metadata[dialectMark]; ok {
		c, err = callerOf(r, rq)
		w.Header()["Request-Id"] = rq.line(rq.id) // where Anthropic's clients look for it
	}
	if err != nil {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="isekai"`)
		s.write(ctx, rq, err)
		return
	}
	who, err := s.cfg.Authenticate(ctx.Context(), c)
	if core.CodeOf(err) == core.Unauthenticated {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="isekai", error="invalid_token"`)
	}
	name, _ := op.Extensions[actionKey].(string)
	action := identity.Action(name)
	if err == nil {
		err = s.limitPrincipal(ctx, rq, who, action)
	}
	if err == nil {
		err = who.May(action) // before any data is read
	}
	if err != nil {
		s.write(ctx, rq, err)
		return
	}
	rq.cred, rq.action, rq.who, rq.path = c, action, who, r.URL.Path
	next(ctx)
}

// again reports whether a request's principal still is that, and may do what was asked.
func (s *server) again(ctx context.Context, rq *request) error {
	now, err := s.cfg.Authenticate(ctx, rq.cred)
	if err == nil && now.Scope != rq.who.Scope {
		err = core.E(core.Denied, "request", "the credential stands for another by now")
	}
	if err == nil {
		err = now.May(rq.action)
	}
	if err == nil {
		rq.now.Store(&now)
	}
	return err
}

// credentialOf returns what came with a request to say who sends it.
func credentialOf(r *http.Request, rq *request) (identity.Credential, error) {
	c := identity.Credential{Project: core.ProjectID(r.Header.Get("Isekai-Project")), Address: rq.from}
	switch lines := r.Header["Authorization"]; {
	case len(lines) == 1 && lines[0] != "":
		scheme, token, _ := strings.Cut(lines[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			c.Bearer = token
		}
	case len(lines) < 2:
		c.Cookie = readCookie(r, cookieName(rq.secure))
	}
	if c.Bearer == "" && c.Cookie == "" {
		return c, noCredential()
	}
	return c, nil
}

// callerOf is credentialOf for a call of a model. Anthropic's clients send their key in a
// header of its own.
func callerOf(r *http.Request, rq *request) (identity.Credential, error) {
	key, other := r.Header["X-Api-Key"], r.Header["Authorization"]
	if len(key) != 1 || len(other) > 1 || len(other) == 1 && other[0] != "" {
		return credentialOf(r, rq)
	}
	c := identity.Credential{Project: core.ProjectID(r.Header.Get("Isekai-Project")), Address: rq.from, Bearer: key[0]}
	if c.Bearer == "" {
		return c, noCredential()
	}
	return c, nil
}

func noCredential() error {
	return core.E(core.Unauthenticated, "request", "no credential").
		WithHint("sign in, or send Authorization: Bearer KEY; the token of a local server is in server.json of its data directory")
}

// operates reports whether the request is an operator's, who may see the machine.
func operates(ctx context.Context) bool { return requestOf(ctx).who.May(identity.OperateRead) == nil }
