package postgres

import (
	"context"
	"database/sql"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/isekai-run/isekai/internal/core"
)

// Setup brings the schema up to date, connected by MigrateURL, and sees that the roles
// in URL and RelayURL (if set) can use it: it makes those that don't exist, with the
// URL's password, and grants them their group. It changes no password. Processes that
// do so at once do it once. denied: somebody with more rights must; the hint says what.
func Setup(ctx context.Context, cfg Config) error { return setup(ctx, cfg, migrations()) }

func setup(ctx context.Context, cfg Config, files fs.FS) error {
	return asOwner(ctx, cfg, files, func(db *sql.DB, p *goose.Provider) error {
		current, newest, err := p.GetVersions(ctx)
		switch {
		case err != nil:
			return err
		case current > newest:
			return tooNew(current, newest)
		case current < newest:
			if _, err := p.Up(ctx); err != nil {
				return failed(err)
			}
		}
		if err := admit(ctx, db, cfg.URL, appRole); err != nil {
			return err
		}
		return admit(ctx, db, cfg.RelayURL, relayRole)
	})
}

// admit makes the role of a URL, if it doesn't exist, and a member of its group.
func admit(ctx context.Context, db *sql.DB, address string, g group) error {
	const op = "store.setup"
	if address == "" {
		return nil
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return core.E(core.Invalid, op, g.url+" isn't a URL of PostgreSQL").WithHint(urlHint).Because(err)
	}
	var exists, member bool
	err = db.QueryRowContext(ctx, `SELECT count(*) > 0, coalesce(bool_or(pg_has_role(oid, $2::name, 'MEMBER')), false)
		FROM pg_catalog.pg_roles WHERE rolname = $1`, cfg.User, g.name).Scan(&exists, &member)
	if err != nil {
		return translate(op, err)
	}
	role, grant := pgx.Identifier{cfg.User}.Sanitize(), ""
	switch {
	case member:
		return nil
	case exists:
		grant = "GRANT " + g.name + " TO " + role
	default:
		grant = "CREATE ROLE " + role + " LOGIN IN ROLE " + g.name
	}
	statement := grant // which a hint may show
	if !exists && cfg.Password != "" {
		verifier, err := scram(cfg.Password)
		if err != nil {
			return core.E(core.Invalid, op, "the password in "+g.url+" can't be used").Because(err)
		}
		statement += " PASSWORD '" + verifier + "'"
	}
	if _, err := db.ExecContext(ctx, statement); err != nil {
		err = translate(op, err)
		return core.E(core.CodeOf(err), op, "the role "+cfg.User+" in "+g.url+" can't be admitted").
			WithHint("as an administrator: " + grant).Because(err)
	}
	return nil
}
