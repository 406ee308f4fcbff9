package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
)

type (
	// KeysQuery is exported for huma, which doesn't see others' fields.
	KeysQuery struct {
		Revoked bool `query:"revoked" doc:"those that were revoked in the last 90 days instead"`
		PageQuery
	}
	keysQuery struct {
		User core.UserID `query:"user" maxLength:"64" doc:"only those of this user or service"`
		KeysQuery
	}
	newKey        struct{ Body client.NewKey }
	newServiceKey struct{ Body client.NewServiceKey }
	apiKeyPath    struct {
		Key core.KeyID `path:"key" maxLength:"64" example:"key_01hx"`
	}
)

// list returns what lists the keys that are asked for.
func (q KeysQuery) list(s *identity.Service) func(context.Context, identity.Principal, core.UserID, string, int) ([]identity.Key, string, error) {
	if q.Revoked {
		return s.RevokedKeys
	}
	return s.Keys
}

func (s *server) apiKeys() {
	tags := []string{"api keys"}
	made := fmt.Sprintf("Its text isn't shown again. A user has at most %d in an org, and an org %d.", identity.MostKeysOfUser, identity.MostKeysOfOrg)
	act(s, identity.Self, huma.Operation{
		OperationID: "list-my-keys", Method: http.MethodGet, Path: "/v1/me/keys", Summary: "List one's own API keys in the org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *KeysQuery) (*reply[client.Page[client.Key]], error) {
		all, next, err := in.list(s.cfg.Identity)(ctx, p, p.User, in.Cursor, in.Limit)
		return paged(all, next, err, wireKey)
	})
	act(s, identity.Self, shownOnce(huma.Operation{
		OperationID: "create-my-key", Method: http.MethodPost, Path: "/v1/me/keys", Summary: "Make an API key of one's own", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: made,
	}), func(ctx context.Context, p identity.Principal, in *newKey) (*reply[client.MadeKey], error) {
		return s.makeKey(ctx, p, p.User, in.Body)
	})
	act(s, identity.KeyRead, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/api-keys", Summary: "List the org's API keys", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *keysQuery) (*reply[client.Page[client.Key]], error) {
		all, next, err := in.list(s.cfg.Identity)(ctx, p, in.User, in.Cursor, in.Limit)
		return paged(all, next, err, wireKey)
	})
	act(s, identity.KeyWrite, shownOnce(huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: "/v1/api-keys", Summary: "Make an API key of a service of the org", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: made + " Nobody makes one for another person.",
	}), func(ctx context.Context, p identity.Principal, in *newServiceKey) (*reply[client.MadeKey], error) {
		return s.makeKey(ctx, p, in.Body.Service, in.Body.NewKey)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "revoke-key", Method: http.MethodDelete, Path: "/v1/api-keys/{key}", Summary: "End an API key: one's own, or as an admin anyone's of the org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *apiKeyPath) (*struct{}, error) {
		return nil, s.cfg.Identity.RevokeKey(ctx, p, in.Key)
	})
}

// makeKey makes a key and its budget. Nobody has seen the key's text before the budget is
// there; if it can't be, the key ends.
func (s *server) makeKey(ctx context.Context, p identity.Principal, of core.UserID, n client.NewKey) (*reply[client.MadeKey], error) {
	k := identity.NewKey{Name: n.Name, User: of, Role: n.Role, Scopes: n.Scopes, Project: n.Project, Budget: n.Budget}
	if n.Expires != nil {
		k.Expires = *n.Expires
	}
	made, text, err := s.cfg.Identity.CreateKey(ctx, p, k)
	if err == nil && n.Budget > 0 {
		_, err = s.cfg.Ledger.SetBudget(ctx, p.Scope.Org, ledger.OfKey(made.ID), n.Budget, ledger.Forever)
		if err != nil {
			err = errors.Join(err, s.cfg.Identity.RevokeKey(context.WithoutCancel(ctx), p, made.ID))
		}
	}
	return replied(made, err, func(made identity.Key) client.MadeKey { return client.MadeKey{Key: wireKey(made), Text: text} })
}

func wireKey(k identity.Key) client.Key {
	wired := client.Key{
		ID: k.ID, Name: k.Name, User: k.User, Role: k.Role, Scopes: each(k.Scopes, same), Project: k.Project, Budget: k.Budget, Created: k.Created,
	}
	if !k.Expires.IsZero() {
		wired.Expires = &k.Expires
	}
	if !k.Used.IsZero() {
		wired.Used = &k.Used
	}
	if !k.Revoked.IsZero() {
		wired.Revoked, wired.By = &k.Revoked, k.RevokedBy
	}
	return wired
}
