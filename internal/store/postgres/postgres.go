// Package postgres is the store on PostgreSQL 15 or newer: what several nodes share.
//
// platform opens it; agent, app and the projections use it as a store.Store. It never
// looks into an event's data and never keeps state that isn't in the database.
//
// Tenants are kept apart by row-level security: a transaction names its org, and sees
// no other's rows. The application's role can't go round that; what serves all orgs is
// a few functions, and the relay's own role (role.go).
//
// An operation is one transaction, sent in one piece and answered in one (query.go): it
// never waits for this process, and works behind a pooler that pools transactions.
// Appends of one org that come at the same time share a transaction (lane.go), and so do
// postings. It holds the org's counter until its commit, so positions are in the order of
// commits.
package postgres

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config says where the store is, and as whom to go there. The URLs are those of libpq,
// postgres://user:password@host:port/database, each with a role of its own.
//
// Behind PgBouncer in its transaction mode, add default_query_exec_mode=exec to URL and
// RelayURL (older ones lose prepared statements), and let MigrateURL go round it. Then
// Waker tells of this process's own work only.
type Config struct {
	// URL is the application's. Its role is a member of isekai_app, owns nothing, and
	// is under row-level security; Open refuses another.
	URL string
	// RelayURL is the relay's, which reads events and removes messages of all orgs, and
	// keeps the terms. Its role is a member of isekai_relay alone.
	RelayURL string
	// MigrateURL is the owner's, for Setup, Migrate and Versions. Open needs it only to
	// bring the schema up to date: without it, an old schema is an error.
	MigrateURL string
	// MaxConns bounds the connections under URL; 0 means 16. Callers wait for a free one.
	// RelayURL has up to 2 more, and one listens for other processes.
	MaxConns int32
	// Now is the clock of events and leases; nil is the database's, so that the clocks
	// of nodes don't matter.
	Now func() time.Time
	// Slow is told of what took the server SlowAfter or longer, as this side sees it: the text of
	// the statement, or those of a transaction that was sent in one piece, each once, and none of
	// their values. Waiting for a connection isn't in it, nor are Setup and Migrate. It must not
	// block, nor use the store. nil: nobody is told.
	Slow      func(statement string, took time.Duration)
	SlowAfter time.Duration
}

const (
	defaultConns = 16
	relayConns   = 2
)

// Store is a store.Store and a store.Waker on PostgreSQL.
type Store struct {
	migrateURL string           // for backups; may be empty
	now        func() time.Time // nil: the database's clock
	app        *pgxpool.Pool
	relay      *pgxpool.Pool
	lanes      *lanes[*call]
	ledgers    *lanes[*post]
	store.Wakes
	tell  *notifier
	close func() error
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Waker = (*Store)(nil)
)

// Open connects and checks the roles. With a MigrateURL it sets the database up first
// (Setup). denied: a role may more than it should, or less. unsupported: the schema is
// newer than this build. unavailable: the schema is older and there is no MigrateURL, or
// the database can't be reached.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.MigrateURL != "" {
		if err := Setup(ctx, cfg); err != nil {
			return nil, err
		}
	}
	s := &Store{migrateURL: cfg.MigrateURL, now: cfg.Now, lanes: newLanes[*call](), ledgers: newLanes[*post]()}
	var err error
	if s.app, err = connect(ctx, "store.url", cfg.URL, cmp.Or(cfg.MaxConns, defaultConns), cfg.tracer()); err != nil {
		return nil, err
	}
	if s.relay, err = connect(ctx, "store.relay_url", cfg.RelayURL, relayConns, cfg.tracer()); err != nil {
		s.app.Close()
		return nil, err
	}
	if err := s.check(ctx); err != nil {
		s.app.Close()
		s.relay.Close()
		return nil, err
	}
	s.tell = notify(s.app, s.Wake)
	s.close = sync.OnceValue(func() error {
		s.tell.stop()
		s.app.Close()
		s.relay.Close()
		return nil
	})
	return s, nil
}

// check sees that the schema is this build's and the roles are as they must be.
func (s *Store) check(ctx context.Context) error {
	if err := checkRole(ctx, s.app, appRole); err != nil {
		return err
	}
	if err := checkRole(ctx, s.relay, relayRole); err != nil {
		return err
	}
	if err := checkGuard(ctx, s.app); err != nil {
		return err
	}
	return checkVersion(ctx, s.app)
}

// Close waits for the operations that have begun and disconnects. Calls after it fail
// with unavailable. Closing twice is closing once.
func (s *Store) Close() error { return s.close() }

// clock returns the time to be passed for "now": nil for the database's.
func (s *Store) clock() *time.Time {
	if s.now == nil {
		return nil
	}
	t := s.now()
	return &t
}

// connect returns a pool that has reached the database.
func connect(ctx context.Context, name, url string, size int32, trace pgx.QueryTracer) (*pgxpool.Pool, error) {
	const op = "store.open"
	if url == "" {
		return nil, core.E(core.Invalid, op, "no "+name+" for PostgreSQL").
			WithHint(urlHint)
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil { // it quotes the URL, without the password
		return nil, core.E(core.Invalid, op, name+" isn't a URL of PostgreSQL").
			WithHint(urlHint).Because(err)
	}
	cfg.MaxConns, cfg.ConnConfig.Tracer = size, trace
	cfg.MinConns = 0
	cfg.MaxConnIdleTime = 5 * time.Minute
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "isekai"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, translate(op, err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, translate(op, err)
	}
	return pool, nil
}

// closed is what a call after Close gets.
func closed() error { return core.E(core.Unavailable, "store", "the store is closed") }
