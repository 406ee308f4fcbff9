package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// projectors keep the views of a store, as modules see it.
func projectors(st store.ProjectorStore) []*store.Projector {
	return []*store.Projector{agent.NewProjector(st), app.NewProjector(st), agent.NewUsageProjector(st)}
}

// Schema implements cli.Instance.
func (i instance) Schema(ctx context.Context) (cli.Schema, error) {
	s := cli.Schema{Store: i.cfg.driver()}
	err := i.alone(func(*DataDir) (err error) {
		if s.Store == onPostgres {
			s.Current, s.Newest, err = postgres.Versions(ctx, i.cfg.postgres())
		} else {
			s.Current, s.Newest, err = sqlite.Versions(ctx, i.cfg.sqlite())
		}
		return err
	})
	return s, err
}

// Migrate implements cli.Instance.
func (i instance) Migrate(ctx context.Context, version int64) (cli.Schema, error) {
	err := i.alone(func(*DataDir) error {
		if i.cfg.driver() == onPostgres {
			return postgres.Migrate(ctx, i.cfg.postgres(), version)
		}
		return sqlite.Migrate(ctx, i.cfg.sqlite(), version)
	})
	if err != nil {
		return cli.Schema{}, err
	}
	return i.Schema(ctx)
}

// alone calls f while no other process uses the data directory.
func (i instance) alone(f func(*DataDir) error) error {
	dir, err := OpenDataDir(i.cfg.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(f(dir), dir.Close())
}

// Restore implements cli.Instance.
func (i instance) Restore(ctx context.Context, id string, verify bool) (r cli.Restored, err error) {
	if verify {
		return i.verify(ctx, id)
	}
	err = i.alone(func(*DataDir) (err error) {
		files, err := local.Open(i.cfg.blobDir())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, files.Close()) }()
		r, err = i.restore(ctx, id, i.cfg, files)
		return err
	})
	return r, err
}

// verify restores into a scratch place, which is removed.
func (i instance) verify(ctx context.Context, id string) (cli.Restored, error) {
	scratch, remove, err := i.cfg.scratch(ctx)
	if err != nil {
		return cli.Restored{}, err
	}
	r, err := i.restore(ctx, id, scratch, nil)
	r.Verified = true
	return r, errors.Join(err, remove(context.WithoutCancel(ctx)))
}

// scratch returns the configuration with an empty store of its own, and what removes it.
func (c Config) scratch(ctx context.Context) (Config, func(context.Context) error, error) {
	if c.driver() == onPostgres {
		db, drop, err := postgres.Scratch(ctx, c.postgres())
		c.Store.URL, c.Store.RelayURL, c.Store.MigrateURL = Secret(db.URL), Secret(db.RelayURL), Secret(db.MigrateURL)
		return c, drop, err
	}
	dir, err := os.MkdirTemp("", "isekai-restore-*")
	if err != nil {
		return c, nil, diskError("restore", os.TempDir(), err)
	}
	c.DataDir = dir
	return c, func(context.Context) error { return os.RemoveAll(dir) }, nil
}

// restore puts a backup into the store of a configuration, which is empty, and into
// blobs unless that is nil. The master key is this installation's.
func (i instance) restore(ctx context.Context, id string, into Config, blobs *local.Store) (cli.Restored, error) {
	b := backup.New(backup.Config{Dir: i.cfg.backupDir(), Driver: i.cfg.driver(), To: openBlobs})
	to := backup.Target{
		Open: func(ctx context.Context, from string) (store.Store, error) {
			if err := into.putBack(ctx, from); err != nil {
				return nil, err
			}
			return into.openDriver(ctx)
		},
		Unseal: func(st store.Store) (store.Store, error) {
			v, err := i.cfg.openVault(ctx, st, slog.New(slog.DiscardHandler))
			if err != nil {
				return nil, err
			}
			return v.Store(st), nil
		},
		Projectors: func(st store.Store) []*store.Projector { return projectors(st) },
	}
	if blobs != nil {
		to.Blobs = blobs
	}
	r, err := b.Restore(ctx, id, to)
	return cli.Restored{
		Backup: client.Backup{ID: r.ID, At: r.At, Events: r.Events, Orgs: len(r.Orgs), Blobs: r.Checked},
		Rows:   r.Rows, Shut: r.Shut, Problems: r.Problems,
	}, err
}

// putBack puts a store's copy where the configuration's store is to be.
func (c Config) putBack(ctx context.Context, from string) error {
	if c.driver() == onPostgres {
		return postgres.Restore(ctx, c.postgres(), from)
	}
	path := c.sqlite().Path
	if exists(path) {
		return core.E(core.Conflict, "restore", "the data directory has a database already").
			WithHint("move " + path + " away, or choose another folder with --data-dir and name the backups with backup.dir")
	}
	if err := copyFile(from, path); err != nil {
		return diskError("restore", path, err)
	}
	return nil
}

// copyFile copies a file to a new one that its owner alone can read, durably.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

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
		if k, err := to.Keyset(ctx, sum.Org); err != nil || k.Shredded {
			if err != nil {
				return m, err
			}
			continue
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
