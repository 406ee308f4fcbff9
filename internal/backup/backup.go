// Package backup copies an installation while it works, proves that a copy is good,
// and puts one back.
//
// platform runs it on a schedule and for the commands backup and restore. What it
// copies is what the store and the blobs hold: ciphertext. Keysets are never part of a
// backup. They are kept once, as they are now, in the file keys.json beside all backups,
// which every backup, rotation and shredding writes anew: so what was shredded opens in
// no backup, however old. That file says of each org that it was shredded, or has its keys:
// what it says nothing of isn't restored, and an installation whose orgs aren't those of
// the file leaves it alone. The master key is in none of this; whoever loses it loses all.
//
// A folder of backups:
//
//	keys.json                  the wrapped keysets, as of now
//	blobs/                     the blobs of all backups, each once
//	20260102T030405Z/store     the store's copy
//	20260102T030405Z/manifest.json
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config says what is copied and where to. All fields but Keep and Now are required.
type Config struct {
	Dir    string // made if missing, for its owner alone
	Store  Store
	Driver string     // the store's kind, "sqlite": what can read the copy
	From   blob.Store // a blob.Lister, too
	// To opens the folder blobs in Dir, for as long as a backup or a restore takes.
	To   func(dir string) (BlobFolder, error)
	Keep time.Duration
	Now  func() time.Time // nil: time.Now
}

// Store is a driver's store, with everything sealed.
type Store interface {
	store.Backuper
	store.Keysets
	store.Events
}

// BlobFolder is a folder of blobs.
type BlobFolder interface {
	blob.Store
	blob.Lister
	Close() error
}

// Backups makes and keeps backups in a folder. One process at a time does: the one
// that holds the term.
type Backups struct{ cfg Config }

// New returns Backups.
func New(cfg Config) *Backups {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Backups{cfg}
}

// Manifest says what a backup holds.
type Manifest struct {
	ID     string      `json:"id"`
	At     time.Time   `json:"at"`
	Driver string      `json:"driver"`
	Orgs   []store.Sum `json:"orgs"`
	Blobs  int         `json:"blobs"` // in the folder when it was made
	// Digest is that of the store's copy, in hexadecimal SHA-256.
	Digest string `json:"digest"`
}

const (
	idFormat     = "20060102T150405Z"
	storeName    = "store"
	manifestName = "manifest.json"
	keysName     = "keys.json"
	blobsName    = "blobs"
	maxBlob      = 1 << 40 // bytes: a blob that is there is copied, however large
)

// Take makes a backup, and removes those that are older than Keep. A backup without a
// manifest isn't one: it is what a process left that was killed, and is removed by the
// next. conflict: there is one of this second already.
func (b *Backups) Take(ctx context.Context) (Manifest, error) {
	const op = "backup"
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		return Manifest{}, diskError(op, b.cfg.Dir, err)
	}
	at := b.cfg.Now().UTC().Truncate(time.Second)
	m := Manifest{ID: at.Format(idFormat), At: at, Driver: b.cfg.Driver}
	if err := b.WriteKeys(ctx); err != nil { // before anything is copied: the folder may be another's
		return m, err
	}
	dir := filepath.Join(b.cfg.Dir, m.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return m, diskError(op, dir, err)
	}
	err := b.take(ctx, dir, &m)
	if err != nil {
		return m, errors.Join(err, os.RemoveAll(dir))
	}
	return m, b.prune(at)
}

func (b *Backups) take(ctx context.Context, dir string, m *Manifest) (err error) {
	copied := filepath.Join(dir, storeName)
	if m.Orgs, err = b.cfg.Store.Backup(ctx, copied); err != nil {
		return err
	}
	if m.Digest, err = digest(copied); err != nil {
		return err
	}
	// Blobs after the store: what an event refers to is there before the event.
	if m.Blobs, err = b.copyBlobs(ctx); err != nil {
		return err
	}
	if err := b.WriteKeys(ctx); err != nil {
		return err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, manifestName), data)
}

// copyBlobs adds the blobs that the backups don't have yet, and counts all.
func (b *Backups) copyBlobs(ctx context.Context) (n int, err error) {
	to, err := b.openBlobs()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	list, ok := b.cfg.From.(blob.Lister)
	if !ok {
		return 0, core.E(core.Unsupported, "backup", "these blobs can't be listed")
	}
	err = list.Each(ctx, func(org core.OrgID, d core.Digest) error {
		n++
		if there, err := to.Open(ctx, org, d); err == nil {
			return there.Close()
		}
		return copyBlob(ctx, b.cfg.From, to, org, d)
	})
	return n, err
}

func (b *Backups) openBlobs() (BlobFolder, error) {
	return b.cfg.To(filepath.Join(b.cfg.Dir, blobsName))
}

func copyBlob(ctx context.Context, from, to blob.Store, org core.OrgID, d core.Digest) error {
	r, err := from.Open(ctx, org, d)
	if core.CodeOf(err) == core.NotFound {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer r.Close()
	got, _, err := to.Put(ctx, org, r, maxBlob)
	if err == nil && got != d {
		err = core.E(core.Internal, "backup", "blob "+string(d)+" has other bytes")
	}
	return err
}

// List returns the backups, newest first. One whose manifest can't be read isn't among
// them; find tells of it.
func (b *Backups) List() ([]Manifest, error) {
	entries, err := os.ReadDir(b.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diskError("backup.list", b.cfg.Dir, err)
	}
	var all []Manifest
	for _, e := range entries {
		if m, err := readManifest(filepath.Join(b.cfg.Dir, e.Name())); err == nil && m.ID == e.Name() {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(x, y Manifest) int { return y.At.Compare(x.At) })
	return all, nil
}

// prune removes backups that are too old, and what killed processes left. The newest
// always stays.
func (b *Backups) prune(now time.Time) error {
	entries, err := os.ReadDir(b.cfg.Dir)
	if err != nil {
		return diskError("backup.prune", b.cfg.Dir, err)
	}
	newest := ""
	for _, e := range entries {
		if _, err := readManifest(filepath.Join(b.cfg.Dir, e.Name())); err == nil {
			newest = max(newest, e.Name())
		}
	}
	var errs []error
	for _, e := range entries {
		at, err := time.Parse(idFormat, e.Name())
		if err != nil || e.Name() >= newest || b.cfg.Keep <= 0 {
			continue // no backup's name, or of one that is being made
		}
		dir := filepath.Join(b.cfg.Dir, e.Name())
		_, err = readManifest(dir)
		if now.Sub(at) > b.cfg.Keep || errors.Is(err, fs.ErrNotExist) { // not what merely can't be read
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

func readManifest(dir string) (m Manifest, err error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m, err
}
