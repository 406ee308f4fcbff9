package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) orgMembers() *cobra.Command {
	return listing(sh, &cobra.Command{Use: "members", Short: "List the org's members", Example: "  isekai org members"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Member], error) {
			return c.Members(ctx, o)
		},
		[]string{"USER", "E-MAIL", "NAME", "ROLE", "PROJECTS", "SINCE", "STATE"},
		func(m client.Member) []string {
			return []string{string(m.User.ID), m.User.Email, cut(m.User.Name, 40), string(m.Role), projectNames(m.Projects), day(m.Since), userState(m.User)}
		}, "No members.")
}

func (sh *shell) orgAdd() *cobra.Command {
	var n client.NewMember
	var org string
	c := &cobra.Command{Use: "add USER --org ORG", Short: "Make a user a member of an org without an invitation, as an operator", Args: args("a user's id"),
		Example: "  isekai org add usr_01hx --org org_01hx --role member",
		RunE: func(c *cobra.Command, a []string) error {
			n.User = core.UserID(a[0])
			key := core.NewID("key")
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.AddMember(ctx, core.OrgID(org), n, key) }, "added", a[0], a[0]+" is a member now.")
		}}
	c.Flags().StringVar(&org, "org", "", "id of the org (default: where one is the owner of the data directory, the first)")
	placeFlags(c, &n.Place, core.Member)
	return c
}

func (sh *shell) orgRole() *cobra.Command {
	var p client.Place
	c := &cobra.Command{Use: "role USER ROLE", Short: "Change a member's role, and the projects that it is held to", Args: args("a user's id", "a role"),
		Example: "  isekai org role usr_01hx viewer --project prj_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			p.Role = core.Role(a[1])
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.SetRole(ctx, core.UserID(a[0]), p) }, "changed", a[0], a[0]+" is "+a[1]+" now.")
		}}
	c.Flags().Var((*projectList)(&p.Projects), "project", "only in this project; may be given several times")
	return c
}

func (sh *shell) orgRemove() *cobra.Command {
	return &cobra.Command{Use: "remove USER", Short: "End a member's place in the org, and the member's keys; ends a service", Args: args("a user's id"),
		Example: "  isekai org remove usr_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RemoveMember(ctx, core.UserID(a[0])) }, "removed", a[0], a[0]+" is no member any more.")
		}}
}

func (sh *shell) orgInvite() *cobra.Command {
	var n client.NewInvitation
	c := &cobra.Command{Use: "invite EMAIL", Short: "Make a token by which a person joins the org", Args: args("an e-mail address"), Example: "  isekai org invite bob@example.org --role member",
		RunE: func(c *cobra.Command, a []string) error {
			n.Email = a[0]
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Link, error) { return c.Invite(ctx, n, key) },
				func(w io.Writer, l client.Link) { printInvitation(w, l.Token, n.Email) })
		}}
	placeFlags(c, &n.Place, core.Member)
	c.Flags().BoolVar(&n.Mail, "mail", false, "send the token to the address, too")
	return c
}

func (sh *shell) orgInvitations() *cobra.Command {
	return listing(sh, &cobra.Command{Use: "invitations", Short: "List the invitations into the org that nobody has accepted", Example: "  isekai org invitations"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Pending], error) {
			return c.Invitations(ctx, o)
		},
		[]string{"INVITATION", "E-MAIL", "ROLE", "PROJECTS", "BY", "UNTIL", "STATE"},
		func(i client.Pending) []string {
			return []string{i.ID, i.Email, string(i.Role), projectNames(i.Projects), string(i.By), minute(i.Expires), yes(i.Void, "void")}
		}, "No invitations.")
}

func (sh *shell) orgWithdraw() *cobra.Command {
	return &cobra.Command{Use: "withdraw INVITATION", Short: "Take an invitation back", Args: args("an invitation's id"), Example: "  isekai org withdraw inv_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.Withdraw(ctx, a[0]) }, "withdrawn", a[0], a[0]+" is withdrawn; nobody can accept it.")
		}}
}

func (sh *shell) orgJoin() *cobra.Command {
	return &cobra.Command{Use: "join", Short: "Join an org, as a user who was invited; reads the invitation's token", Args: cobra.NoArgs, Example: "  isekai org join < token.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			token, err := sh.askSecret(c.Context(), "Token")
			if err != nil {
				return err
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Org, error) { return c.Join(ctx, token) }, func(w io.Writer, o client.Org) {
				plainly("You are a member of " + string(o.ID) + " now: isekai org enter " + string(o.ID))(w)
			})
		}}
}
