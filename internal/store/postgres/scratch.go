package postgres

import (
	"context"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
)

// Scratch makes an empty database beside the one of cfg, for the same roles, and returns
// how to reach it and a function that drops it. denied: the role in store.migrate_url may not
// make databases.
func Scratch(ctx context.Context, cfg Config) (scratch Config, drop func(context.Context) error, err error) {
	const op = "store.scratch"
	name := "isekai_scratch_" + core.NewID("db")[3:]
	admin := func(ctx context.Context, statement string) error {
		conn, err := pgx.Connect(ctx, cfg.MigrateURL)
		if err != nil {
			return translate(op, err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		if _, err := conn.Exec(ctx, statement); err != nil {
			err = translate(op, err)
			if core.CodeOf(err) == core.Denied {
				err = core.E(core.Denied, op, "the role in store.migrate_url may not make a database").
					WithHint("as an administrator: ALTER ROLE ... CREATEDB for that role").Because(err)
			}
			return err
		}
		return nil
	}
	scratch = cfg
	for _, u := range []*string{&scratch.URL, &scratch.RelayURL, &scratch.MigrateURL} {
		parsed, err := url.Parse(*u)
		if err != nil {
			return cfg, nil, core.E(core.Invalid, op, "not a URL of PostgreSQL").WithHint(urlHint)
		}
		parsed.Path = "/" + name
		*u = parsed.String()
	}
	quoted := pgx.Identifier{name}.Sanitize()
	if err := admin(ctx, "CREATE DATABASE "+quoted); err != nil {
		return cfg, nil, err
	}
	// PostgreSQL waits a few seconds for connections that are ending. Not by force: only
	// who belongs to their roles may end those of others.
	return scratch, func(ctx context.Context) error { return admin(ctx, "DROP DATABASE "+quoted) }, nil
}
