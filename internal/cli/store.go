package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/core"
)

// Moved says what was carried over to another store.
type Moved struct {
	Orgs   int   `json:"orgs"`
	Events int64 `json:"events"`
	Rows   int   `json:"rows"` // of views, built anew and compared
}

func (sh *shell) storeCommand() *cobra.Command {
	c := group("store", "Move an installation to another store")
	var from, to string
	move := &cobra.Command{
		Use: "copy", Short: "Carry the SQLite store of the data directory over to PostgreSQL, and compare", Args: cobra.NoArgs,
		Long: "Carry the SQLite store of the data directory over to the PostgreSQL database of the configuration (store.url, store.relay_url,\n" +
			"store.migrate_url). No server may run on either. The source stays as it is. Broken off, it can be repeated and goes on where it was.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkEnds(from, to); err != nil {
				return err
			}
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			m, err := in.Move(c.Context(), func(org core.OrgID, n int64) {
				if !sh.json {
					fmt.Fprintf(plain{sh.io.Err}, "%s: %s\n", printable(string(org)), many(n, "event"))
				}
			})
			if err != nil {
				return err
			}
			return sh.print(m, func(w io.Writer) {
				fmt.Fprintf(w, "%s, %s, %s of views: all there and the same\n", many(m.Orgs, "org"), many(m.Events, "event"), many(m.Rows, "row"))
			})
		},
	}
	move.Flags().StringVar(&from, "from", "sqlite", "what to copy: sqlite, the store of the data directory")
	move.Flags().StringVar(&to, "to", "postgres", "where to: postgres, the store of the configuration")
	c.AddCommand(move)
	return c
}

// checkEnds accepts the kinds of store alone: an address with a password is no flag.
func checkEnds(from, to string) error {
	for _, end := range [][3]string{{"--from", from, "sqlite"}, {"--to", to, "postgres"}} {
		flag, value, want := end[0], end[1], end[2]
		if value == want {
			continue
		}
		// What follows the kind may be a secret: it isn't repeated.
		kind, _, address := strings.Cut(value, ":")
		e := core.E(core.Invalid, "", flag+" takes "+want+" alone, not "+quoted(cut(kind, 20)))
		if address {
			e.Msg = flag + " takes " + want + " alone, no address"
		}
		if want == "postgres" {
			return e.WithHint("addresses with passwords come from the configuration: set ISEKAI_STORE_URL, ISEKAI_STORE_RELAY_URL and ISEKAI_STORE_MIGRATE_URL")
		}
		return e.WithHint("name the folder with --data-dir")
	}
	return nil
}
