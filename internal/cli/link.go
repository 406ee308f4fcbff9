package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// What the token of a link that works once is for. It is read from standard input, as the
// secret that it is, before the password.
const tokenFirst = " The token and the password are read from standard input, a line each."

func (sh *shell) userSetup() *cobra.Command {
	var n client.NewUser
	c := &cobra.Command{Use: "setup URL --email EMAIL --name NAME", Short: "Make the first user, with the token that the first start has printed, and sign in",
		Long:    "Make the first user: the owner of the first org and of the installation. It signs in, too." + tokenFirst,
		Example: `  isekai user setup http://127.0.0.1:7777 --email ann@example.org --name "Ann"`, Args: args("a server's URL"),
		RunE: func(c *cobra.Command, a []string) error {
			return sh.byLink(c.Context(), a[0], func(ctx context.Context, at *client.Client, token, password string) (client.Tokens, error) {
				n.Password = password
				return at.FinishSetup(ctx, token, n)
			})
		}}
	c.Flags().StringVar(&n.Email, "email", "", "e-mail address to sign in by")
	c.Flags().StringVar(&n.Name, "name", "", "your name")
	needs(c, "email", "name")
	return c
}

func (sh *shell) userAccept() *cobra.Command {
	var name string
	c := &cobra.Command{Use: "accept URL --name NAME", Short: "Become a user by the token of an invitation, and sign in", Args: args("a server's URL"),
		Long:    "Become a user by the token of an invitation, and sign in. Who is a user signs in and uses isekai org join." + tokenFirst,
		Example: `  isekai user accept https://isekai.example.org --name "Ann"`,
		RunE: func(c *cobra.Command, a []string) error {
			return sh.byLink(c.Context(), a[0], func(ctx context.Context, at *client.Client, token, password string) (client.Tokens, error) {
				return at.AcceptInvitation(ctx, client.Acceptance{Token: token, Name: name, Password: password})
			})
		}}
	c.Flags().StringVar(&name, "name", "", "your name")
	needs(c, "name")
	return c
}

// byLink asks for a link's token and a new password, and signs in by them.
func (sh *shell) byLink(ctx context.Context, url string, use func(ctx context.Context, at *client.Client, token, password string) (client.Tokens, error)) error {
	k, ok := sh.kept()
	if !ok {
		return core.E(core.Unavailable, "", "there is no folder to keep a sign-in in").WithHint("set HOME or XDG_CONFIG_HOME")
	}
	server, token, password, err := sh.askLink(ctx, url)
	if err != nil {
		return err
	}
	t, err := use(ctx, client.New(server, "", nil), token, password)
	if err != nil {
		return err
	}
	return sh.signedIn(ctx, k, server, t)
}

func (sh *shell) askLink(ctx context.Context, url string) (server, token, password string, err error) {
	if server, err = checkServer(url); err != nil {
		return server, "", "", err
	}
	if token, err = sh.askSecret(ctx, "Token"); err != nil {
		return server, "", "", err
	}
	password, err = sh.newPassword(ctx)
	return server, token, password, err
}

func (sh *shell) userSetPassword() *cobra.Command {
	return &cobra.Command{Use: "set-password URL", Short: "Set a new password by the token of isekai user reset", Args: args("a server's URL"),
		Long:    "Set a new password by the token of isekai user reset. It takes a second factor away and ends all sessions." + tokenFirst,
		Example: "  isekai user set-password https://isekai.example.org",
		RunE: func(c *cobra.Command, a []string) error {
			server, token, password, err := sh.askLink(c.Context(), a[0])
			if err != nil {
				return err
			}
			if err := client.New(server, "", nil).FinishReset(c.Context(), token, password); err != nil {
				return err
			}
			return sh.print(map[string]string{"changed": "password"}, plainly("The password is set: isekai login "+server))
		}}
}
