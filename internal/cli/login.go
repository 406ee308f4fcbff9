package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// away returns a way to the server that somebody has signed in to; nil if nobody has, or
// the command line or the environment names another installation.
func (sh *shell) away(ctx context.Context, mode Mode) (*Conn, error) {
	k, ok := sh.kept()
	if !ok || sh.dataDir != "" || sh.config != "" || os.Getenv("ISEKAI_DATA_DIR") != "" || os.Getenv("ISEKAI_CONFIG") != "" {
		return nil, nil
	}
	a, err := k.read()
	if err != nil || a.Server == "" {
		return nil, err
	}
	conn := &Conn{Client: client.NewWith(a.Server, k.source(a.Server), nil), URL: a.Server, Close: func() error { return nil }}
	if mode == Working { // it says with which model
		h, err := conn.Client.Health(ctx)
		if err != nil {
			return nil, err
		}
		conn.Model, conn.Notice = h.Model, h.Notice
	}
	return conn, nil
}

type loginFlags struct {
	email, org, passwordFile, issuer string
	key, noBrowser                   bool
}

// anyIssuer is the value of --oidc without a name.
const anyIssuer = "-"

func (sh *shell) loginCommand() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{Use: "login [URL]", Short: "Sign in to a server, which the commands then go to", Args: cobra.MaximumNArgs(2),
		Long: "Sign in to a server, which the commands then go to, until isekai logout. A command with --data-dir or --config,\nor ISEKAI_DATA_DIR or ISEKAI_CONFIG in its environment, stays with that installation.\n\n" +
			"What isn't asked for on a terminal is read from standard input, a line each: the e-mail address, unless --email gives it, the password, unless\n" +
			"--password-file does, and the code of the second factor, if there is one. With --key it is an API key.\n\n" +
			"With --oidc a browser signs in at an OpenID Connect issuer of the server's, which is named if there are several; it has to run on this machine.",
		Example: "  isekai login https://isekai.example.org --email ann@example.org\n  isekai login https://isekai.example.org --key < key.txt\n  isekai login https://isekai.example.org --oidc google",
		RunE: func(c *cobra.Command, args []string) error {
			args, err := f.named(args)
			if err != nil {
				return err
			}
			k, ok := sh.kept()
			if !ok {
				return core.E(core.Unavailable, "", "there is no folder to keep a sign-in in").WithHint("set HOME or XDG_CONFIG_HOME")
			}
			server, err := serverOf(k, args)
			switch {
			case err != nil:
				return err
			case f.key:
				return sh.loginByKey(c.Context(), k, server)
			case f.issuer != "":
				return sh.loginByIssuer(c.Context(), k, server, f)
			}
			return sh.login(c.Context(), k, server, f)
		}}
	c.Flags().StringVar(&f.email, "email", "", "e-mail address")
	c.Flags().StringVar(&f.org, "org", "", "sign in to this org (default: the user's own)")
	c.Flags().StringVar(&f.passwordFile, "password-file", "", "file with the password")
	c.Flags().BoolVar(&f.key, "key", false, "sign in with an API key")
	c.Flags().StringVar(&f.issuer, "oidc", "", "sign in at an OpenID Connect issuer, by a browser")
	c.Flags().Lookup("oidc").NoOptDefVal = anyIssuer
	c.Flags().BoolVar(&f.noBrowser, "no-browser", false, "with --oidc, print the URL and start no browser")
	return c
}

// named takes an issuer's name from the arguments: that of --oidc may stand apart.
func (f *loginFlags) named(args []string) ([]string, error) {
	last := len(args) - 1
	if f.issuer == anyIssuer && last >= 0 && (last == 1 || !strings.Contains(args[last], "://")) {
		f.issuer, args = args[last], args[:last]
	}
	switch {
	case len(args) > 1:
		return nil, core.E(core.Invalid, "", "it takes one server").WithHint("isekai login --help says more")
	case f.issuer != "" && (f.key || f.email != "" || f.passwordFile != ""):
		return nil, core.E(core.Invalid, "", "--oidc goes with --org and --no-browser alone").WithHint("who signs in at an issuer says there who it is")
	case f.issuer == "" && f.noBrowser:
		return nil, core.E(core.Invalid, "", "--no-browser goes with --oidc").WithHint("no other sign-in starts one")
	}
	return args, nil
}

// serverOf returns the server that is named, or the one that somebody was signed in to.
func serverOf(k kept, args []string) (string, error) {
	if len(args) == 0 {
		if a, err := k.read(); err == nil && a.Server != "" {
			return a.Server, nil
		}
		return "", core.E(core.Invalid, "", "name the server").WithHint("as in isekai login https://isekai.example.org")
	}
	return checkServer(args[0])
}

