package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault/credential"
	"github.com/isekai-run/isekai/internal/watch"
)

// Accounts is what the routes about people, credits, records and secrets stand on. Every
// field is required, except Home.
type Accounts struct {
	Identity *identity.Service
	Ledger   *ledger.Service
	Shares   store.Shares
	Audit    *auditlog.Log
	Secrets  *credential.Service
	Redact   *redact.Service
	Egress   *hosts.Service
	Models   *catalog.Catalog
	Skills   *skill.Service
	Memory   *recall.Service
	Notify   *notify.Service
	// Approvals are questions of tasks, which people answer by links that they were sent.
	Approvals Approvals
	// ModelTester tries providers of models.
	ModelTester ModelTester
	Watches     *watch.Service
	// Conversations are what people and agents say to each other.
	Conversations *conversation.Service
	// MCP are projects' MCP servers.
	MCP *mcp.Service
	// URL is the installation's public one, to which issuers send browsers back.
	URL string
	// Home is the page that a browser gets after a sign-in at an issuer; the console if "".
	Home string
}

// accounts registers all of these routes.
func (s *server) accounts() {
	s.cfg.Home = cmp.Or(s.cfg.Home, "/")
	s.users()
	s.me()
	s.sessions()
	s.factors()
	s.issuers()
	s.orgs()
	s.members()
	s.invitations()
	s.orgProjects()
	s.apiKeys()
	s.credits()
	s.creditCommands()
	s.budgets()
	s.prices()
	s.audit()
	s.auditLogs()
	s.secrets()
	s.connections()
	s.redaction()
	s.egress()
	s.models()
	s.prompts()
	s.watches()
	s.conversations()
	s.skills()
	s.memory()
	s.mcpServers()
	s.webhooks()
	s.notifications()
	s.links()
	s.callbacks()
}

// act is handle for the operations of modules that look at the principal themselves.
func act[In, Out any](s *server, action identity.Action, op huma.Operation, f func(context.Context, identity.Principal, *In) (*Out, error)) {
	handle(s, action, op, func(ctx context.Context, _ core.Scope, in *In) (*Out, error) { return f(ctx, requestOf(ctx).who, in) })
}

// reply is an answer without headers of its own.
type reply[T any] struct{ Body T }

// replied makes one of an item as it goes over the wire.
func replied[T, W any](item T, err error, wire func(T) W) (*reply[W], error) {
	if err != nil {
		return nil, err
	}
	return &reply[W]{wire(item)}, nil
}

// paged makes a page of items as they go over the wire.
func paged[T, W any](items []T, next string, err error, wire func(T) W) (*reply[client.Page[W]], error) {
	if err != nil {
		return nil, err
	}
	return &reply[client.Page[W]]{client.Page[W]{Items: each(items, wire), Next: next}}, nil
}

// each returns a list of wired items, which is never null in JSON.
func each[T, W any](items []T, wire func(T) W) []W {
	all := make([]W, len(items))
	for i, item := range items {
		all[i] = wire(item)
	}
	return all
}

func same[T any](v T) T { return v }

type (
	// UserPath names a user.
	UserPath struct {
		User core.UserID `path:"user" maxLength:"64" example:"usr_01hx"`
	}
	listUsers struct {
		PageQuery
		Email string `query:"email" maxLength:"254" doc:"only the user who signs in by this address"`
	}
	newUser  struct{ Body client.NewUser }
	setName  struct{ Body nameBody }
	nameBody struct {
		Name string `json:"name" maxLength:"400"`
	}
	newPassword struct {
		Body struct {
			Old string `json:"old" maxLength:"1024"`
			New string `json:"new" maxLength:"1024"`
		}
	}
	changeEmail struct {
		Body struct {
			Email    string `json:"email" maxLength:"254"`
			Password string `json:"password" maxLength:"1024"`
		}
	}
	setEmail struct {
		UserPath
		Body struct {
			Email string `json:"email" maxLength:"254"`
		}
	}
	resetPassword struct {
		Body struct {
			Token    string `json:"token" maxLength:"300"`
			Password string `json:"password" maxLength:"1024"`
		}
	}
	setup struct {
		Body struct {
			Token string `json:"token" maxLength:"300"`
			client.NewUser
		}
	}
)

