package platform

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

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
		if err != nil {
			return c, nil, err
		}
		c.Store.URL, c.Store.RelayURL, c.Store.MigrateURL = Secret(db.URL), Secret(db.RelayURL), Secret(db.MigrateURL)
		return c, drop, nil
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
	begun := false
	to := backup.Target{
		Check: func(ctx context.Context, keys store.Keysets) error {
			_, err := i.cfg.openVault(ctx, keys, slog.New(slog.DiscardHandler))
			return err
		},
		Open: func(ctx context.Context, from string) (store.Store, error) {
			if err := into.putBack(ctx, from); err != nil {
				return nil, err
			}
			begun = true
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
	if err == nil && blobs != nil {
		err = into.settleRestored(ctx, &r)
	}
	if err != nil && begun && blobs != nil {
		err = into.takeBack(err)
	}
	return cli.Restored{
		Backup: client.Backup{ID: r.ID, At: r.At, Events: r.Events, Orgs: len(r.Orgs), Blobs: r.Checked},
		Rows:   r.Rows, Shut: r.Shut, Problems: r.Problems,
	}, err
}

// settleRestored is settle for the store that a backup was put into.
func (c Config) settleRestored(ctx context.Context, r *backup.Report) (err error) {
	st, err := c.openDriver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	problem, err := c.settle(ctx, st, "restore", r.ID, r.At)
	if problem != "" {
		r.Problems = append(r.Problems, problem)
	}
	return err
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
		return errors.Join(diskError("restore", path, err), c.removeSQLite())
	}
	return nil
}

// takeBack removes what a restore that failed has put back, as far as that is ours, so
// that it can be repeated.
func (c Config) takeBack(err error) error {
	if c.driver() == onPostgres {
		return core.E(core.CodeOf(err), "", "the restore was broken off, and the database isn't empty any more").
			WithHint(strings.TrimSuffix(core.HintOf(err), ".") + "; to repeat it, drop the database and create it anew").Because(err)
	}
	return errors.Join(err, c.removeSQLite())
}

// removeSQLite removes the database of the data directory.
func (c Config) removeSQLite() error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(c.sqlite().Path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, diskError("restore", c.DataDir, err))
		}
	}
	return errors.Join(errs...)
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

// RecoverKeys implements cli.Instance.
func (i instance) RecoverKeys(ctx context.Context) (r cli.RecoveredKeys, err error) {
	err = i.alone(func(*DataDir) (err error) {
		st, err := i.cfg.openDriver(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, st.Close()) }()
		b := backup.New(backup.Config{Dir: i.cfg.backupDir(), Driver: i.cfg.driver(), To: openBlobs})
		got, err := b.Recover(ctx, st, func(ctx context.Context, keys store.Keysets) error {
			_, err := i.cfg.openVault(ctx, keys, slog.New(slog.DiscardHandler))
			return err
		})
		r = cli.RecoveredKeys{Orgs: got.Orgs, Shredded: got.Shredded}
		if err != nil {
			return err
		}
		r.Problem, err = i.cfg.settle(ctx, st, "recover-keys", "", time.Time{})
		return err
	})
	return r, err
}