// checkServer returns the base of a server's URL. A password goes over no open line.
func checkServer(s string) (string, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", core.E(core.Invalid, "", s+" isn't a server's URL").WithHint("as in https://isekai.example.org")
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); u.Scheme == "http" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", core.E(core.Invalid, "", "what goes to "+s+" could be read on the way").WithHint("use https://" + u.Host)
	}
	return u.String(), nil
}

func (sh *shell) login(ctx context.Context, k kept, server string, f loginFlags) (err error) {
	l := client.Login{Email: f.email, Org: core.OrgID(f.org)}
	if l.Email == "" {
		if l.Email, err = sh.ask(ctx, "E-mail"); err != nil {
			return err
		}
	}
	if l.Password, err = sh.secretFrom(ctx, f.passwordFile, "Password"); err != nil {
		return err
	}
	at := client.New(server, "", nil)
	t, err := at.SignIn(ctx, l)
	if errors.Is(err, client.ErrCodeNeeded) {
		if l.Code, err = sh.askSecret(ctx, "Code"); err != nil {
			return err
		}
		t, err = at.SignIn(ctx, l)
	}
	if err != nil {
		return err
	}
	return sh.signedIn(ctx, k, server, t)
}

// signedIn keeps the tokens of a sign-in and says who it is.
func (sh *shell) signedIn(ctx context.Context, k kept, server string, t client.Tokens) error {
	_, err := k.change(ctx, func(a *account) error {
		*a = account{Server: server}
		a.take(t)
		return nil
	})
	if err != nil {
		return err
	}
	return sh.printWho(server, t.Principal, "")
}

func (sh *shell) loginByKey(ctx context.Context, k kept, server string) error {
	key, err := sh.askSecret(ctx, "API key")
	if err != nil {
		return err
	}
	me, err := client.New(server, key, nil).Me(ctx)
	if err != nil {
		return err
	}
	_, err = k.change(ctx, func(a *account) error {
		*a = account{Server: server, Key: key}
		return nil
	})
	if err != nil {
		return err
	}
	return sh.printWho(server, me.Principal, "")
}

func (sh *shell) logoutCommand() *cobra.Command {
	return &cobra.Command{Use: "logout", Short: "Sign out of the server that isekai login has signed in to", Args: cobra.NoArgs,
		Example: "  isekai logout",
		RunE: func(c *cobra.Command, _ []string) error {
			k, ok := sh.kept()
			if !ok {
				return nobody()
			}
			a, err := k.read()
			if err != nil {
				return errors.Join(err, k.forget())
			}
			if a.Server == "" {
				return nobody()
			}
			ended := a.Key == ""
			if ended {
				err = client.NewWith(a.Server, k.source(a.Server), nil).SignOut(c.Context())
				ended = err == nil || core.CodeOf(err) == core.Unauthenticated
			}
			if ferr := k.forget(); ferr != nil {
				return ferr
			}
			return sh.print(map[string]any{"server": a.Server, "ended": ended}, func(w io.Writer) {
				fmt.Fprintln(w, "Signed out of "+a.Server)
				switch {
				case a.Key != "":
					fmt.Fprintln(w, "The API key is still good; isekai key revoke ends one.")
				case !ended:
					fmt.Fprintln(w, "The server couldn't be told; there the session ends when it isn't used for a week.")
				}
			})
		}}
}

func nobody() error {
	return core.E(core.NotFound, "", "nobody is signed in").WithHint("isekai login URL signs in")
}

func (sh *shell) whoamiCommand() *cobra.Command {
	return &cobra.Command{Use: "whoami", Short: "Show who the commands act for, and where", Args: cobra.NoArgs, Example: "  isekai whoami",
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				me, err := conn.Client.Me(c.Context())
				if err != nil {
					return err
				}
				email := ""
				if me.Account != nil {
					email = me.Account.Email
				}
				where := conn.URL
				if where == "" {
					where = "this process"
				}
				return sh.printWho(where, me.Principal, email)
			})
		}}
}

// who is a principal and where it is one.
type who struct {
	Server string `json:"server"`
	Email  string `json:"email,omitempty"`
	client.Principal
}

func (sh *shell) printWho(server string, p client.Principal, email string) error {
	return sh.print(who{server, email, p}, func(w io.Writer) {
		name := string(p.User)
		if email != "" {
			name = email + " (" + name + ")"
		}
		if p.Key != "" {
			name = string(p.Key) + " of " + name
		}
		rows := [][2]string{{"Server", server}, {"As", name}, {"Org", string(p.Org) + ", " + string(p.Role)}, {"Project", string(p.Project)}}
		if p.Key != "" {
			rows = append(rows, [2]string{"Scopes", strings.Join(p.Scopes, " ")})
		}
		if p.Operates {
			rows = append(rows, [2]string{"Also", "may look after the installation"})
		}
		facts(w, rows)
	})
}

// facts prints names and values, a line each.
func facts(w io.Writer, rows [][2]string) {
	wide := 0
	for _, r := range rows {
		wide = max(wide, len(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%-*s  %s\n", wide, r[0], printable(r[1]))
	}
}
