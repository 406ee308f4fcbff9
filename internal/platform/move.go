package platform

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// Move implements cli.Instance.
func (i instance) Move(ctx context.Context, progress func(core.OrgID, int64)) (m cli.Moved, err error) {
	if i.cfg.driver() != onPostgres {
		return m, core.E(core.Invalid, "move", "no PostgreSQL store is configured").
			WithHint("set store.url, store.relay_url and store.migrate_url, as ISEKAI_STORE_URL and so on")
	}
	err = i.alone(func(*DataDir) (err error) {
		path := i.cfg.sqlite().Path
		if !exists(path) {
			return core.E(core.NotFound, "move", "there is no SQLite store in "+i.cfg.DataDir).WithHint("name its folder with --data-dir")
		}
		from, err := sqlite.Open(ctx, i.cfg.sqlite())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, from.Close()) }()
		to, err := i.cfg.openDriver(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		m, err = i.move(ctx, from, to, progress)
		return err
	})
	return m, err
}

// move carries everything over and builds the views anew.
func (i instance) move(ctx context.Context, from *sqlite.Store, to store.Store, progress func(core.OrgID, int64)) (m cli.Moved, err error) {
	into, ok := to.(backup.Destination)
	if !ok {
		return m, core.E(core.Unsupported, "move", "the configured store can't take another's data")
	}
	if _, err := i.cfg.openVault(ctx, from, slog.New(slog.DiscardHandler)); err != nil { // before anything is moved
		return m, err
	}
	sums, err := backup.Move(ctx, from, into, progress)
	if err != nil {
		return m, err
	}
	v, err := i.cfg.openVault(ctx, to, slog.New(slog.DiscardHandler))
	if err != nil {
		return m, err
	}
	st := v.Store(to)
	m.Orgs = len(sums)
	for _, sum := range sums {
		m.Events += sum.Events
		k, err := to.Keyset(ctx, sum.Org)
		if core.CodeOf(err) == core.NotFound || k.Shredded { // no events, or none that open
			continue
		}
		if err != nil {
			return m, err
		}
		for _, p := range projectors(st) {
			if err := rebuild(ctx, p, sum.Org); err != nil {
				return m, err
			}
			rows, differ, err := p.Verify(ctx, sum.Org)
			if err != nil {
				return m, err
			}
			if len(differ) > 0 {
				return m, core.E(core.Internal, "move", "the view "+p.View+" isn't what the events say").WithHint("isekai projection rebuild mends it")
			}
			m.Rows += rows
		}
	}
	return m, nil
}

// rebuild builds a view anew in a store that nobody else uses. A move that was killed
// while it did so holds the view's term a little longer: that is waited for.
func rebuild(ctx context.Context, p *store.Projector, org core.OrgID) error {
	for deadline := time.Now().Add(2 * time.Minute); ; {
		err := p.Rebuild(ctx, org)
		if core.CodeOf(err) != core.Conflict || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
