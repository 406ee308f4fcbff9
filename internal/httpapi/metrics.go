package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// metrics is the route to what this node counts. It is an operator's: what is counted is of
// all orgs.
func (s *server) metrics() {
	handle(s, identity.OperateRead, stream(huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Summary: "What this node counts, as Prometheus reads it",
		Description: "Of this node, since its start. An API key of an operator's with the scope operate:read reads it.",
	}, "text/plain"), func(context.Context, core.Scope, *struct{}) (*huma.StreamResponse, error) {
		if s.cfg.Metrics == nil {
			return nil, core.E(core.Unsupported, "metrics", "this node counts nothing")
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			s.cfg.Metrics.ServeHTTP(w, r)
		}}, nil
	})
}
