// Package postgres is the index of documents on PostgreSQL 15 or newer, in a schema of its own
// beside the store's: what several nodes share.
//
// platform opens it. It never looks into a part, a word or a vector, so it needs no extension: what
// is compared is compared by who has the keys.
//
// Tenants are kept apart by row-level security: a transaction names its org, and sees no other's
// rows. Every setting ends with its transaction, so it works behind a pooler that pools these.
package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
)

// Config says where the index is: the URLs of the store.
type Config struct {
	URL        string // the application's: under row-level security. Open refuses another
	MigrateURL string // the owner's, to bring the schema up to date; "": it has to be
	MaxConns   int32  // 0: 8
}

// Index is a memory.Index on PostgreSQL.
type Index struct {
	id    string
	pool  *pgxpool.Pool
	close func()
}

var _ memory.Index = (*Index)(nil)

const (
	usualConns     = 8
	connectTimeout = 5 * time.Second
)

// Open connects, and brings the schema up to date where there is a MigrateURL. denied: the role
// goes round row-level security, or that is switched off; unsupported: the schema is newer than
// this build; unavailable: it is older, or the database can't be reached.
func Open(ctx context.Context, cfg Config) (*Index, error) {
	const op = "memory.open"
	if cfg.MigrateURL != "" {
		if err := Migrate(ctx, cfg.MigrateURL); err != nil {
			return nil, err
		}
	}
	c, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil || cfg.URL == "" {
		return nil, core.E(core.Invalid, op, "store.url isn't a URL of PostgreSQL").Because(err)
	}
	if c.MaxConns = cfg.MaxConns; c.MaxConns <= 0 {
		c.MaxConns = usualConns
	}
	c.MinConns, c.MaxConnIdleTime = 0, 5*time.Minute
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = connectTimeout
	}
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = "isekai"
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, translate(op, err)
	}
	x := &Index{pool: pool, close: sync.OnceFunc(pool.Close)}
	if err := x.check(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return x, nil
}

// sqlGuarded says whether tenants are kept apart from the role that asks.
const sqlGuarded = `SELECT NOT r.rolsuper AND NOT r.rolbypassrls AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'isekai_memory' AND c.relkind = 'r' AND (pg_has_role(current_user, c.relowner, 'MEMBER')
		OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)))
	FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`

// check sees that the schema is this build's, and guarded.
func (x *Index) check(ctx context.Context) error {
	const op = "memory.open"
	var guarded bool
	if err := x.pool.QueryRow(ctx, sqlGuarded).Scan(&guarded); err != nil {
		return translate(op, err)
	}
	if !guarded {
		return core.E(core.Denied, op, "row-level security doesn't hold for the index of documents").
			WithHint("give store.url a role that is a member of isekai_app alone; as the owner: ALTER TABLE ... FORCE ROW LEVEL SECURITY in the schema isekai_memory")
	}
	if err := x.checkVersion(ctx); err != nil {
		return err
	}
	return translate(op, x.pool.QueryRow(ctx, `SELECT id FROM isekai_memory.self`).Scan(&x.id))
}

// ID implements memory.Index.
func (x *Index) ID() string { return x.id }

// Close implements memory.Index. Closing twice is closing once.
func (x *Index) Close() error {
	x.close()
	return nil
}

const statementTime = "60s"

// tenant runs f in a transaction on the rows of an org. It is undone when f fails.
func (x *Index) tenant(ctx context.Context, op string, org core.OrgID, f func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, x.pool, func(tx pgx.Tx) error {
		// Most of what is asked is by a key; a plan that was made while a table was small isn't kept.
		_, err := tx.Exec(ctx, `SELECT set_config('isekai.org', $1, true), set_config('statement_timeout', $2, true),
			set_config('lock_timeout', '20s', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`, string(org), statementTime)
		if err != nil {
			return err
		}
		return f(tx)
	})
	return translate(op, err)
}
