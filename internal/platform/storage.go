package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault"
)

// The kinds of store.
const (
	onSQLite   = "sqlite"
	onPostgres = "postgres"
)

// driver returns the kind of the configured store.
func (c Config) driver() string {
	if c.Store.URL != "" {
		return onPostgres
	}
	return onSQLite
}

func (c Config) sqlite() sqlite.Config {
	return sqlite.Config{Path: filepath.Join(c.DataDir, "isekai.db")}
}

func (c Config) postgres() postgres.Config {
	return postgres.Config{
		URL: c.Store.URL.Reveal(), RelayURL: c.Store.RelayURL.Reveal(), MigrateURL: c.Store.MigrateURL.Reveal(), MaxConns: int32(c.Store.MaxConns),
	}
}

// openDriver opens the configured store as it is: what it holds is sealed.
func (c Config) openDriver(ctx context.Context) (store.Store, error) { return c.openTimed(ctx, nil) }

// openTimed is openDriver of a store whose slow statements somebody is told of; of nil nobody is.
func (c Config) openTimed(ctx context.Context, slow *slowQueries) (store.Store, error) {
	var tell func(string, time.Duration)
	if slow != nil && c.Store.SlowAfter > 0 {
		tell = slow.of(c.driver())
	}
	if c.driver() == onPostgres {
		cfg := c.postgres()
		cfg.Slow, cfg.SlowAfter = tell, c.Store.SlowAfter
		st, err := postgres.Open(ctx, cfg)
		if err != nil { // not a store that is nil
			return nil, err
		}
		return st, nil
	}
	cfg := c.sqlite()
	cfg.Slow, cfg.SlowAfter = tell, c.Store.SlowAfter
	return sqlite.Open(ctx, cfg)
}

func (c Config) blobDir() string {
	if c.Blob.Dir != "" {
		return c.Blob.Dir
	}
	return filepath.Join(c.DataDir, "blobs")
}

func (c Config) backupDir() string {
	if c.Backup.Dir != "" {
		return c.Backup.Dir
	}
	return filepath.Join(c.DataDir, "backups")
}

// masterFile is the file of the master key; empty if it is elsewhere.
func (c Config) masterFile() string {
	switch {
	case c.Keys.File != "":
		return c.Keys.File
	case c.Keys.named() > 0:
		return ""
	}
	return filepath.Join(c.DataDir, "master.key")
}

// open returns the master key in the place that is named.
func (k Keys) open() (vault.Master, error) {
	switch {
	case k.VaultAddress != "":
		return vault.NewTransit(vault.TransitConfig{
			Address: k.VaultAddress, Mount: k.VaultMount, Key: k.VaultKey, Token: vault.TokenFile(k.VaultToken), CAFile: k.VaultCA,
		})
	case k.Key != "":
		return vault.ParseMaster(k.Key.Reveal())
	}
	return vault.OpenMaster(k.File)
}

// openMaster returns the master key, without the old one. The data directory's own is made
// if no org has keys yet; any other has to be there.
func (c Config) openMaster(ctx context.Context, keysets store.Keysets) (vault.Master, error) {
	if c.Keys.named() > 0 {
		return c.Keys.open()
	}
	path := c.masterFile()
	if !exists(path) {
		orgs, err := keysets.KeysetOrgs(ctx)
		if err != nil {
			return nil, err
		}
		if len(orgs) > 0 {
			return nil, core.E(core.NotFound, "keys", "the master key is missing: "+path).
				WithHint("put back your copy of that file; without it nothing in this data directory can be read")
		}
		if err := vault.GenerateMaster(path); err != nil {
			return nil, err
		}
	}
	return vault.OpenMaster(path)
}

// openMasters returns the master key, which opens what the old one has wrapped, too.
func (c Config) openMasters(ctx context.Context, keysets store.Keysets) (vault.Master, error) {
	master, err := c.openMaster(ctx, keysets)
	if err != nil || c.OldKeys.named() == 0 {
		return master, err
	}
	old, err := c.OldKeys.open()
	if err != nil {
		return nil, fmt.Errorf("old_keys: %w", err)
	}
	return vault.Either(master, old), nil
}

// openVault returns the keys of all orgs, after a look whether the master key is right.
func (c Config) openVault(ctx context.Context, keysets store.Keysets, log *slog.Logger) (*vault.Vault, error) {
	master, err := c.openMasters(ctx, keysets)
	if err != nil {
		return nil, err
	}
	v := vault.New(vault.Config{Keysets: keysets, Master: master, Log: log})
	return v, v.Check(ctx)
}

// openStorage opens the store and the blobs, with what tenants write sealed.
func (n *node) openStorage(ctx context.Context, wrap func(store.Store) store.Store) (err error) {
	if n.driver, err = n.cfg.openTimed(ctx, n.metrics.slow); err != nil {
		return err
	}
	n.stages.add("store", func(context.Context) error { return n.driver.Close() })
	if one, ok := n.driver.(interface{ Reclaim(context.Context) error }); ok && n.mode != cli.Direct {
		// The data directory's lock says that nobody else is at work.
		if err := one.Reclaim(ctx); err != nil {
			return err
		}
	}
	if n.vault, err = n.cfg.openVault(ctx, n.driver, n.log); err != nil {
		return err
	}
	if err := allSealed(ctx, n.driver); err != nil {
		return err
	}
	n.store = n.vault.Store(n.driver)
	if wrap != nil {
		n.store = wrap(n.store)
	}
	files, err := local.Open(n.cfg.blobDir())
	if err != nil {
		return err
	}
	n.stages.add("blobs", func(context.Context) error { return files.Close() })
	n.blobs, n.files = n.vault.Blobs(files), files
	return n.openBackups(files)
}

// allSealed refuses a store whose orgs have events and no keys: one that was written
// before there were keys, or that was restored without them.
func allSealed(ctx context.Context, st store.Store) error {
	orgs, err := st.Orgs(ctx)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if _, err := st.Keyset(ctx, org); core.CodeOf(err) == core.NotFound {
			return core.E(core.Unsupported, "keys", "org "+string(org)+" has events and no keys").
				WithHint("the data is of a version before 0.2, or was restored without its keys: use another data directory, or isekai restore")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// openBackups wires the backups. Their folder is made with the first.
func (n *node) openBackups(files *local.Store) error {
	copier, ok := n.driver.(backup.Store)
	if !ok {
		return errors.New("a store that can't be backed up")
	}
	n.backups = backup.New(backup.Config{
		Dir: n.cfg.backupDir(), Store: copier, Driver: n.cfg.driver(), From: files, To: openBlobs, Keep: n.cfg.Backup.Keep,
	})
	return nil
}

func openBlobs(dir string) (backup.BlobFolder, error) { return local.Open(dir) }