// users are an operator's routes about people.
func (s *server) users() {
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "list-users", Method: http.MethodGet, Path: "/v1/users", Summary: "List the installation's users",
	}, func(ctx context.Context, p identity.Principal, in *listUsers) (*reply[client.Page[client.User]], error) {
		if in.Email != "" {
			u, err := s.cfg.Identity.UserByEmail(ctx, p, in.Email)
			if core.CodeOf(err) == core.NotFound {
				return paged([]identity.User{}, "", nil, wireUser)
			}
			return paged([]identity.User{u}, "", err, wireUser)
		}
		all, err := s.cfg.Identity.Users(ctx, p, core.UserID(in.Cursor), in.Limit)
		next := ""
		if len(all) == in.Limit {
			next = string(all[len(all)-1].ID)
		}
		return paged(all, next, err, wireUser)
	})
	act(s, identity.OperatePeople, huma.Operation{
		OperationID: "create-user", Method: http.MethodPost, Path: "/v1/users", Summary: "Make a user, for whose address the operator vouches", DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, p identity.Principal, in *newUser) (*reply[client.User], error) {
		u, err := s.cfg.Identity.CreateUser(ctx, p, identity.NewUser{Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password})
		return replied(u, err, wireUser)
	})
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "show-user", Method: http.MethodGet, Path: "/v1/users/{user}", Summary: "Show a user",
	}, func(ctx context.Context, p identity.Principal, in *UserPath) (*reply[client.User], error) {
		u, err := s.cfg.Identity.User(ctx, p, in.User)
		return replied(u, err, wireUser)
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "disable-user", Method: http.MethodPost, Path: "/v1/users/{user}/disable", Summary: "End a user's sessions, and keep the user and the user's keys out",
	}, func(ctx context.Context, p identity.Principal, in *UserPath) (*struct{}, error) {
		return nil, s.cfg.Identity.DisableUser(ctx, p, in.User)
	})
	act(s, identity.OperatePeople, huma.Operation{
		OperationID: "enable-user", Method: http.MethodPost, Path: "/v1/users/{user}/enable", Summary: "Let a user sign in again",
	}, func(ctx context.Context, p identity.Principal, in *UserPath) (*struct{}, error) {
		return nil, s.cfg.Identity.EnableUser(ctx, p, in.User)
	})
	act(s, identity.OperatePeople, huma.Operation{
		OperationID: "set-email", Method: http.MethodPut, Path: "/v1/users/{user}/email", Summary: "Change a user's e-mail address, for which the operator vouches",
	}, func(ctx context.Context, p identity.Principal, in *setEmail) (*reply[client.User], error) {
		u, err := s.cfg.Identity.SetEmail(ctx, p, in.User, in.Body.Email)
		return replied(u, err, wireUser)
	})
	act(s, identity.OperatePeople, shownOnce(huma.Operation{
		OperationID: "reset-password", Method: http.MethodPost, Path: "/v1/users/{user}/reset", Summary: "Make a link by which a user sets a new password", DefaultStatus: http.StatusCreated,
	}), func(ctx context.Context, p identity.Principal, in *UserPath) (*reply[client.Link], error) {
		token, err := s.cfg.Identity.ResetPassword(ctx, p, in.User)
		return replied(token, err, wireLink)
	})
}

// me are everybody's routes about himself, and those for people who aren't signed in yet.
func (s *server) me() {
	tags := []string{"me"}
	act(s, identity.HealthRead, huma.Operation{ // whoever has a credential may see whose it is
		OperationID: "show-me", Method: http.MethodGet, Path: "/v1/me", Summary: "Show whom the credential stands for, and what it may", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[client.Me], error) {
		me := client.Me{Principal: wirePrincipal(p), May: []string{}}
		for _, a := range identity.Actions() {
			if p.May(a) == nil {
				me.May = append(me.May, string(a))
			}
		}
		if p.Session != "" {
			u, err := s.cfg.Identity.User(ctx, p, p.User)
			if err != nil {
				return nil, err
			}
			account := wireUser(u)
			me.Account = &account
		}
		return &reply[client.Me]{me}, nil
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "rename-me", Method: http.MethodPatch, Path: "/v1/me", Summary: "Change one's own name", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *setName) (*reply[client.User], error) {
		u, err := s.cfg.Identity.RenameUser(ctx, p, in.Body.Name)
		return replied(u, err, wireUser)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "change-password", Method: http.MethodPost, Path: "/v1/me/password", Summary: "Change one's own password, and end one's other sessions", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *newPassword) (*struct{}, error) {
		return nil, s.cfg.Identity.ChangePassword(ctx, p, in.Body.Old, in.Body.New)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "change-email", Method: http.MethodPut, Path: "/v1/me/email", Summary: "Change the e-mail address by which one signs in", Tags: tags,
		Description: "Sessions go on.",
	}, func(ctx context.Context, p identity.Principal, in *changeEmail) (*reply[client.User], error) {
		u, err := s.cfg.Identity.ChangeEmail(ctx, p, in.Body.Password, in.Body.Email)
		return replied(u, err, wireUser)
	})
	act(s, public, huma.Operation{
		OperationID: "set-password", Method: http.MethodPost, Path: "/v1/password", Summary: "Set the password of the user whose link it is", Tags: tags,
		Description: "It takes a second factor away and ends all sessions.",
	}, func(ctx context.Context, _ identity.Principal, in *resetPassword) (*struct{}, error) {
		return nil, s.cfg.Identity.FinishReset(ctx, in.Body.Token, in.Body.Password, requestOf(ctx).from)
	})
	act(s, public, huma.Operation{
		OperationID: "set-up", Method: http.MethodPost, Path: "/v1/setup", Summary: "Make the first user, by the link that the first start has printed", Tags: tags,
		Description: "The owner of the first org and of the installation.", DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, _ identity.Principal, in *setup) (*signedIn, error) {
		n := in.Body.NewUser
		t, err := s.cfg.Identity.FinishSetup(ctx, in.Body.Token, identity.NewUser{Email: n.Email, Name: n.Name, Password: n.Password, Address: requestOf(ctx).from})
		return begun(ctx, t, false, err)
	})
}

func wireUser(u identity.User) client.User {
	return client.User{
		ID: u.ID, Email: u.Email, Name: u.Name, Service: u.Service, Disabled: u.Disabled, HasPassword: u.HasPassword,
		SecondFactor: u.SecondFactor, Created: u.Created,
	}
}

func wireLink(token string) client.Link { return client.Link{Token: token} }

func wirePrincipal(p identity.Principal) client.Principal {
	return client.Principal{
		Actor: p.Scope.Actor, User: p.User, Org: p.Scope.Org, Project: p.Scope.Project, Role: p.Role, Projects: each(p.Projects, same),
		Key: p.Key, Scopes: each(p.Scopes, same), Session: p.Session, Operates: p.May(identity.OperateRead) == nil,
	}
}
