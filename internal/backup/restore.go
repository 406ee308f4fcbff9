package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Target is where a backup is put back, which is empty.
type Target struct {
	// Check sees that the master key opens the keys, before anything is put back.
	Check func(ctx context.Context, keys store.Keysets) error
	// Open returns the restored store: from is the store's copy. It isn't the live one.
	Open func(ctx context.Context, from string) (store.Store, error)
	// Blobs, unless it is nil, gets the blobs.
	Blobs blob.Store
	// Unseal returns the store as modules see it, with keys and views opened.
	Unseal func(store.Store) (store.Store, error)
	// Projectors keep the views of the unsealed store.
	Projectors func(store.Store) []*store.Projector
}

// Report says what a restored backup holds, and what is wrong with it.
type Report struct {
	Manifest
	Events   int64    `json:"events"`
	Rows     int      `json:"rows"`              // of views, compared with a fresh fold
	Shut     []string `json:"shut,omitempty"`    // orgs without keys: shredded
	Problems []string `json:"problems"`          // empty: the backup is good
	Checked  int      `json:"checked,omitempty"` // blobs, read to the end
}

// Restore puts a backup, the newest if id is empty, into the target and checks all of
// it: the counts and hashes against the manifest, that every event and record opens, that
// every blob is whole, and that the views are what the events say. The restored store is
// closed when Restore returns.
func (b *Backups) Restore(ctx context.Context, id string, to Target) (r Report, err error) {
	if r.Manifest, err = b.find(id); err != nil {
		return r, err
	}
	r.Problems = []string{}
	if r.Driver != b.cfg.Driver {
		return r, core.E(core.Unsupported, "restore", "the backup is of a "+r.Driver+" store, this installation has "+b.cfg.Driver).
			WithHint("configure the same kind of store, restore, and move with isekai store copy")
	}
	keys, err := keysFor(b.cfg.Dir, r.Orgs)
	if err != nil {
		return r, err
	}
	if err := to.Check(ctx, wrapped{keys: keys}); err != nil {
		return r, err
	}
	st, err := b.open(ctx, &r, to)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := putKeys(ctx, keys, st); err != nil {
		return r, err
	}
	if err := r.compare(ctx, st); err != nil {
		return r, err
	}
	sealed, err := to.Unseal(st)
	if err != nil {
		return r, err
	}
	for _, sum := range r.Orgs {
		if keys[sum.Org].Shredded {
			r.Shut = append(r.Shut, string(sum.Org))
			continue
		}
		if err := r.openAll(ctx, sealed, sum.Org, to.Projectors(sealed)); err != nil {
			return r, err
		}
		if err := r.openRecords(ctx, st.(store.Inventory), sealed, sum.Org); err != nil { // compare has seen that it is one
			return r, err
		}
	}
	blobs, err := b.openBlobs()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	return r, r.blobs(ctx, blobs, to.Blobs)
}

// open puts the store's copy into the target. A copy that isn't what was made is a
// problem, and opened as far as that goes.
func (b *Backups) open(ctx context.Context, r *Report, to Target) (store.Store, error) {
	const op = "restore"
	path := filepath.Join(b.cfg.Dir, r.ID, storeName)
	made, err := digest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(r.ID, "its store is missing: "+path).Because(err)
	}
	if err != nil {
		return nil, diskError(op, path, err)
	}
	whole := r.Digest == "" || made == r.Digest // the first manifests have none
	if !whole {
		r.problem("the store's copy isn't the one that was made: its digest differs")
	}
	st, err := to.Open(ctx, path)
	if err != nil && !whole {
		err = damaged(r.ID, "its store can't be put back").Because(err)
	}
	return st, err
}

func damaged(id, why string) *core.Error {
	return core.E(core.Invalid, "restore", "the backup "+id+" is damaged: "+why).WithHint("isekai backup list names others")
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// compare holds the store against the manifest.
func (r *Report) compare(ctx context.Context, st store.Store) error {
	whole, ok := st.(store.Whole)
	if !ok {
		return core.E(core.Unsupported, "restore", "this store can't tell what it holds")
	}
	orgs, err := whole.Tenants(ctx)
	if err != nil {
		return err
	}
	if len(orgs) != len(r.Orgs) {
		r.problem("%d orgs, the manifest has %d", len(orgs), len(r.Orgs))
	}
	for _, want := range r.Orgs {
		got, err := store.SumAll(ctx, whole, want.Org)
		if err != nil {
			return err
		}
		r.Events += got.Events
		if !got.Same(want) {
			r.problem("org %s has %s up to %d, the manifest %s up to %d, or their hashes differ",
				want.Org, amounts(got), got.Position, amounts(want), want.Position)
		}
	}
	return nil
}

// openRecords opens every record of an org that hasn't expired.
func (r *Report) openRecords(ctx context.Context, raw store.Inventory, st store.Records, org core.OrgID) error {
	for last := (store.Record{}); ; {
		found, err := raw.AllRecords(ctx, org, last, 1) // the next kind's first
		if err != nil || len(found) == 0 {
			return err
		}
		kind := found[0].Kind
		for after := ""; ; {
			page, err := st.Records(ctx, org, kind, "", after, movePage)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				r.problem("org %s: a record doesn't open: %v", org, err)
			}
			if err != nil || len(page) == 0 {
				break
			}
			after = page[len(page)-1].ID
		}
		_, last.ID = store.IDRange("", "")
		last.Kind = kind
	}
}

