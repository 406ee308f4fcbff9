package postgres

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

var _ store.Backuper = (*Store)(nil)

// Backup implements store.Backuper by pg_dump, connected by MigrateURL, in its custom
// format: rows alone, those of one snapshot, with the version of the schema among them.
// The keysets aren't even locked, so that an org can be shredded meanwhile. pg_dump must
// be there, and not older than the server.
func (s *Store) Backup(ctx context.Context, path string) ([]store.Sum, error) {
	const op = "store.backup"
	if s.migrateURL == "" {
		return nil, core.E(core.Unsupported, op, "a backup of PostgreSQL needs the owner's URL").WithHint("set store.migrate_url on the node that makes backups")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, core.E(core.Conflict, op, "there is a file at "+path+" already").Because(err)
	}
	conn, err := connectOwner(ctx, op, Config{MigrateURL: s.migrateURL})
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, translate(op, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var exported string
	if err := tx.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&exported); err != nil {
		return nil, translate(op, err)
	}
	part := path + ".part"
	defer os.Remove(part) // when it isn't renamed
	err = program(ctx, nil, "pg_dump", s.migrateURL, "--format=custom", "--schema=isekai", "--data-only", "--enable-row-security",
		"--exclude-table=isekai.keysets", "--exclude-table=isekai.terms", "--exclude-table=isekai.quotas", "--snapshot="+exported, "--file="+part)
	if err != nil {
		return nil, err
	}
	sums, err := sumAll(ctx, snapshot{tx: tx})
	if err != nil {
		return nil, err
	}
	if err := os.Rename(part, path); err != nil {
		return nil, core.E(core.Unavailable, op, "can't keep the dump").Because(err)
	}
	return sums, nil
}

// Restore puts a backup into the database of MigrateURL, which has nothing of isekai's.
// conflict: it has. unsupported: the backup is of a newer schema. Open afterwards as
// usual, which brings an older schema up to date.
//
// The schema comes from the migrations, with its owners and rights, and not from the file.
func Restore(ctx context.Context, cfg Config, path string) error {
	const op = "store.restore"
	conn, err := connectOwner(ctx, op, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	missing := false
	if err := conn.QueryRow(ctx, sqlMissing).Scan(&missing); err != nil {
		return translate(op, err)
	}
	if !missing {
		return core.E(core.Conflict, op, "the database has isekai's schema already").WithHint("restore into an empty database")
	}
	version, err := dumpVersion(ctx, path)
	if err != nil {
		return err
	}
	newest, err := newestVersion()
	switch {
	case err != nil:
		return failed(err)
	case version > newest:
		return tooNew(version, newest)
	}
	err = fillFrom(ctx, cfg, conn, path, version)
	if err != nil { // so that it can be tried again
		_, dropped := conn.Exec(context.WithoutCancel(ctx), "DROP SCHEMA IF EXISTS isekai CASCADE")
		err = errors.Join(err, translate(op, dropped))
	}
	return err
}

// fillFrom makes the schema of a version and restores rows into it. They are copied by the
// owner, for whom row-level security isn't forced meanwhile: COPY can't heed it.
func fillFrom(ctx context.Context, cfg Config, conn *pgx.Conn, path string, version int64) error {
	const op = "store.restore"
	if err := Setup(ctx, cfg); err != nil { // the logins, too
		return err
	}
	if err := Migrate(ctx, cfg, version); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "TRUNCATE "+versionTable); err != nil { // its rows come with the others
		return translate(op, err)
	}
	force := func(word string) error {
		_, err := conn.Exec(ctx, `DO $$ DECLARE t text; BEGIN
			FOR t IN SELECT c.oid::regclass FROM pg_catalog.pg_class c WHERE c.relnamespace = 'isekai'::regnamespace AND c.relrowsecurity LOOP
				EXECUTE 'ALTER TABLE ' || t || ' `+word+` ROW LEVEL SECURITY';
			END LOOP; END $$`)
		return translate(op, err)
	}
	if err := force("NO FORCE"); err != nil {
		return err
	}
	if err := program(ctx, nil, "pg_restore", cfg.MigrateURL, "--data-only", "--single-transaction", "--exit-on-error", path); err != nil {
		return err
	}
	if err := force("FORCE"); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "ANALYZE")
	return translate(op, err)
}

var versionRow = regexp.MustCompile(`(?m)^\d+\t(\d+)\tt\t`)

// dumpVersion returns the version of the schema that a dump's rows are of.
func dumpVersion(ctx context.Context, path string) (version int64, err error) {
	var rows strings.Builder
	if err := program(ctx, &rows, "pg_restore", "", "--data-only", "--schema=isekai", "--table=goose_db_version", "--file=-", path); err != nil {
		return 0, err
	}
	for _, m := range versionRow.FindAllStringSubmatch(rows.String(), -1) {
		v, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return 0, core.E(core.Invalid, "store.restore", "the dump's version can't be read").Because(err)
		}
		version = max(version, v)
	}
	if version == 0 {
		return 0, core.E(core.Invalid, "store.restore", "the file isn't a backup of isekai's").WithHint("isekai backup list shows the backups")
	}
	return version, nil
}

// program runs one of PostgreSQL's own, on the database of a URL if there is one, with
// its output going to out. The password goes by the environment, for others see command
// lines; nothing else of this process's secrets does.
func program(ctx context.Context, out io.Writer, name, address string, args ...string) error {
	const op = "store.backup"
	path, err := exec.LookPath(name)
	if err != nil {
		return core.E(core.Unsupported, op, name+" isn't there").WithHint("install PostgreSQL's client programs (Debian: postgresql-client)").Because(err)
	}
	c := exec.CommandContext(ctx, path, args...)
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ISEKAI_") })
	if address != "" {
		target, password, err := libpq(address)
		if err != nil {
			return err
		}
		c.Args = append(c.Args, "--dbname="+target, "--no-password")
		if password != "" {
			c.Env = append(c.Env, "PGPASSWORD="+password)
		}
	}
	var said strings.Builder
	c.Stdout, c.Stderr = out, &said
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
		return "", "", core.E(core.Invalid, "store.backup", "store.migrate_url isn't a URL of PostgreSQL").WithHint(urlHint)
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
