package postgres

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

var _ store.Backuper = (*Store)(nil)

// Backup implements store.Backuper by pg_dump, connected by MigrateURL, in its custom
// format. Its rows are those of one snapshot. pg_dump must be there, and not older than
// the server.
func (s *Store) Backup(ctx context.Context, path string) ([]store.Sum, error) {
	const op = "store.backup"
	if s.migrateURL == "" {
		return nil, core.E(core.Unsupported, op, "a backup of PostgreSQL needs MigrateURL").WithHint("set store.migrate_url on the node that makes backups")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, core.E(core.Conflict, op, "there is a file at "+path+" already").Because(err)
	}
	conn, err := pgx.Connect(ctx, s.migrateURL)
	if err != nil {
		return nil, translate(op, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, translate(op, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var snapshot string
	if err := tx.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&snapshot); err != nil {
		return nil, translate(op, err)
	}
	part := path + ".part"
	defer os.Remove(part) // when it isn't renamed
	err = program(ctx, "pg_dump", s.migrateURL, "--format=custom", "--schema=isekai", "--enable-row-security",
		"--exclude-table-data=isekai.keysets", "--exclude-table-data=isekai.terms", "--snapshot="+snapshot, "--file="+part)
	if err != nil {
		return nil, err
	}
	sums, err := sumAll(ctx, snapshotOf{tx: tx})
	if err != nil {
		return nil, err
	}
	if err := os.Rename(part, path); err != nil {
		return nil, core.E(core.Unavailable, op, "can't keep the dump").Because(err)
	}
	return sums, nil
}

// Restore puts a backup into the database of MigrateURL, which has nothing of isekai's.
// conflict: it has. Open afterwards as usual, which brings an older schema up to date.
func Restore(ctx context.Context, cfg Config, path string) error {
	const op = "store.restore"
	conn, err := pgx.Connect(ctx, cfg.MigrateURL)
	if err != nil {
		return translate(op, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	used := false
	if err := conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_catalog.pg_namespace WHERE nspname = 'isekai'").Scan(&used); err != nil {
		return translate(op, err)
	}
	if used {
		return core.E(core.Conflict, op, "the database has isekai's schema already").WithHint("restore into an empty database")
	}
	if err := setupRoles(ctx, cfg); err != nil {
		return err
	}
	return program(ctx, "pg_restore", cfg.MigrateURL, "--single-transaction", "--exit-on-error", "--no-owner", "--enable-row-security", path)
}

// setupRoles makes the roles that a dump's grants name: by migrating, which makes them,
// and going back.
func setupRoles(ctx context.Context, cfg Config) error {
	if err := Setup(ctx, cfg); err != nil {
		return err
	}
	if err := Migrate(ctx, cfg, 0); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, cfg.MigrateURL)
	if err != nil {
		return translate("store.restore", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, "DROP SCHEMA isekai CASCADE")
	return translate("store.restore", err)
}

// program runs one of PostgreSQL's own on the database of a URL. The password goes by
// the environment: others see command lines.
func program(ctx context.Context, name, address string, args ...string) error {
	const op = "store.backup"
	path, err := exec.LookPath(name)
	if err != nil {
		return core.E(core.Unsupported, op, name+" isn't there").WithHint("install PostgreSQL's client programs (Debian: postgresql-client)").Because(err)
	}
	target, password, err := libpq(address)
	if err != nil {
		return err
	}
	var said strings.Builder
	c := exec.CommandContext(ctx, path, append([]string{"--dbname=" + target, "--no-password"}, args...)...)
	c.Env = os.Environ()
	if password != "" {
		c.Env = append(c.Env, "PGPASSWORD="+password)
	}
	c.Stderr = &said
	if err := c.Run(); err != nil {
		msg, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return core.E(core.Unavailable, op, name+" failed: "+msg).Because(err)
	}
	return nil
}

// libpq returns a URL as PostgreSQL's own programs take it, TLS settings and all, and
// apart from it its password.
func libpq(address string) (target, password string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", "", core.E(core.Invalid, "store.backup", "MigrateURL isn't a URL of PostgreSQL").WithHint(urlHint)
	}
	if u.User != nil {
		password, _ = u.User.Password()
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	for key := range q { // what only this program's library knows
		if key == "default_query_exec_mode" || strings.HasSuffix(key, "_cache_capacity") || strings.HasPrefix(key, "pool_") {
			q.Del(key)
		}
	}
	if q.Has("password") {
		password = q.Get("password")
		q.Del("password")
	}
	u.RawQuery = q.Encode()
	return u.String(), password, nil
}

// snapshotOf reads events of all orgs in one transaction of the owner's.
type snapshotOf struct {
	store.Events
	tx pgx.Tx
}

// Orgs implements store.Events.
func (s snapshotOf) Orgs(ctx context.Context) (orgs []core.OrgID, err error) {
	rows, err := s.tx.Query(ctx, "SELECT org FROM isekai.orgs WHERE begun ORDER BY org")
	if err == nil {
		err = into(&orgs, scanOrg)(rows)
	}
	return orgs, translate("store.backup", err)
}

// ReadOrg implements store.Events.
func (s snapshotOf) ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) (events []core.Event, err error) {
	rows, err := s.tx.Query(ctx, sqlOrgEvents, string(org), after, limit)
	if err == nil {
		err = into(&events, scanEvent)(rows)
	}
	return events, translate("store.backup", err)
}

func sumAll(ctx context.Context, st store.Events) ([]store.Sum, error) {
	orgs, err := st.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	sums := []store.Sum{}
	for _, org := range orgs {
		sum, err := store.SumOrg(ctx, st, org, 0)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}
