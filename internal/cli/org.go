package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) orgCommand() *cobra.Command {
	c := group("org", "Look after orgs and their members")
	c.AddCommand(sh.orgList(), sh.orgShow(), sh.orgCreate(), sh.orgRename(), sh.orgEnter(), sh.orgLeave(),
		sh.orgMembers(), sh.orgAdd(), sh.orgRole(), sh.orgRemove(), sh.orgInvite(), sh.orgInvitations(), sh.orgWithdraw(), sh.orgJoin())
	return c
}

func (sh *shell) orgList() *cobra.Command {
	var all bool
	c := listing(sh, &cobra.Command{Use: "list", Short: "List one's orgs, or as an operator all", Example: "  isekai org list --all"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Org], error) {
			if all {
				return c.AllOrgs(ctx, o)
			}
			mine, err := c.Orgs(ctx)
			return client.Page[client.Org]{Items: mine}, err
		}, []string{"ORG", "NAME", "ROLE", "SINCE"},
		func(o client.Org) []string {
			return []string{string(o.ID), cut(o.Name, 40), string(o.Role), day(o.Created)}
		}, "No orgs.")
	c.Flags().BoolVar(&all, "all", false, "all of the installation, as an operator")
	return c
}

func printOrg(w io.Writer, o client.Org) {
	facts(w, [][2]string{{"Org", string(o.ID)}, {"Name", o.Name}, {"Role", string(o.Role)}, {"Since", day(o.Created)}})
}

func (sh *shell) orgShow() *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show the org that one is signed in to", Args: cobra.NoArgs, Example: "  isekai org show",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Org, error) { return c.Org(ctx) }, printOrg)
		}}
}

func (sh *shell) orgCreate() *cobra.Command {
	var n client.NewOrg
	c := &cobra.Command{Use: "create NAME", Short: "Make an org: one's own, or as an operator somebody's", Args: args("a name"),
		Long:    "Make an org. Without a flag it is one's own, where the installation lets everybody; an operator names its owner, or invites one.",
		Example: "  isekai org create \"Example Ltd\" --invite ann@example.org",
		RunE: func(c *cobra.Command, a []string) error {
			n.Name = a[0]
			if n.Owner != "" && n.Invite != "" {
				return core.E(core.Invalid, "", "--owner and --invite exclude each other").WithHint("an org begins with one owner")
			}
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MadeOrg, error) {
				if n.Owner == "" && n.Invite == "" {
					o, err := c.OpenOrg(ctx, n.Name, key)
					return client.MadeOrg{Org: o}, err
				}
				return c.CreateOrg(ctx, n, key)
			}, func(w io.Writer, o client.MadeOrg) {
				printOrg(w, o.Org)
				if o.Invitation != "" {
					printInvitation(w, o.Invitation, n.Invite)
				}
			})
		}}
	c.Flags().StringVar((*string)(&n.Owner), "owner", "", "id of the user who owns it")
	c.Flags().StringVar(&n.Invite, "invite", "", "e-mail address of who is to own it")
	return c
}

func printInvitation(w io.Writer, token, email string) {
	fmt.Fprintf(w, "%s\nGive this to %s: isekai user accept URL takes it, or isekai org join. It works once, for three days, and isn't shown again.\n", token, printable(email))
}

func (sh *shell) orgRename() *cobra.Command {
	return &cobra.Command{Use: "rename NAME", Short: "Change the org's name", Args: args("a name"), Example: `  isekai org rename "Example Ltd"`,
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Org, error) { return c.RenameOrg(ctx, a[0]) }, printOrg)
		}}
}

func (sh *shell) orgEnter() *cobra.Command {
	return &cobra.Command{Use: "enter ORG", Short: "Go on in another of one's orgs", Args: args("an org's id"), Example: "  isekai org enter org_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			err := sh.done(c, func(ctx context.Context, c *client.Client) error { return c.EnterOrg(ctx, core.OrgID(a[0])) }, "entered", a[0], "The commands go to "+a[0]+" now.")
			k, ok := sh.kept()
			if err != nil || !ok {
				return err
			}
			_, err = k.change(c.Context(), func(a *account) error { a.Access = ""; return nil }) // the next one is of that org
			return err
		}}
}

func (sh *shell) orgLeave() *cobra.Command {
	var sure bool
	c := &cobra.Command{Use: "leave --yes", Short: "End one's own place in the org, and one's keys there", Args: cobra.NoArgs, Example: "  isekai org leave --yes",
		RunE: func(c *cobra.Command, _ []string) error {
			if !sure {
				return core.E(core.Invalid, "", "this ends your place in the org").WithHint("isekai org leave --yes does it")
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.LeaveOrg(ctx) }, "left", "org", "You have left the org.")
		}}
	c.Flags().BoolVar(&sure, "yes", false, "really")
	return c
}
