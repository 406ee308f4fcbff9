package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/notify"
)

type (
	newMember struct {
		OrgQuery
		Body client.NewMember
	}
	invitationPath struct {
		Invitation string `path:"invitation" maxLength:"64" example:"inv_01hx"`
	}
	setPlace struct {
		UserPath
		Body client.Place
	}
	newService    struct{ Body client.NewService }
	newInvitation struct{ Body client.NewInvitation }
	linkBody      struct{ Body client.Link }
	acceptance    struct{ Body client.Acceptance }
)

func (s *server) members() {
	tags := []string{"members"}
	act(s, identity.MemberRead, huma.Operation{
		OperationID: "list-members", Method: http.MethodGet, Path: "/v1/members", Summary: "List the org's members", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *PageQuery) (*reply[client.Page[client.Member]], error) {
		all, next, err := s.cfg.Identity.Members(ctx, p, core.UserID(in.Cursor), in.Limit)
		return paged(all, string(next), err, wireMember)
	})
	act(s, identity.OperatePeople, creates(huma.Operation{
		OperationID: "add-member", Method: http.MethodPost, Path: "/v1/installation/members", Summary: "Make a user a member of an org, who isn't asked",
	}), func(ctx context.Context, p identity.Principal, in *newMember) (*struct{}, error) {
		org, err := s.subject(ctx, in.OrgQuery)
		if err != nil {
			return nil, err
		}
		return nil, s.cfg.Identity.AddMember(ctx, p, org, identity.NewMember{User: in.Body.User, Role: in.Body.Role, Projects: in.Body.Projects})
	})
	act(s, identity.MemberWrite, huma.Operation{
		OperationID: "set-role", Method: http.MethodPatch, Path: "/v1/members/{user}", Summary: "Change a member's role, and the projects that it is held to", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *setPlace) (*struct{}, error) {
		return nil, s.cfg.Identity.SetRole(ctx, p, identity.NewMember{User: in.User, Role: in.Body.Role, Projects: in.Body.Projects})
	})
	act(s, identity.MemberWrite, huma.Operation{
		OperationID: "remove-member", Method: http.MethodDelete, Path: "/v1/members/{user}", Summary: "End a user's place in the org, and the user's keys there", Tags: tags,
		Description: "A service ends with it.",
	}, func(ctx context.Context, p identity.Principal, in *UserPath) (*struct{}, error) {
		return nil, s.cfg.Identity.RemoveMember(ctx, p, in.User)
	})
	act(s, identity.MemberWrite, huma.Operation{
		OperationID: "create-service", Method: http.MethodPost, Path: "/v1/services", Summary: "Make a service: a member that acts by API keys alone", Tags: tags, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, p identity.Principal, in *newService) (*reply[client.User], error) {
		u, err := s.cfg.Identity.CreateService(ctx, p, identity.NewService{Name: in.Body.Name, Role: in.Body.Role, Projects: in.Body.Projects})
		return replied(u, err, wireUser)
	})
}

// invitationMail is the e-mail with the token of an invitation. It says nothing that somebody has
// written: nobody has other people written to in his words.
func invitationMail(to, server, token string) notify.Letter {
	return notify.Letter{To: to, Subject: "[Isekai] An invitation", Text: "You are invited to " + server + ".\n\n" +
		"To become a user, and sign in:\n  isekai user accept " + server + " --name \"Your Name\"\n" +
		"Who is a user signs in:\n  isekai org join\n\n" +
		"Either asks for this token, which works once, for three days:\n  " + token + "\n\n" +
		"Whoever you didn't expect this from: there is nothing to do.\n"}
}

