package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type diagnosticsAnswer struct{ Body client.Diagnostics }

// diagnostics is the route to what this node counts, for people; metrics has it for Prometheus.
func (s *server) diagnostics() {
	handle(s, identity.OperateRead, huma.Operation{
		OperationID: "diagnostics", Method: http.MethodGet, Path: "/v1/installation/diagnostics", Summary: "What this node counts: requests, tools, models, slow queries",
		Description: "Of the node that answers, since its start: it is in memory, and bounded. Statements are without their values.",
	}, func(context.Context, core.Scope, *struct{}) (*diagnosticsAnswer, error) {
		if s.cfg.Diagnostics == nil {
			return nil, core.E(core.Unsupported, "diagnostics", "this node counts nothing")
		}
		return &diagnosticsAnswer{Body: s.cfg.Diagnostics()}, nil
	})
}
