package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) keysCommand() *cobra.Command {
	c := group("keys", "Rotate and destroy the keys that the data of orgs is encrypted with")
	c.AddCommand(sh.keysNew(), sh.keysRotate(), sh.keysShred(), sh.keysRecover())
	return c
}

func (sh *shell) keysNew() *cobra.Command {
	return &cobra.Command{Use: "new FILE", Short: "Make a master key in a new file, for keys.file or keys.key", Args: cobra.ExactArgs(1),
		Long: "Make a master key in a new file that this user alone can read: for keys.file, or its text for ISEKAI_KEYS_KEY. Nothing uses it yet.\n" +
			"An installation in use moves to it with old_keys and isekai keys rotate --master.",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := sh.platform.NewMasterKey(args[0]); err != nil {
				return err
			}
			return sh.print(map[string]string{"file": args[0]}, func(w io.Writer) {
				fmt.Fprintf(w, "A new master key is in %s. Keep a copy of it where backups aren't.\n", printable(args[0]))
			})
		}}
}

func (sh *shell) keysRotate() *cobra.Command {
	var org string
	var master, signing bool
	c := &cobra.Command{Use: "rotate", Short: "Give every org, or one, a new key; or make a new master key, or new signing keys", Args: cobra.NoArgs,
		Long: "Give every org, or one, a new key; what older keys have closed still opens. With --master make a new master key instead, in its file,\n" +
			"and destroy the old one: all nodes must read that very file. Where the old master key is named as old_keys in the configuration, move\n" +
			"from it to the one that keys names: from a file to another, to a variable, or to a transit engine. With --signing replace the keys that\n" +
			"access tokens are signed with, as after they leaked: all access tokens end, and sessions go on with new ones.",
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case master && org != "":
				return core.E(core.Invalid, "", "--master and --org exclude each other").WithHint("the master key is every org's")
			case signing && (master || org != ""):
				return core.E(core.Invalid, "", "--signing excludes --master and --org").WithHint("signing keys are the installation's, and others than those that close its data")
			case signing:
				return sh.rotateSigning(c.Context())
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) (err error) {
				var r client.KeyReport
				if master {
					r, err = conn.Client.RotateMasterKey(c.Context())
				} else {
					r, err = conn.Client.RotateKeys(c.Context(), core.OrgID(org))
				}
				if err != nil {
					return err
				}
				return sh.print(r, func(w io.Writer) {
					if master {
						fmt.Fprintf(w, "The keys of %s are closed by a new master key. Keep a copy of it: copies of the old one are of no use.\n", many(r.Orgs, "org"))
						return
					}
					fmt.Fprintf(w, "New keys for %s. What the old ones have closed still opens.\n", many(r.Orgs, "org"))
				})
			})
		}}
	c.Flags().StringVar(&org, "org", "", "only this org")
	c.Flags().BoolVar(&master, "master", false, "make a new master key and close every org's keys with it")
	c.Flags().BoolVar(&signing, "signing", false, "replace the keys that access tokens are signed with")
	return c
}

func (sh *shell) rotateSigning(ctx context.Context) error {
	return sh.with(ctx, Direct, func(conn *Conn) error {
		if err := conn.Client.RotateSigningKeys(ctx); err != nil {
			return err
		}
		return sh.print(map[string]bool{"signing": true}, func(w io.Writer) {
			fmt.Fprintln(w, "New signing keys. All access tokens have ended, on other nodes within five seconds; sessions go on with new ones.")
		})
	})
}

func (sh *shell) keysShred() *cobra.Command {
	var org string
	c := &cobra.Command{Use: "shred --org ORG", Short: "Destroy an org's keys: nothing of it can be read any more, in any backup", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if org == "" {
				return core.E(core.Invalid, "", "name the org").WithHint("isekai keys shred --org ORG")
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				fmt.Fprintf(plain{sh.io.Err}, "Everything of %s will be unreadable, for good. Type its name to go on: ", printable(org))
				name, err := sh.typed(c.Context())
				if err != nil {
					return err
				}
				if name != org {
					return core.E(core.Invalid, "", "that isn't its name; nothing was done").WithHint("type " + org)
				}
				r, err := conn.Client.ShredKeys(c.Context(), core.OrgID(org), core.OrgID(name))
				if err != nil {
					return err
				}
				return sh.print(r, func(w io.Writer) {
					fmt.Fprintf(w, "The keys of %s are gone. Rotate the master key too where snapshots or log archives may hold old keys.\n", printable(org))
				})
			})
		}}
	c.Flags().StringVar(&org, "org", "", "the org")
	return c
}

// RecoveredKeys says what became of the keys in a store that was taken back in time.
type RecoveredKeys struct {
	Orgs     int `json:"orgs"`     // that have other keys now
	Shredded int `json:"shredded"` // that are shredded again
	// Problem says why the audit log doesn't have it; "": it has.
	Problem string `json:"problem,omitempty"`
}

func (sh *shell) keysRecover() *cobra.Command {
	return &cobra.Command{Use: "recover", Short: "Give a database that was recovered to an earlier time the keys as they are now", Args: cobra.NoArgs,
		Long: "Give a database that was recovered to an earlier time, by its write-ahead log, the keys as they are now in keys.json beside the backups:\n" +
			"those that the master key doesn't open any more are replaced, and what was shredded since is shredded again. All sessions, one-time links and\n" +
			"access tokens end; what was revoked, disabled or removed since is to be so again. No server may run on it.",
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			r, err := in.RecoverKeys(c.Context())
			if err != nil {
				return err
			}
			return sh.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "New keys for %s; %s shredded again.\n", many(r.Orgs, "org"), many(r.Shredded, "org"))
				validAgain(w, "the time that it was recovered to")
				if r.Problem != "" {
					fmt.Fprintln(w, "wrong: "+printable(r.Problem))
				}
			})
		}}
}
