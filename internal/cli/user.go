package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) userCommand() *cobra.Command {
	c := group("user", "Look after users, and after one's own sign-in")
	c.AddCommand(sh.userList(), sh.userShow(), sh.userCreate(), sh.userService(), sh.userVerb("disable", "End a user's sessions and keep the user out", (*client.Client).DisableUser),
		sh.userVerb("enable", "Let a user sign in again", (*client.Client).EnableUser), sh.userReset(),
		sh.userRename(), sh.userEmail(), sh.userPassword(), sh.userSessions(), sh.userRevoke(), sh.userTOTP(),
		sh.userSetup(), sh.userAccept(), sh.userSetPassword())
	return c
}

func (sh *shell) userList() *cobra.Command {
	return listing(sh, &cobra.Command{Use: "list", Short: "List the users of the installation, as an operator", Example: "  isekai user list --limit 200"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.User], error) {
			return c.Users(ctx, o)
		},
		[]string{"USER", "E-MAIL", "NAME", "SINCE", "STATE"},
		func(u client.User) []string {
			return []string{string(u.ID), u.Email, cut(u.Name, 40), day(u.Created), userState(u)}
		},
		"No users.")
}

func userState(u client.User) string {
	switch {
	case u.Disabled:
		return "disabled"
	case u.Service:
		return "service"
	case u.SecondFactor:
		return "second factor"
	}
	return ""
}

func printUser(w io.Writer, u client.User) {
	facts(w, [][2]string{{"User", string(u.ID)}, {"Name", u.Name}, {"E-mail", u.Email}, {"Since", day(u.Created)}, {"State", userState(u)}})
}

const aUser = "a user's id or e-mail address"

// userNamed returns the id of the user whom an argument names.
func userNamed(ctx context.Context, c *client.Client, who string) (core.UserID, error) {
	if !strings.Contains(who, "@") {
		return core.UserID(who), nil
	}
	u, err := c.UserByEmail(ctx, who)
	return u.ID, err
}

func (sh *shell) userShow() *cobra.Command {
	return &cobra.Command{Use: "show USER", Short: "Show a user, as an operator", Args: args(aUser), Example: "  isekai user show usr_01hx\n  isekai user show ann@example.org",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.User, error) {
				id, err := userNamed(ctx, c, a[0])
				if err != nil {
					return client.User{}, err
				}
				return c.User(ctx, id)
			}, printUser)
		}}
}

func (sh *shell) userCreate() *cobra.Command {
	var n client.NewUser
	var file string
	c := &cobra.Command{Use: "create EMAIL --name NAME", Short: "Make a user, as an operator; the password comes from standard input", Args: args("an e-mail address"),
		Example: `  isekai user create ann@example.org --name "Ann" < password.txt`,
		RunE: func(c *cobra.Command, a []string) (err error) {
			n.Email = a[0]
			if n.Password, err = sh.secretFrom(c.Context(), file, "Password"); err != nil {
				return err
			}
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.User, error) { return c.CreateUser(ctx, n, key) }, printUser)
		}}
	c.Flags().StringVar(&n.Name, "name", "", "the person's name")
	c.Flags().StringVar(&file, "password-file", "", "file with the password")
	needs(c, "name")
	return c
}

// needs has a command refuse to run without a flag.
func needs(c *cobra.Command, flags ...string) {
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		for _, f := range flags {
			if c.Flags().Lookup(f).Value.String() == "" {
				return core.E(core.Invalid, "", "--"+f+" is missing").WithHint(c.CommandPath() + " --help says more")
			}
		}
		return nil
	}
}

func (sh *shell) userService() *cobra.Command {
	var n client.NewService
	c := &cobra.Command{Use: "service NAME", Short: "Make a service of the org: a member that acts by API keys alone", Args: args("a name"),
		Example: "  isekai user service nightly-build --role member --project prj_01hx\n  isekai key create build --service usr_01hx --scope tasks:write",
		RunE: func(c *cobra.Command, a []string) error {
			n.Name = a[0]
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.User, error) { return c.CreateService(ctx, n, key) }, printUser)
		}}
	placeFlags(c, &n.Place, core.Member)
	return c
}

func (sh *shell) userVerb(verb, short string, f func(*client.Client, context.Context, core.UserID) error) *cobra.Command {
	return &cobra.Command{Use: verb + " USER", Short: short + ", as an operator", Args: args(aUser), Example: "  isekai user " + verb + " usr_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error {
				id, err := userNamed(ctx, c, a[0])
				if err != nil {
					return err
				}
				return f(c, ctx, id)
			}, verb+"d", a[0], a[0]+" is "+verb+"d")
		}}
}

func (sh *shell) userReset() *cobra.Command {
	return &cobra.Command{Use: "reset USER", Short: "Make a token by which a user sets a new password, as an operator", Args: args(aUser),
		Example: "  isekai user reset ann@example.org\n  isekai user set-password https://isekai.example.org    (the user, with the token)",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Link, error) {
				id, err := userNamed(ctx, c, a[0])
				if err != nil {
					return client.Link{}, err
				}
				return c.ResetPassword(ctx, id)
			},
				func(w io.Writer, l client.Link) {
					fmt.Fprintf(w, "%s\nIt works once, for a day: isekai user set-password URL takes it. It isn't shown again.\n", l.Token)
				})
		}}
}
