package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/sandbox"
)

type (
	putEgress struct {
		MatchHeader
		Body client.NewEgress
	}
	egressAnswer struct {
		ETag string `header:"ETag"`
		Body client.Egress
	}
)

// egress are the routes to which hosts a project's sandboxes may reach.
func (s *server) egress() {
	tags := []string{"sandbox"}
	const path = "/v1/egress"
	handle(s, identity.EgressRead, huma.Operation{
		OperationID: "show-egress", Method: http.MethodGet, Path: path, Summary: "Show which hosts the project's sandboxes may reach", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*egressAnswer, error) {
		all, version, err := s.cfg.Egress.Get(ctx, scope.Org, scope.Project)
		return egressShown(all, version, err)
	})
	handle(s, identity.EgressWrite, huma.Operation{
		OperationID: "set-egress", Method: http.MethodPut, Path: path, Summary: "Say which hosts the project's sandboxes may reach", Tags: tags,
		Description: "Only the tool run_online has a way out of its sandbox, and only to these; none: nothing can be reached. " +
			"What the installation doesn't let out, as private addresses, stays closed.",
	}, s.setEgress)
}

// setEgress changes the list that the request is based on, or whatever is there.
func (s *server) setEgress(ctx context.Context, scope core.Scope, in *putEgress) (*egressAnswer, error) {
	base, err := in.version()
	if err != nil {
		return nil, err
	}
	all, err := hosts.Parse(in.Body.Hosts)
	if err != nil {
		return nil, err
	}
	version := base
	for tries := 0; ; tries++ {
		if base == 0 {
			if _, version, err = s.cfg.Egress.Get(ctx, scope.Org, scope.Project); err != nil {
				return nil, err
			}
		}
		err = s.cfg.Egress.Put(ctx, scope.Org, scope.Project, version, all)
		if base != 0 || core.CodeOf(err) != core.Conflict || tries == 20 {
			break
		}
	}
	if err == nil {
		err = s.record(ctx, scope.Org, auditlog.Entry{Action: "egress.hosts", Project: scope.Project, Detail: map[string]string{"hosts": strings.Join(hostsOf(all), " ")}})
	}
	return egressShown(all, version+1, err)
}

func hostsOf(all []sandbox.Destination) []string {
	written := make([]string, len(all))
	for i, d := range all {
		written[i] = d.String()
	}
	return written
}

func egressShown(all []sandbox.Destination, version int64, err error) (*egressAnswer, error) {
	if err != nil {
		return nil, err
	}
	answer := &egressAnswer{Body: client.Egress{NewEgress: client.NewEgress{Hosts: hostsOf(all)}}}
	if version > 0 {
		answer.ETag = etag(version)
	}
	return answer, nil
}
