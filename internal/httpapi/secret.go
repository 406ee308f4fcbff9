package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

type (
	secretName struct {
		Secret string `path:"secret" maxLength:"64" example:"deploy-token"`
	}
	// SharedName names a credential of the project, or of the org.
	SharedName struct {
		Secret string `path:"secret" maxLength:"64" example:"deploy-token"`
		Shared bool   `query:"shared" doc:"the one for all projects of the org"`
		MatchHeader
	}
	putSecret struct {
		SharedName
		Body client.NewSecret
	}
	secretAnswer struct {
		ETag string `header:"ETag"`
		Body client.Secret
	}
)

// secrets are the routes to credentials. They take values and never show one.
func (s *server) secrets() {
	tags := []string{"secrets"}
	const path = "/v1/secrets/{secret}"
	act(s, identity.SecretRead, huma.Operation{
		OperationID: "list-secrets", Method: http.MethodGet, Path: "/v1/secrets", Summary: "List the credentials that the project may use, by name", Tags: tags,
	}, s.listSecrets)
	act(s, identity.SecretWrite, huma.Operation{
		OperationID: "list-due-secrets", Method: http.MethodGet, Path: "/v1/due-secrets", Summary: "List the credentials of all projects that should have got a new value by now", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Secret], error) {
		due, err := s.cfg.Secrets.Due(ctx, p.Scope.Org)
		return &reply[[]client.Secret]{each(due, wireSecret)}, err
	})
	act(s, identity.SecretRead, huma.Operation{
		OperationID: "show-secret", Method: http.MethodGet, Path: path, Summary: "Show a credential, but for its value", Tags: tags,
		Description: "The project's own of the name, or the org's.",
	}, func(ctx context.Context, p identity.Principal, in *secretName) (*secretAnswer, error) {
		return secretShown(s.cfg.Secrets.Get(ctx, p.Scope, in.Secret))
	})
	act(s, identity.SecretWrite, huma.Operation{
		OperationID: "put-secret", Method: http.MethodPut, Path: path, Summary: "Make a credential, or change one", Tags: tags,
		Description: "With a value it gets a new version; without one its hosts can only become fewer. No route shows a value.",
	}, func(ctx context.Context, p identity.Principal, in *putSecret) (*secretAnswer, error) {
		revision, err := in.version()
		if err != nil {
			return nil, err
		}
		return secretShown(s.cfg.Secrets.Put(ctx, p.Scope, in.put(revision)))
	})
	act(s, identity.SecretWrite, huma.Operation{
		OperationID: "delete-secret", Method: http.MethodDelete, Path: path, Summary: "Remove a credential with all its values", Tags: tags,
		Description: "A connection is revoked at its provider, too.",
	}, func(ctx context.Context, p identity.Principal, in *SharedName) (*struct{}, error) {
		revision, err := in.version()
		if err != nil {
			return nil, err
		}
		return nil, s.cfg.Secrets.Delete(ctx, p.Scope, in.Secret, in.Shared, revision)
	})
}

// listSecrets pages what is bounded by credential.MaxCredentials. A cursor is the name
// that the page before ended with: a name may be there twice, and isn't parted.
func (s *server) listSecrets(ctx context.Context, p identity.Principal, in *PageQuery) (*reply[client.Page[client.Secret]], error) {
	all, err := s.cfg.Secrets.List(ctx, p.Scope)
	if err != nil {
		return nil, err
	}
	from, _ := slices.BinarySearchFunc(all, in.Cursor+"\x00", func(c credential.Credential, after string) int { return strings.Compare(c.Name, after) })
	end := min(from+in.Limit, len(all))
	for end < len(all) && end > from && all[end].Name == all[end-1].Name {
		end++
	}
	next := ""
	if end < len(all) {
		next = all[end-1].Name
	}
	return paged(all[from:end], next, nil, wireSecret)
}

// put is what the vault is asked for.
func (in *putSecret) put(revision int64) credential.Put {
	n := in.Body
	p := credential.Put{
		Name: in.Secret, Shared: in.Shared, Kind: credential.Kind(n.Kind), Note: n.Note, Hosts: n.Hosts, Revision: revision,
		Rotate: time.Duration(n.RotateDays) * 24 * time.Hour, Grace: time.Duration(n.GraceHours) * time.Hour,
	}
	if n.Value != "" || n.User != "" || n.Header != "" || n.Passphrase != "" {
		p.Content = &credential.Content{User: n.User, Header: n.Header, Secret: credential.NewSecret(n.Value), Passphrase: credential.NewSecret(n.Passphrase)}
	}
	return p
}

func secretShown(c credential.Credential, err error) (*secretAnswer, error) {
	return &secretAnswer{ETag: etag(c.Revision), Body: wireSecret(c)}, err
}

func wireSecret(c credential.Credential) client.Secret {
	w := client.Secret{
		ID: c.ID, Name: c.Name, Project: c.Project, Kind: string(c.Kind), Note: c.Note, Hosts: each(c.Hosts, same), Fingerprint: c.Fingerprint,
		Revision: c.Revision, Version: c.Version, RotateDays: int(c.Rotate / (24 * time.Hour)), GraceHours: int(c.Grace / time.Hour), Due: when(c.Due),
		Versions: each(c.Versions, func(v credential.Version) client.SecretVersion {
			return client.SecretVersion{Number: v.Number, Created: v.Created, By: v.By, Until: when(v.Until)}
		}),
	}
	if c.Used != nil {
		used := client.SecretUse(*c.Used)
		w.Used = &used
	}
	if x := c.Connection; x != nil {
		w.Connection = &client.Connection{Provider: x.Provider, Resource: x.Resource, Scopes: each(x.Scopes, same), By: x.By, Since: x.Since, Broken: x.Broken, Hint: x.Hint}
	}
	return w
}

// when returns a time, or nil for the zero one.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
