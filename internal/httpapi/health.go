package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

const livePath = "/healthz"

type live struct {
	Body struct {
		Status string `json:"status"`
	}
}

type health struct{ Body client.Health }

func (s *server) health() {
	handle(s, public, huma.Operation{
		OperationID: "live", Method: http.MethodGet, Path: livePath, Summary: "Is the process alive", Tags: []string{"health"},
	}, func(context.Context, core.Scope, *struct{}) (*live, error) {
		l := &live{}
		l.Body.Status = "ok"
		return l, nil
	})
	handle(s, identity.HealthRead, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/v1/health", Summary: "How each dependency is",
		Description: "Degraded is not dead: a server answers this, whatever is missing.", Tags: []string{"health"},
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*health, error) {
		h := s.cfg.Health(ctx)
		if !operates(ctx) { // the reasons name hosts, users and paths
			checks := make([]client.HealthCheck, len(h.Checks))
			for i, c := range h.Checks {
				checks[i] = client.HealthCheck{Name: c.Name, OK: c.OK}
			}
			h.Checks = checks
		}
		return &health{Body: h}, nil
	})
}
