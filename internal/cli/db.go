package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/core"
)

// Schema is the version of a store's schema.
type Schema struct {
	Store   string `json:"store"` // "sqlite", "postgres"
	Current int64  `json:"current"`
	Newest  int64  `json:"newest"` // that this build knows
}

func (sh *shell) dbCommand() *cobra.Command {
	c := group("db", "See and change the version of the store's schema; no server may run on it")
	c.Long = "See and change the version of the store's schema; no server may run on it. A start brings the schema up to date by itself where it may.\n" +
		"To go back is for an older program: make a backup first, for what only the newer version has is dropped."
	c.AddCommand(
		sh.db("status", "Show the schema's version", cobra.NoArgs, func(ctx context.Context, in Instance, _ Schema, _ []string) (Schema, error) {
			return in.Schema(ctx)
		}),
		sh.db("migrate", "Bring the schema to the newest version", cobra.NoArgs, func(ctx context.Context, in Instance, s Schema, _ []string) (Schema, error) {
			return in.Migrate(ctx, s.Newest, false)
		}),
		sh.dbRollback())
	return c
}

func (sh *shell) dbRollback() *cobra.Command {
	var drop bool
	c := sh.db("rollback [VERSION]", "Take the schema back to a version, the one before if none is named", cobra.MaximumNArgs(1),
		func(ctx context.Context, in Instance, s Schema, args []string) (Schema, error) {
			to := s.Current - 1
			if len(args) == 1 {
				n, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil || n < 0 || n > s.Current {
					return s, core.E(core.Invalid, "", args[0]+" isn't a version to go back to").WithHint(fmt.Sprintf("choose one from 0 to %d", s.Current))
				}
				to = n
			}
			if to < 0 {
				return s, core.E(core.Invalid, "", "the database is empty already")
			}
			return in.Migrate(ctx, to, drop)
		})
	c.Long = "Take the schema back to a version, the one before if none is named. Where that version has no place for users, orgs, API keys, secrets\n" +
		"and credits, the command says how many there are and does nothing; --drop drops them, for good."
	c.Flags().BoolVar(&drop, "drop", false, "drop what the older version has no place for, such as all users and orgs, for good")
	return c
}

func (sh *shell) db(use, short string, args cobra.PositionalArgs, f func(context.Context, Instance, Schema, []string) (Schema, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args,
		RunE: func(c *cobra.Command, args []string) error {
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			s, err := in.Schema(c.Context())
			if err == nil {
				s, err = f(c.Context(), in, s, args)
			}
			if err != nil {
				return err
			}
			return sh.print(s, func(w io.Writer) {
				fmt.Fprintf(w, "%s  schema version %d of %d\n", s.Store, s.Current, s.Newest)
			})
		}}
}
