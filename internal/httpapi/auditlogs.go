package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type (
	// LogPath names an audit log. It is exported for huma, which doesn't see others' fields.
	LogPath struct {
		Org core.OrgID `path:"org" maxLength:"64" doc:"org_installation for the installation's own"`
	}
	verifyLog struct {
		LogPath
		Body keptCheckpoints
	}
	beginLog struct {
		LogPath
		Body client.AuditBeginning
	}
)

// auditLogs registers what operators do with any org's log: they verify it, and have one that
// is damaged begun anew. They read none.
func (s *server) auditLogs() {
	const path = "/v1/installation/audit/logs"
	tags := []string{"audit"}
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "list-audit-logs", Method: http.MethodGet, Path: path, Summary: "List whose audit logs there are", Tags: tags,
	}, func(ctx context.Context, _ identity.Principal, _ *struct{}) (*reply[[]core.OrgID], error) {
		orgs, err := s.withLogs(ctx)
		return &reply[[]core.OrgID]{orgs}, err
	})
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "verify-audit-log", Method: http.MethodPost, Path: path + "/{org}/verify", Summary: "Recompute every hash of an org's audit log", Tags: tags,
		Description: "It shows no entry.",
	}, func(ctx context.Context, _ identity.Principal, in *verifyLog) (*reply[client.AuditReport], error) {
		if err := s.hasLog(ctx, in.Org); err != nil {
			return nil, err
		}
		r, err := s.cfg.Audit.Verify(ctx, in.Org, in.Body.bytes()...)
		return replied(r, err, Report)
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "begin-audit-log-anew", Method: http.MethodPost, Path: path + "/{org}/begin-anew", Summary: "Go on with an audit log that is damaged", Tags: tags,
		Description: "What is left of it stays, and what is wrong with it is named for ever; the new part's first entry says who did this and why. The answer is what was found.",
	}, func(ctx context.Context, p identity.Principal, in *beginLog) (*reply[client.AuditReport], error) {
		if err := s.hasLog(ctx, in.Org); err != nil {
			return nil, err
		}
		e := auditlog.Entry{Action: "audit.begin", Actor: p.Scope.Actor, Address: Whence(ctx), Target: string(in.Org), Detail: map[string]string{"reason": in.Body.Reason}}
		r, err := s.cfg.Audit.BeginAnew(ctx, in.Org, e)
		if err == nil && in.Org != core.Installation {
			e.Detail = map[string]string{"reason": in.Body.Reason, "fault": r.Fault.Text}
			err = s.record(ctx, core.Installation, e)
		}
		return replied(r, err, Report)
	})
}

// withLogs returns whose logs there are.
func (s *server) withLogs(ctx context.Context) ([]core.OrgID, error) {
	orgs, err := s.cfg.Events.Orgs(ctx)
	if !slices.Contains(orgs, core.Installation) {
		orgs = append(orgs, core.Installation)
	}
	return orgs, err
}

// hasLog returns nil for an org that there is. Errors: not_found.
func (s *server) hasLog(ctx context.Context, org core.OrgID) error {
	orgs, err := s.withLogs(ctx)
	if err == nil && !slices.Contains(orgs, org) {
		err = core.E(core.NotFound, "audit", "there is no audit log of "+string(org)).WithHint("name an org by its id")
	}
	return err
}
