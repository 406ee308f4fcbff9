package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type (
	// HouseSecret names a credential of the installation.
	HouseSecret struct {
		Secret string `path:"secret" maxLength:"64" example:"openai"`
		MatchHeader
	}
	putHouseSecret struct {
		HouseSecret
		Body client.NewSecret
	}
)

// ofHouse is the scope of what an operator does to the installation's own credentials, which
// its providers of models use.
func ofHouse(p identity.Principal) core.Scope {
	return core.Scope{Org: core.Installation, Project: core.DefaultProject, Actor: p.Scope.Actor}
}

// installationSecrets are the routes to the installation's own credentials. They take values
// and never show one.
func (s *server) installationSecrets() {
	const all = "/v1/installation/secrets"
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "list-secrets-of-installation", Method: http.MethodGet, Path: all, Summary: "List the credentials that providers of all orgs' models use, by name",
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Secret], error) {
		found, err := s.cfg.Secrets.List(ctx, ofHouse(p))
		return &reply[[]client.Secret]{each(found, wireSecret)}, err
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "put-secret-of-installation", Method: http.MethodPut, Path: all + "/{secret}", Summary: "Make a credential for providers of all orgs' models, or change one",
		Description: "With a value it gets a new version; without one its hosts can only become fewer. No route shows a value.",
	}, func(ctx context.Context, p identity.Principal, in *putHouseSecret) (*secretAnswer, error) {
		revision, err := in.version()
		if err != nil {
			return nil, err
		}
		put := putSecret{SharedName: SharedName{Secret: in.Secret, Shared: true}, Body: in.Body}
		return secretShown(s.cfg.Secrets.Put(ctx, ofHouse(p), put.put(revision)))
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "delete-secret-of-installation", Method: http.MethodDelete, Path: all + "/{secret}", Summary: "Remove a credential of the installation with all its values",
	}, func(ctx context.Context, p identity.Principal, in *HouseSecret) (*struct{}, error) {
		revision, err := in.version()
		if err != nil {
			return nil, err
		}
		return nil, s.cfg.Secrets.Delete(ctx, ofHouse(p), in.Secret, true, revision)
	})
}
