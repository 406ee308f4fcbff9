package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Member is a user's place in an org.
type Member struct {
	User     User             `json:"user"`
	Role     core.Role        `json:"role" enum:"viewer,member,admin,owner"`
	Projects []core.ProjectID `json:"projects" doc:"that the user is held to; empty: all"`
	Source   string           `json:"source,omitempty" doc:"the issuer whose groups say so"`
	Since    time.Time        `json:"since"`
}

// Place is a role in an org, and the projects that it is held to.
type Place struct {
	Role     core.Role        `json:"role" enum:"viewer,member,admin,owner"`
	Projects []core.ProjectID `json:"projects,omitempty" maxItems:"200" doc:"that the member is held to; none: all"`
}

// NewMember is a user who is to be a member.
type NewMember struct {
	User core.UserID `json:"user" maxLength:"64"`
	Place
}

// NewService is a service to be: a member that acts by API keys alone.
type NewService struct {
	Name string `json:"name" maxLength:"400"`
	Place
}

// NewInvitation asks a person into the org.
type NewInvitation struct {
	Email string `json:"email" maxLength:"254"`
	// Mail has the token sent to the address, too.
	Mail bool `json:"mail,omitempty" doc:"the token is sent to the address, too, where the installation sends e-mail"`
	Place
}

// Invitation is what the token of one is about.
type Invitation struct {
	Email   string     `json:"email"`
	Org     core.OrgID `json:"org"`
	OrgName string     `json:"org_name"`
	Place
}

// Pending is an invitation that nobody has accepted.
type Pending struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Place
	By      core.UserID `json:"by"`
	Created time.Time   `json:"created"`
	Expires time.Time   `json:"expires"`
	Void    bool        `json:"void,omitempty" doc:"who made it may not any more, and nobody can accept it"`
}

// Acceptance is what a person who accepts an invitation says.
type Acceptance struct {
	Token    string `json:"token" maxLength:"300"`
	Name     string `json:"name" maxLength:"400"`
	Password string `json:"password" maxLength:"1024"`
}

// Members returns a page of the org's members.
func (c *Client) Members(ctx context.Context, o PageOptions) (Page[Member], error) {
	return get[Page[Member]](ctx, c, "/v1/members", o.query())
}

// AddMember makes a user a member of an org, as an operator.
func (c *Client) AddMember(ctx context.Context, org core.OrgID, n NewMember, idempotencyKey string) error {
	r := request{method: http.MethodPost, path: "/v1/installation/members", query: with(nil, "org", string(org)), body: n, header: map[string]string{"Idempotency-Key": idempotencyKey}}
	_, err := c.call(ctx, r, nil)
	return err
}

func memberPath(id core.UserID) string { return "/v1/members/" + escape(string(id)) }

// SetRole changes a member's role, and the projects that he is held to.
func (c *Client) SetRole(ctx context.Context, id core.UserID, p Place) error {
	return c.do(ctx, http.MethodPatch, memberPath(id), p)
}

// RemoveMember ends a user's place in the org, and his keys there.
func (c *Client) RemoveMember(ctx context.Context, id core.UserID) error {
	return c.do(ctx, http.MethodDelete, memberPath(id), nil)
}

// CreateService makes a service of the org.
func (c *Client) CreateService(ctx context.Context, n NewService, idempotencyKey string) (User, error) {
	return create[User](ctx, c, "/v1/services", n, idempotencyKey)
}

// Invite asks a person into the org.
func (c *Client) Invite(ctx context.Context, n NewInvitation, idempotencyKey string) (Link, error) {
	return create[Link](ctx, c, "/v1/invitations", n, idempotencyKey)
}

// Invitations returns a page of the invitations into the org that nobody has accepted.
func (c *Client) Invitations(ctx context.Context, o PageOptions) (Page[Pending], error) {
	return get[Page[Pending]](ctx, c, "/v1/invitations", o.query())
}

// Withdraw takes an invitation back.
func (c *Client) Withdraw(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/invitations/"+escape(id), nil)
}

// Invitation returns what an invitation is about.
func (c *Client) Invitation(ctx context.Context, token string) (Invitation, error) {
	return send[Invitation](ctx, c, http.MethodPost, "/v1/invitations/show", Link{token})
}

// AcceptInvitation makes a user of the person who was invited, and signs in.
func (c *Client) AcceptInvitation(ctx context.Context, a Acceptance) (Tokens, error) {
	return send[Tokens](ctx, c, http.MethodPost, "/v1/invitations/accept", a)
}

// Join makes the one who asks a member of the org that he was invited to.
func (c *Client) Join(ctx context.Context, token string) (Org, error) {
	return send[Org](ctx, c, http.MethodPost, "/v1/invitations/join", Link{token})
}
