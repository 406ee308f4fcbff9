package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/isekai-run/isekai/internal/core"
)

// group is one of the roles that the migrations grant rights to. The role in a URL is a
// member of one.
type group struct {
	name string
	url  string // what people call the URL of its member
	may  string // what it is for
}

var (
	appRole   = group{"isekai_app", "store.url", "the application's"}
	relayRole = group{"isekai_relay", "store.relay_url", "the relay's"}
)

// sqlRole says what a role may that it should not: everything that goes round row-level
// security, or leads there.
const sqlRole = `SELECT current_user::text, pg_has_role(current_user, $1::name, 'MEMBER'),
	array_remove(ARRAY[
		CASE WHEN r.rolsuper THEN 'it is a superuser' END,
		CASE WHEN r.rolbypassrls THEN 'it bypasses row-level security' END,
		CASE WHEN r.rolcreaterole THEN 'it may create roles' END,
		CASE WHEN r.rolreplication THEN 'it may replicate' END,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'isekai' AND pg_has_role(current_user, c.relowner, 'MEMBER')) THEN 'it owns tables' END,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE (o.rolsuper OR o.rolbypassrls OR o.rolcreaterole OR o.rolreplication)
			AND o.rolname <> current_user AND pg_has_role(current_user, o.oid, 'MEMBER')) THEN 'it belongs to an administrator''s role' END,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = ANY (ARRAY['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'])
			AND pg_has_role(current_user, o.oid, 'MEMBER')) THEN 'it may run programs on the server, or open its files' END,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = ANY (ARRAY['isekai_app', 'isekai_relay', 'isekai_queue'])
			AND o.rolname <> $1 AND pg_has_role(current_user, o.oid, 'MEMBER')) THEN 'it belongs to another role of isekai (as an administrator: REVOKE that from it)' END
	], NULL)
	FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
	AND EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)`

// checkRole sees that the pool's role may what it is for and no more.
func checkRole(ctx context.Context, pool *pgxpool.Pool, g group) error {
	const op = "store.open"
	var user string
	var member, found bool
	var tooMuch []string
	err := run(ctx, pool, op, "", usual, func(b *pgx.Batch) {
		b.Queue(sqlRole, g.name).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				found = true
				if err := rows.Scan(&user, &member, &tooMuch); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	})
	switch {
	case err != nil:
		return err
	case !found:
		return notSetUp()
	case len(tooMuch) > 0:
		return core.E(core.Denied, op, "the role "+user+" in "+g.url+" may too much: "+strings.Join(tooMuch, ", ")).
			WithHint("give " + g.url + " a role that is a member of " + g.name + " alone; the owner's belongs to store.migrate_url")
	case !member:
		return core.E(core.Denied, op, "the role "+user+" in "+g.url+" isn't "+g.may).
			WithHint("as an administrator: GRANT " + g.name + " TO " + pgx.Identifier{user}.Sanitize())
	}
	return nil
}

// sqlUnguarded names tenants' tables on which row-level security isn't forced.
const sqlUnguarded = `SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'isekai' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
	AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org' AND NOT a.attisdropped)`

// checkGuard sees that nobody has switched row-level security off.
func checkGuard(ctx context.Context, pool *pgxpool.Pool) error {
	var tables []string
	err := run(ctx, pool, "store.open", "", usual, func(b *pgx.Batch) {
		b.Queue(sqlUnguarded).Query(into(&tables, func(rows pgx.Rows, t *string) error { return rows.Scan(t) }))
	})
	if err == nil && len(tables) > 0 {
		err = core.E(core.Denied, "store.open", "row-level security isn't forced on "+strings.Join(tables, ", ")).
			WithHint("a restore was broken off, or somebody has switched it off; as the owner: ALTER TABLE isekai." + tables[0] +
				" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
	}
	return err
}

// notSetUp is the error for a database without isekai's schema.
func notSetUp() error {
	return core.E(core.Unavailable, "store.open", "the database isn't set up for isekai").
		WithHint("set it up as its owner: isekai db migrate")
}
