package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) secretCommand() *cobra.Command {
	c := group("secret", "Keep credentials for tools, whose values nobody is shown")
	c.AddCommand(sh.secretList(), sh.secretDue(), sh.secretShow(), sh.secretSet(), sh.secretConnect(), sh.secretProviders(), sh.secretDelete())
	return c
}

var secretHead = []string{"SECRET", "KIND", "PROJECT", "VERSION", "LAST USE", "DUE", "NOTE"}

func secretRow(s client.Secret) []string {
	project, version, used, due := "all", strconv.FormatInt(s.Version, 10), "never", ""
	if s.Project != "" {
		project = string(s.Project)
	}
	note := s.Note
	if s.Connection != nil {
		version = s.Connection.Provider + yes(s.Connection.Broken, ", broken")
		if s.Connection.Broken {
			note = s.Connection.Hint
		}
	}
	if s.Used != nil {
		used = age(s.Used.At)
	}
	if s.Due != nil {
		due = day(*s.Due) + yes(s.Due.Before(time.Now()), ", overdue")
	}
	return []string{s.Name, s.Kind, project, version, used, due, cut(note, 60)}
}

func (sh *shell) secretList() *cobra.Command {
	var house bool
	c := listing(sh, &cobra.Command{Use: "list", Short: "List the credentials that the project may use", Example: "  isekai secret list"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Secret], error) {
			if house {
				all, err := c.InstallationSecrets(ctx)
				return client.Page[client.Secret]{Items: all}, err
			}
			return c.Secrets(ctx, o)
		},
		secretHead, secretRow, "No credentials.")
	c.Flags().BoolVar(&house, "installation", false, "those for providers of all orgs' models, as an operator")
	return c
}

func (sh *shell) secretDue() *cobra.Command {
	return &cobra.Command{Use: "due", Short: "List the credentials of all projects that should have got a new value by now", Args: cobra.NoArgs, Example: "  isekai secret due",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Secret, error) { return c.DueSecrets(ctx) }, func(w io.Writer, due []client.Secret) {
				rows := [][]string{secretHead}
				for _, s := range due {
					rows = append(rows, secretRow(s))
				}
				table(w, rows, "Nothing is due.", "")
			})
		}}
}

func printSecret(w io.Writer, s client.Secret) {
	row := secretRow(s)
	rows := [][2]string{{"Secret", s.Name + " (" + s.ID + ")"}, {"Kind", s.Kind}, {"Project", row[2]}, {"Version", row[3]}, {"Last use", row[4]}, {"Due", row[5]},
		{"Hosts", strings.Join(s.Hosts, " ")}, {"Note", s.Note}}
	if s.Fingerprint != "" {
		rows = append(rows, [2]string{"Key", s.Fingerprint})
	}
	if s.Connection != nil && s.Connection.Hint != "" {
		rows = append(rows, [2]string{"Broken", s.Connection.Hint})
	}
	facts(w, rows)
}

func (sh *shell) secretShow() *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show a credential, but for its value", Args: args("a credential's name"), Example: "  isekai secret show deploy-token",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Secret, error) { return c.Secret(ctx, a[0]) }, printSecret)
		}}
}

func (sh *shell) secretSet() *cobra.Command {
	var n client.NewSecret
	var shared, keep, house bool
	var file string
	c := &cobra.Command{Use: "set NAME", Short: "Make a credential, or give one a new value, which comes from standard input", Args: args("a name"),
		Long: "Make a credential, or give one a new value. The value is read from standard input, or whole from a file: that is how keys of several lines come.\n" +
			"What no flag names is as if it were new.",
		Example: "  isekai secret set deploy-token --host api.example.com --rotate 90 < token.txt\n  isekai secret set server --kind ssh_key --file ~/.ssh/id_ed25519 --shared\n" +
			"  isekai secret set deploy-token --keep --host api.example.com --note \"for deploys\"",
		RunE: func(c *cobra.Command, a []string) (err error) {
			switch {
			case shared && house:
				return core.E(core.Invalid, "", "--shared and --installation exclude each other").WithHint("leave one out")
			case keep && file != "":
				return core.E(core.Invalid, "", "--keep and --file exclude each other").WithHint("leave one out")
			case keep:
			case file != "":
				n.Value, err = wholeFile(file)
				if n.Kind != "ssh_key" && n.Kind != "text" { // the others have one line
					n.Value = strings.TrimRight(n.Value, "\r\n")
				}
			default:
				n.Value, err = sh.askSecret(c.Context(), "Value")
			}
			if err != nil {
				return err
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Secret, error) {
				if house {
					return c.PutInstallationSecret(ctx, a[0], n, "")
				}
				return c.PutSecret(ctx, a[0], shared, n, "")
			}, printSecret)
		}}
	f := c.Flags()
	f.StringVar(&n.Kind, "kind", "token", "token, basic, header, ssh_key or text")
	f.StringVar(&n.User, "user", "", "name that goes with a password, of the kind basic")
	f.StringVar(&n.Header, "header", "", "name of the header, of the kind header")
	f.StringVar(&n.Note, "note", "", "for people")
	f.StringSliceVar(&n.Hosts, "host", nil, "HOST, HOST:PORT or http://HOST:PORT that it may be sent to; may be given several times (default: all)")
	f.IntVar(&n.RotateDays, "rotate", 0, "remind somebody when a value is older than this many days")
	f.IntVar(&n.GraceHours, "grace", 0, "how many hours a value can be used after it was replaced")
	f.StringVar(&file, "file", "", "file with the value")
	f.BoolVar(&shared, "shared", false, "for all projects of the org")
	f.BoolVar(&house, "installation", false, "for providers of all orgs' models, as an operator")
	f.BoolVar(&keep, "keep", false, "keep the value that it has")
	return c
}

// wholeFile reads a value that may have several lines.
func wholeFile(path string) (string, error) {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return "", core.E(core.Invalid, "", "the file can't be read").Because(err).WithHint("name a file that holds the value")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil || len(b) > most || len(b) == 0 {
		return "", core.E(core.Invalid, "", fmt.Sprintf("%s has no value in it, or one of more than %d bytes", path, most)).Because(err).WithHint("name a file that holds the value")
	}
	return string(b), nil
}

func (sh *shell) secretDelete() *cobra.Command {
	var sure, shared, house bool
	c := &cobra.Command{Use: "delete NAME --yes", Short: "Remove a credential with all its values; a connection is revoked", Args: args("a credential's name"),
		Example: "  isekai secret delete deploy-token --yes",
		RunE: func(c *cobra.Command, a []string) error {
			if !sure {
				return core.E(core.Invalid, "", "this removes the credential with all its values").WithHint("isekai secret delete " + a[0] + " --yes does it")
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error {
				if house {
					return c.DeleteInstallationSecret(ctx, a[0], "")
				}
				return c.DeleteSecret(ctx, a[0], shared, "")
			}, "deleted", a[0], a[0]+" is gone.")
		}}
	c.Flags().BoolVar(&sure, "yes", false, "really")
	c.Flags().BoolVar(&shared, "shared", false, "the one for all projects of the org")
	c.Flags().BoolVar(&house, "installation", false, "the one for providers of all orgs' models, as an operator")
	return c
}