// openAll opens every event of an org and verifies its views.
func (r *Report) openAll(ctx context.Context, st store.Store, org core.OrgID, projectors []*store.Projector) error {
	if _, err := store.SumOrg(ctx, st, org, 0); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.problem("org %s: an event doesn't open: %v", org, err)
		return nil
	}
	for _, p := range projectors {
		// What was in the outbox hasn't reached the views: they follow first.
		if _, err := p.CatchUp(ctx, org, 0); err != nil {
			r.problem("org %s: %v", org, err)
			continue
		}
		rows, differ, err := p.Verify(ctx, org)
		if err != nil {
			return err
		}
		r.Rows += rows
		for _, d := range differ {
			r.problem("org %s, view %s, row %s: %s", org, p.View, d.ID, d.What)
		}
	}
	return nil
}

// blobs reads every blob of the backups, and puts it into to unless that is nil.
func (r *Report) blobs(ctx context.Context, from BlobFolder, to blob.Store) error {
	err := from.Each(ctx, func(org core.OrgID, d core.Digest) error {
		r.Checked++
		var err error
		if to != nil {
			err = copyBlob(ctx, from, to, org, d)
		} else {
			err = readBlob(ctx, from, org, d)
		}
		if core.CodeOf(err) == core.Internal {
			r.problem("org %s, blob %s: %v", org, d, err)
			err = nil
		}
		return err
	})
	if err == nil && r.Checked < r.Manifest.Blobs {
		r.problem("%d blobs, the manifest has %d", r.Checked, r.Manifest.Blobs)
	}
	return err
}

func readBlob(ctx context.Context, from blob.Store, org core.OrgID, d core.Digest) error {
	f, err := from.Open(ctx, org, d)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// find returns a backup, the newest if id is empty. An older one doesn't stand in for one
// that is damaged: somebody would believe that it was the newest.
func (b *Backups) find(id string) (Manifest, error) {
	all, err := b.List()
	if err != nil {
		return Manifest{}, err
	}
	newest, err := b.unread(id)
	if err != nil && (len(all) == 0 || id != "" || newest > all[0].ID) {
		return Manifest{}, err
	}
	if id == "" && len(all) > 0 && ahead(all[0], b.cfg.Now()) {
		return Manifest{}, core.E(core.Conflict, "restore", "the newest backup, "+all[0].ID+", is of a time that hasn't come: the clock is wrong, or was").
			WithHint("name the backup; isekai backup list names those that there are")
	}
	for _, m := range all {
		if id == "" || m.ID == id {
			return m, nil
		}
	}
	e := core.E(core.NotFound, "restore", "there is no backup "+id+" in "+b.cfg.Dir).WithHint("isekai backup list names those that there are")
	if len(all) == 0 {
		e = core.E(core.NotFound, "restore", "there is no backup in "+b.cfg.Dir).WithHint("isekai backup makes one")
	}
	if _, err := os.Stat(b.cfg.Dir); err != nil {
		e = e.Because(err)
	}
	return Manifest{}, e
}

// unread returns the newest backup whose manifest is there and can't be read, and what is
// wrong with it; with id, only that one. A folder without a manifest is no backup.
func (b *Backups) unread(id string) (string, error) {
	entries, err := os.ReadDir(b.cfg.Dir)
	if err != nil {
		return "", nil // List has told
	}
	for _, e := range slices.Backward(entries) { // by name, and so by time
		if _, err := time.Parse(idFormat, e.Name()); err != nil || id != "" && id != e.Name() {
			continue
		}
		_, err := readManifest(filepath.Join(b.cfg.Dir, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return e.Name(), damaged(e.Name(), "its manifest can't be read").Because(err)
		}
	}
	return "", nil
}
