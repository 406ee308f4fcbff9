package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

type (
	// RouteQuery names a route, which may have slashes in it.
	RouteQuery struct {
		Name string `query:"name" required:"true" maxLength:"200" doc:"what callers ask for" example:"smart"`
	}
	putRoute struct {
		RouteQuery
		MatchHeader
		Body client.NewModelRoute
	}
	dropRoute struct {
		RouteQuery
		MatchHeader
	}
	routeAnswer struct {
		ETag string `header:"ETag"`
		Body client.ModelRoute
	}
)

func (s *server) modelRoutes(of modelsOf) {
	tags := []string{"models"}
	path := of.path + "/routes"
	act(s, of.read, huma.Operation{
		OperationID: "list-model-routes" + of.suffix, Method: http.MethodGet, Path: path, Summary: "List where names of models lead: " + of.words + " own first", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.ModelRoute], error) {
		all, err := s.cfg.Models.Routes(ctx, of.org(p))
		if err == nil && of.org(p) != core.Installation {
			var house []catalog.RouteKept
			house, err = s.cfg.Models.Routes(ctx, core.Installation)
			all = append(all, house...)
		}
		return replied(all, err, func(all []catalog.RouteKept) []client.ModelRoute { return each(all, wireRoute) })
	})
	act(s, of.write, huma.Operation{
		OperationID: "put-model-route" + of.suffix, Method: http.MethodPut, Path: path, Summary: "Say where a name of a model leads, of " + of.words + " own", Tags: tags,
		Description: "Targets of a tier share its calls by weight; those of the next are tried when they fail.",
	}, func(ctx context.Context, p identity.Principal, in *putRoute) (*routeAnswer, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		kept, err := s.cfg.Models.PutRoute(ctx, of.org(p), routeOf(in.Name, in.Body), version)
		if err != nil {
			return nil, err
		}
		err = s.record(ctx, of.org(p), auditlog.Entry{Action: "model.route.set", Target: kept.Name, Detail: map[string]string{"targets": legs(kept.Targets)}})
		return &routeAnswer{ETag: etag(kept.Version), Body: wireRoute(kept)}, err
	})
	act(s, of.write, huma.Operation{
		OperationID: "delete-model-route" + of.suffix, Method: http.MethodDelete, Path: path, Summary: "Have a name of a model lead nowhere, of " + of.words + " own", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *dropRoute) (*struct{}, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		if err := s.cfg.Models.RemoveRoute(ctx, of.org(p), in.Name, version); err != nil {
			return nil, err
		}
		return nil, s.record(ctx, of.org(p), auditlog.Entry{Action: "model.route.remove", Target: in.Name})
	})
}

// legs are targets as the log has them: "openai/gpt-5-mini=3 (tier 1) ...".
func legs(all []catalog.Leg) string {
	var words []string
	for _, l := range all {
		words = append(words, fmt.Sprintf("%s/%s=%d@%d", l.Provider, l.Model, max(l.Weight, 1), l.Tier))
	}
	return strings.Join(words, " ")
}

func routeOf(name string, n client.NewModelRoute) catalog.Route {
	return catalog.Route{Name: name, Sticky: n.Sticky, Note: n.Note, Targets: each(n.Targets, func(t client.RouteTarget) catalog.Leg { return catalog.Leg(t) })}
}

func wireRoute(r catalog.RouteKept) client.ModelRoute {
	return client.ModelRoute{
		Name: r.Name, Owner: ownerOf(r.Org), Revision: r.Version, Changed: when(r.Changed),
		NewModelRoute: client.NewModelRoute{Sticky: r.Sticky, Note: r.Note, Targets: each(r.Targets, func(l catalog.Leg) client.RouteTarget { return client.RouteTarget(l) })},
	}
}