// invitations are the routes about them. A token is in a body, since paths get into logs.
func (s *server) invitations() {
	tags := []string{"members"}
	act(s, identity.MemberWrite, shownOnce(huma.Operation{
		OperationID: "invite", Method: http.MethodPost, Path: "/v1/invitations", Summary: "Ask a person into the org", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "The answer is the same whether there is such a user or not.",
	}), func(ctx context.Context, p identity.Principal, in *newInvitation) (*reply[client.Link], error) {
		if in.Body.Mail {
			if err := s.cfg.Notify.Mails(); err != nil {
				return nil, err
			}
		}
		token, err := s.cfg.Identity.InviteUser(ctx, p, identity.Invite{Email: in.Body.Email, Role: in.Body.Role, Projects: in.Body.Projects})
		if err == nil && in.Body.Mail {
			err = s.cfg.Notify.Write(ctx, p.Scope.Org, invitationMail(in.Body.Email, s.cfg.URL, token))
		}
		return replied(token, err, wireLink)
	})
	act(s, identity.MemberRead, huma.Operation{
		OperationID: "list-invitations", Method: http.MethodGet, Path: "/v1/invitations", Summary: "List the invitations into the org that nobody has accepted", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *PageQuery) (*reply[client.Page[client.Pending]], error) {
		all, next, err := s.cfg.Identity.Invitations(ctx, p, in.Cursor, in.Limit)
		return paged(all, next, err, wirePending)
	})
	act(s, identity.MemberWrite, huma.Operation{
		OperationID: "withdraw-invitation", Method: http.MethodDelete, Path: "/v1/invitations/{invitation}", Summary: "Take an invitation back", Tags: tags,
		Description: "Nobody accepts it from then on.",
	}, func(ctx context.Context, p identity.Principal, in *invitationPath) (*struct{}, error) {
		return nil, s.cfg.Identity.Withdraw(ctx, p, in.Invitation)
	})
	act(s, public, huma.Operation{
		OperationID: "show-invitation", Method: http.MethodPost, Path: "/v1/invitations/show", Summary: "Show what an invitation is about", Tags: tags,
	}, func(ctx context.Context, _ identity.Principal, in *linkBody) (*reply[client.Invitation], error) {
		i, err := s.cfg.Identity.Invitation(ctx, in.Body.Token)
		return replied(i, err, func(i identity.Invite) client.Invitation {
			return client.Invitation{Email: i.Email, Org: i.Org, OrgName: i.OrgName, Place: client.Place{Role: i.Role, Projects: i.Projects}}
		})
	})
	act(s, public, huma.Operation{
		OperationID: "accept-invitation", Method: http.MethodPost, Path: "/v1/invitations/accept", Summary: "Become a user and a member, and sign in", Tags: tags, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, _ identity.Principal, in *acceptance) (*signedIn, error) {
		t, err := s.cfg.Identity.Accept(ctx, in.Body.Token, identity.NewUser{Name: in.Body.Name, Password: in.Body.Password, Address: requestOf(ctx).from})
		return begun(ctx, t, false, err)
	})
	act(s, identity.Self, huma.Operation{
		OperationID: "join-org", Method: http.MethodPost, Path: "/v1/invitations/join", Summary: "Become a member, as the user who was invited", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *linkBody) (*reply[client.Org], error) {
		org, err := s.cfg.Identity.AcceptAs(ctx, p, in.Body.Token)
		if err != nil {
			return nil, err
		}
		all, err := s.cfg.Identity.Orgs(ctx, p)
		for _, o := range all {
			if o.ID == org {
				return replied(o, err, wireOrg)
			}
		}
		return &reply[client.Org]{client.Org{ID: org}}, err
	})
}

func wireMember(m identity.Member) client.Member {
	return client.Member{User: wireUser(m.User), Role: m.Role, Projects: each(m.Projects, same), Source: m.Source, Since: m.Since}
}

func wirePending(i identity.Invite) client.Pending {
	return client.Pending{
		ID: i.ID, Email: i.Email, Place: client.Place{Role: i.Role, Projects: i.Projects}, By: i.By, Created: i.Created, Expires: i.Expires, Void: i.Void,
	}
}
