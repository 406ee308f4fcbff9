package postgres

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// What tests need of the inside.

// Migrations are the embedded files.
func Migrations() fs.FS { return migrations() }

// SetupFrom is Setup with other migrations.
func SetupFrom(ctx context.Context, cfg Config, files fs.FS) error { return setup(ctx, cfg, files) }

// Pools returns the numbers of connections that are open under URL and RelayURL.
func (s *Store) Pools() (app, relay int32) {
	return s.app.Stat().TotalConns(), s.relay.Stat().TotalConns()
}

// Lanes returns the number of orgs that are being appended to.
func (s *Store) Lanes() int {
	s.lanes.mu.Lock()
	defer s.lanes.mu.Unlock()
	return len(s.lanes.byOrg)
}

// The queries whose plans are checked.
const (
	Begin   = sqlBegin
	Counter = sqlCounter
	Append  = sqlAppend
	Find    = sqlFind
)

// PostAlone is Post in a transaction of its own.
func (s *Store) PostAlone(ctx context.Context, org core.OrgID, postings ...store.Posting) ([]bool, error) {
	p := newPost(ctx, org, postings)
	err := s.sendPosts([]*post{p})
	return p.posted, err
}

// Run runs statements in one transaction on the rows of org.
func (s *Store) Run(ctx context.Context, org core.OrgID, build func(*pgx.Batch)) error {
	return s.tenant(ctx, "test", org, build)
}

// Exec runs one statement by itself.
func (s *Store) Exec(ctx context.Context, sql string, args ...any) error {
	_, err := s.app.Exec(ctx, sql, args...)
	return err
}
