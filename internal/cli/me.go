package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) userRename() *cobra.Command {
	return &cobra.Command{Use: "rename NAME", Short: "Change one's own name", Args: args("a name"), Example: `  isekai user rename "Ann Example"`,
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.User, error) { return c.RenameMe(ctx, a[0]) }, printUser)
		}}
}

func (sh *shell) userEmail() *cobra.Command {
	var user string
	c := &cobra.Command{Use: "email EMAIL", Short: "Change the e-mail address by which one signs in; asks for the password", Args: args("an e-mail address"),
		Long:    "Change the e-mail address by which one signs in. Sessions go on. The password is asked for, but with --user, by which an operator changes somebody's and vouches for it.",
		Example: "  isekai user email ann@example.com\n  isekai user email ann@example.com --user usr_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			if user != "" {
				return answer(sh, c, func(ctx context.Context, c *client.Client) (client.User, error) {
					return c.SetEmail(ctx, core.UserID(user), a[0])
				}, printUser)
			}
			password, err := sh.askSecret(c.Context(), "Password")
			if err != nil {
				return err
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.User, error) {
				return c.ChangeEmail(ctx, password, a[0])
			}, printUser)
		}}
	c.Flags().StringVar(&user, "user", "", "of this user, as an operator")
	return c
}

func (sh *shell) userPassword() *cobra.Command {
	return &cobra.Command{Use: "password", Short: "Change one's own password, and end one's other sessions", Args: cobra.NoArgs,
		Long:    "Change one's own password, and end one's other sessions. The old and the new one are read from standard input, a line each.",
		Example: "  isekai user password",
		RunE: func(c *cobra.Command, _ []string) error {
			old, err := sh.askSecret(c.Context(), "Old password")
			if err != nil {
				return err
			}
			next, err := sh.newPassword(c.Context())
			if err != nil {
				return err
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.ChangePassword(ctx, old, next) },
				"changed", "password", "The password is changed; your other sessions have ended.")
		}}
}

// newPassword asks for a password, at a terminal twice.
func (sh *shell) newPassword(ctx context.Context) (string, error) {
	p, err := sh.askSecret(ctx, "New password")
	if err != nil || sh.terminal() == nil {
		return p, err
	}
	again, err := sh.askSecret(ctx, "Once more")
	if err == nil && again != p {
		err = core.E(core.Invalid, "", "the two aren't the same; nothing was done").WithHint("repeat the command")
	}
	return p, err
}

func (sh *shell) userSessions() *cobra.Command {
	return &cobra.Command{Use: "sessions", Short: "List one's own sessions", Args: cobra.NoArgs, Example: "  isekai user sessions",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Session, error) { return c.Sessions(ctx) }, func(w io.Writer, all []client.Session) {
				rows := [][]string{{"SESSION", "ORG", "BY", "FROM", "SINCE", "LAST USE", ""}}
				for _, s := range all {
					rows = append(rows, []string{s.ID, string(s.Org), s.By, s.Address, age(s.Created), age(s.Seen), yes(s.Current, "this one")})
				}
				table(w, rows, "No sessions.", "")
			})
		}}
}

func (sh *shell) userRevoke() *cobra.Command {
	return &cobra.Command{Use: "revoke SESSION", Short: "End a session of one's own", Args: args("a session's id"), Example: "  isekai user revoke ses_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RevokeSession(ctx, a[0]) }, "revoked", a[0], a[0]+" has ended")
		}}
}

func (sh *shell) userTOTP() *cobra.Command {
	c := group("totp", "Set up a second factor of one's own: codes of an authenticator app")
	c.AddCommand(sh.totpEnrol(), sh.totpConfirm(), sh.totpDisable())
	return c
}

func (sh *shell) totpEnrol() *cobra.Command {
	return &cobra.Command{Use: "enrol", Short: "Show the secret for an authenticator app; asks for the password", Args: cobra.NoArgs,
		Example: "  isekai user totp enrol\n  isekai user totp confirm",
		RunE: func(c *cobra.Command, _ []string) error {
			password, err := sh.askSecret(c.Context(), "Password")
			if err != nil {
				return err
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Factor, error) { return c.EnrolTOTP(ctx, password) }, func(w io.Writer, f client.Factor) {
				facts(w, [][2]string{{"Secret", f.Secret}, {"URL", f.URL}})
				fmt.Fprintln(w, "Give one of them to the app, and then: isekai user totp confirm")
			})
		}}
}

func (sh *shell) totpConfirm() *cobra.Command {
	return &cobra.Command{Use: "confirm", Short: "Switch the second factor on, by its first code", Args: cobra.NoArgs, Example: "  isekai user totp confirm",
		RunE: func(c *cobra.Command, _ []string) error {
			code, err := sh.ask(c.Context(), "Code")
			if err != nil {
				return err
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Recovery, error) { return c.ConfirmTOTP(ctx, code) }, func(w io.Writer, r client.Recovery) {
				fmt.Fprintln(w, "From now on a sign-in takes a code. Each of these stands in for a lost app once; they aren't shown again:")
				for _, code := range r.Codes {
					fmt.Fprintln(w, "  "+code)
				}
			})
		}}
}

func (sh *shell) totpDisable() *cobra.Command {
	return &cobra.Command{Use: "disable", Short: "Take one's second factor away; asks for the password", Args: cobra.NoArgs, Example: "  isekai user totp disable",
		RunE: func(c *cobra.Command, _ []string) error {
			password, err := sh.askSecret(c.Context(), "Password")
			if err != nil {
				return err
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DisableTOTP(ctx, password) }, "disabled", "totp", "The second factor is gone.")
		}}
}
