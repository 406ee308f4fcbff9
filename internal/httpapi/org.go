package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// OrgQuery is of an operator's operations about an org, which are the only ones where
// something other than the credential says which.
type OrgQuery struct {
	Org core.OrgID `query:"org" maxLength:"64" doc:"which org; default: that of the credential" example:"org_01hx"`
}

// subject returns the org that an operator's request is about. not_found: there is none.
func (s *server) subject(ctx context.Context, q OrgQuery) (core.OrgID, error) {
	who := requestOf(ctx).who
	org := cmp.Or(q.Org, who.Scope.Org)
	switch {
	case org == who.Scope.Org && org != core.Installation:
		return org, nil
	case org == core.Installation:
		return "", core.E(core.Invalid, "request", "this concerns an org, and none is named").WithHint("as in ?org=org_...")
	}
	_, err := s.cfg.Identity.Org(ctx, identity.Principal{Scope: core.Scope{Org: org, Actor: who.Scope.Actor}, Role: core.Viewer, User: who.User})
	return org, err
}

// within returns the operator's scope in the org that a request is about.
func (s *server) within(ctx context.Context, q OrgQuery) (core.Scope, error) {
	scope := requestOf(ctx).who.Scope
	org, err := s.subject(ctx, q)
	scope.Org = org
	return scope, err
}

type newOrg struct{ Body client.NewOrg }

func (s *server) orgs() {
	tags := []string{"orgs"}
	act(s, identity.OrgRead, huma.Operation{
		OperationID: "list-orgs", Method: http.MethodGet, Path: "/v1/orgs", Summary: "List the orgs of the one who asks", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Org], error) {
		all, err := s.cfg.Identity.Orgs(ctx, p)
		return &reply[[]client.Org]{each(all, wireOrg)}, err
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "open-org", Method: http.MethodPost, Path: "/v1/orgs", Summary: "Make an org of one's own, where everybody may", Tags: tags, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, p identity.Principal, in *setName) (*reply[client.Org], error) {
		o, _, err := s.cfg.Identity.CreateOrg(ctx, p, identity.NewOrg{Name: in.Body.Name, Owner: p.User})
		return replied(o, err, wireOrg)
	})
	act(s, identity.OrgRead, huma.Operation{
		OperationID: "show-org", Method: http.MethodGet, Path: "/v1/org", Summary: "Show the credential's org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[client.Org], error) {
		o, err := s.cfg.Identity.Org(ctx, p)
		return replied(o, err, wireOrg)
	})
	act(s, identity.OrgWrite, huma.Operation{
		OperationID: "rename-org", Method: http.MethodPatch, Path: "/v1/org", Summary: "Change the name of the credential's org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *setName) (*reply[client.Org], error) {
		o, err := s.cfg.Identity.RenameOrg(ctx, p, in.Body.Name)
		return replied(o, err, wireOrg)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "leave-org", Method: http.MethodPost, Path: "/v1/org/leave", Summary: "End one's own place in the credential's org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*struct{}, error) {
		return nil, s.cfg.Identity.RemoveMember(ctx, p, p.User)
	})
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "list-all-orgs", Method: http.MethodGet, Path: "/v1/installation/orgs", Summary: "List the installation's orgs",
	}, func(ctx context.Context, p identity.Principal, in *PageQuery) (*reply[client.Page[client.Org]], error) {
		all, next, err := s.cfg.Identity.AllOrgs(ctx, p, core.OrgID(in.Cursor), in.Limit)
		return paged(all, string(next), err, wireOrg)
	})
	act(s, identity.OperatePeople, shownOnce(huma.Operation{
		OperationID: "create-org", Method: http.MethodPost, Path: "/v1/installation/orgs", Summary: "Make an org for somebody", DefaultStatus: http.StatusCreated,
	}), func(ctx context.Context, p identity.Principal, in *newOrg) (*reply[client.MadeOrg], error) {
		o, token, err := s.cfg.Identity.CreateOrg(ctx, p, identity.NewOrg{Name: in.Body.Name, Owner: in.Body.Owner, Invite: in.Body.Invite})
		return replied(o, err, func(o identity.Org) client.MadeOrg { return client.MadeOrg{Org: wireOrg(o), Invitation: token} })
	})
}

func wireOrg(o identity.Org) client.Org {
	return client.Org{ID: o.ID, Name: o.Name, Role: o.Role, Created: o.Created}
}
