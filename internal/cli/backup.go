package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) backupCommand() *cobra.Command {
	c := &cobra.Command{Use: "backup", Short: "Make a backup, while everything goes on", Args: cobra.NoArgs,
		Long: "Make a backup into backup.dir, while everything goes on. It holds no keys: they are beside the backups in keys.json,\n" +
			"closed by the master key, which is in neither. Keep a copy of the master key elsewhere: without it a backup is of no use.",
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				b, err := conn.Client.TakeBackup(c.Context())
				if err != nil {
					return err
				}
				return sh.print(b, func(w io.Writer) {
					fmt.Fprintf(w, "%s  %s, %s\n", b.ID, many(b.Events, "event"), many(b.Blobs, "blob"))
					fmt.Fprintln(w, "Keep a copy of the master key elsewhere: without it a backup is of no use.")
				})
			})
		}}
	c.AddCommand(&cobra.Command{Use: "list", Short: "List backups, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				all, err := conn.Client.Backups(c.Context())
				if err != nil {
					return err
				}
				return sh.print(all, func(w io.Writer) { printBackups(w, all) })
			})
		}})
	return c
}

func printBackups(w io.Writer, all []client.Backup) {
	rows := [][]string{{"BACKUP", "AGE", "ORGS", "EVENTS", "BLOBS"}}
	for _, b := range all {
		rows = append(rows, []string{b.ID, age(b.At), strconv.Itoa(b.Orgs), strconv.FormatInt(b.Events, 10), strconv.Itoa(b.Blobs)})
	}
	table(w, rows, "No backup yet. isekai backup makes one; isekai serve makes one every hour.", "")
}

// Restored says what a restored backup holds and what is wrong with it.
type Restored struct {
	client.Backup
	Verified bool     `json:"verified"` // restored into a scratch place only
	Rows     int      `json:"rows"`
	Shut     []string `json:"shut,omitempty"`
	Problems []string `json:"problems"`
}

func (sh *shell) restoreCommand() *cobra.Command {
	var verify bool
	c := &cobra.Command{Use: "restore [BACKUP]", Short: "Put a backup back, or with --verify only see whether that would work", Args: cobra.MaximumNArgs(1),
		Long: "Put a backup, the newest if none is named, into an empty data directory or database. With --verify it is put into a scratch\n" +
			"place instead, and checked: counts and hashes, that every event opens, that every blob is whole, that views are what the events say.\n\n" +
			"What is put back is as it was then: API keys that were revoked since and users that were disabled since are valid again, and are to be\n" +
			"revoked and disabled again. All sessions, one-time links and access tokens end, and the installation's audit log has the restore.",
		RunE: func(c *cobra.Command, args []string) error {
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			return sh.restore(c.Context(), in, id, verify)
		}}
	c.Flags().BoolVar(&verify, "verify", false, "restore into a scratch place and check everything")
	return c
}

// validAgain says what is to be looked at in an installation that is as it was at a time.
func validAgain(w io.Writer, then string) {
	fmt.Fprintln(w, "All sessions, one-time links and access tokens have ended. All else is as it was at "+then+": what was revoked, disabled,")
	fmt.Fprintln(w, "removed or changed since is valid again, such as API keys, users, members and old passwords. Before others reach it, look at")
	fmt.Fprintln(w, "  isekai user list        and isekai user disable USER, isekai user reset USER")
	fmt.Fprintln(w, "  isekai key list --all   and isekai key revoke KEY, in each org")
	fmt.Fprintln(w, "  isekai org members      and isekai org remove USER; isekai org invitations; isekai secret list")
}

func (sh *shell) restore(ctx context.Context, in Instance, id string, verify bool) error {
	r, err := in.Restore(ctx, id, verify)
	if err != nil {
		return err
	}
	err = sh.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s, %s, %s of views\n", r.ID, many(r.Events, "event"), many(r.Blobs, "blob"), many(r.Rows, "row"))
		for _, org := range r.Shut {
			fmt.Fprintln(w, "shredded: "+printable(org))
		}
		for _, p := range r.Problems {
			fmt.Fprintln(w, "wrong: "+printable(p))
		}
		switch {
		case len(r.Problems) > 0:
		case r.Verified:
			fmt.Fprintln(w, "The backup is good.")
		default:
			fmt.Fprintln(w, "Restored. isekai serve goes on with it.")
		}
		if !r.Verified {
			validAgain(w, r.At.Local().Format(time.DateTime))
		}
	})
	if err == nil && len(r.Problems) > 0 {
		err = core.E(core.Conflict, "", "the backup isn't good: "+many(len(r.Problems), "problem")).WithHint("isekai backup list names others")
	}
	return err
}
