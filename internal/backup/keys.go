package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// kept is what keys.json has of an org: its wrapped keyset, or that it was shredded.
type kept struct {
	Wrapped  []byte `json:"wrapped,omitempty"`
	Shredded bool   `json:"shredded,omitempty"`
	// First is the org's first event, by which its installation is known from another
	// with an org of that name. Empty: there was none yet.
	First core.EventID `json:"first,omitempty"`
}

// UnmarshalJSON takes the first form of the file, too, which had the wrapped keyset alone.
func (k *kept) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &k.Wrapped)
	}
	type plain kept
	return json.Unmarshal(data, (*plain)(k))
}

// WriteKeys writes the wrapped keysets as they are now beside the backups, in place of
// what was there. Call it after every rotation and shredding, and before a rotation, so
// that none begins whose keys can't be kept. Without a folder of backups it does nothing:
// there is none that could be opened. conflict: the folder is another installation's,
// whose keys are left as they are, for nobody else may have them; or the store has keys
// that were shredded.
func (b *Backups) WriteKeys(ctx context.Context) error {
	if _, err := os.Stat(b.cfg.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := lock(ctx, b.cfg.Dir) // who reads the store first must not write last
	if err != nil {
		return err
	}
	defer unlock()
	before, err := readKeys(b.cfg.Dir)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return err
	}
	orgs, err := b.orgs(ctx, before)
	if err != nil {
		return err
	}
	now := map[core.OrgID]kept{}
	for _, org := range orgs {
		if now[org], err = b.keep(ctx, org, before[org]); err != nil {
			return err
		}
	}
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(b.cfg.Dir, keysName), data)
}

// orgs returns those that have keys, had some, or are in the file.
func (b *Backups) orgs(ctx context.Context, before map[core.OrgID]kept) ([]core.OrgID, error) {
	keyed, err := b.cfg.Store.KeysetOrgs(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := b.cfg.Store.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(keyed, begun, slices.Collect(maps.Keys(before)))
	slices.Sort(all)
	return slices.Compact(all), nil
}

// keep returns what is to be kept of an org that the file has as was, or not at all.
func (b *Backups) keep(ctx context.Context, org core.OrgID, was kept) (now kept, err error) {
	k, err := b.cfg.Store.Keyset(ctx, org)
	switch {
	case core.CodeOf(err) == core.NotFound && len(was.Wrapped) == 0:
		return was, nil // shredded, and created after the backup that was restored
	case core.CodeOf(err) == core.NotFound:
		return now, b.foreign(org)
	case err != nil:
		return now, err
	}
	now = kept{Wrapped: k.Wrapped, Shredded: k.Shredded}
	if now.First, err = first(ctx, b.cfg.Store, org); err != nil {
		return now, err
	}
	// The keys of an org that is newer than the backup that was restored came with it.
	same := len(was.Wrapped) > 0 && bytes.Equal(was.Wrapped, now.Wrapped)
	if was.First != "" && was.First != now.First && !same {
		return now, b.foreign(org)
	}
	if was.Shredded && !k.Shredded {
		return now, core.E(core.Conflict, "backup", "org "+string(org)+" was shredded, and the store has its keys again").
			WithHint("isekai keys recover shreds it again")
	}
	return now, nil
}

func (b *Backups) foreign(org core.OrgID) error {
	return core.E(core.Conflict, "backup", filepath.Join(b.cfg.Dir, keysName)+" is another installation's: its org "+string(org)+" isn't the one here").
		WithHint("to replace that installation, stop this one and put a backup back with isekai restore (after a recovery to an earlier time: isekai keys recover); otherwise set backup.dir to another folder")
}

// first returns the id of an org's first event, empty if it has none.
func first(ctx context.Context, st store.Events, org core.OrgID) (core.EventID, error) {
	events, err := st.ReadOrg(ctx, org, 0, 1)
	if err != nil || len(events) == 0 {
		return "", err
	}
	return events[0].ID, nil
}

// readKeys reads the keys beside the backups. not_found: there are none.
func readKeys(dir string) (keys map[core.OrgID]kept, err error) {
	const op = "restore"
	path := filepath.Join(dir, keysName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, core.E(core.NotFound, op, "the keys are missing: "+path).
			WithHint("without them nothing in a backup can be read; look for a copy of that file")
	}
	if err != nil {
		return nil, diskError(op, path, err)
	}
	if err = json.Unmarshal(data, &keys); err == nil {
		for org, k := range keys {
			if (len(k.Wrapped) > 0) == k.Shredded {
				err = errors.New("org " + string(org) + " has neither keys nor a tombstone")
			}
		}
	}
	if err != nil {
		return nil, core.E(core.Invalid, op, path+" is damaged").Because(err).
			WithHint("put back a copy of that file; a server that still runs writes a new one when the damaged one is moved away")
	}
	return keys, nil
}

// keysFor returns the keys for a backup of these orgs. not_found: those of an org are
// missing, which wasn't shredded as far as the file says.
func keysFor(dir string, orgs []store.Sum) (map[core.OrgID]kept, error) {
	keys, err := readKeys(dir)
	if err != nil {
		return nil, err
	}
	for _, sum := range orgs {
		sealed := sum.Events > 0 || sum.Records > 0 // the books aren't
		if _, ok := keys[sum.Org]; !ok && sealed {
			return nil, core.E(core.NotFound, "restore", filepath.Join(dir, keysName)+" has no keys of org "+string(sum.Org)+", and doesn't say that it was shredded").
				WithHint("it is older than the backup, or of another installation: look for a copy that is as new as the backup")
		}
	}
	return keys, nil
}

// putKeys gives a restored store the keys, and shreds in it what was shredded.
func putKeys(ctx context.Context, keys map[core.OrgID]kept, to store.Store) error {
	for org, k := range keys {
		err := ours(ctx, to, org, k)
		if err != nil {
			return err
		}
		if k.Shredded { // so that it reads as gone, and gets no other keys
			err = to.Shred(ctx, org)
		} else {
			err = to.SetKeyset(ctx, org, 0, k.Wrapped)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ours refuses the keys of another installation.
func ours(ctx context.Context, st store.Events, org core.OrgID, k kept) error {
	begun, err := first(ctx, st, org)
	if err == nil && k.First != "" && begun != "" && begun != k.First {
		err = core.E(core.Conflict, "restore", keysName+" is of another installation: its org "+string(org)+" isn't the one in the store").
			WithHint("look for the " + keysName + " that belongs to it")
	}
	return err
}

// wrapped are keys beside backups, to be read as a store's.
type wrapped struct {
	store.Keysets // what isn't here isn't called
	keys          map[core.OrgID]kept
}

// Keyset implements store.Keysets.
func (w wrapped) Keyset(_ context.Context, org core.OrgID) (store.Keyset, error) {
	k, ok := w.keys[org]
	if !ok {
		return store.Keyset{}, core.E(core.NotFound, "restore", "the org has no keys")
	}
	return store.Keyset{Wrapped: k.Wrapped, Generation: 1, Shredded: k.Shredded}, nil
}

// KeysetOrgs implements store.Keysets.
func (w wrapped) KeysetOrgs(context.Context) (orgs []core.OrgID, err error) {
	for org, k := range w.keys {
		if !k.Shredded {
			orgs = append(orgs, org)
		}
	}
	slices.Sort(orgs)
	return orgs, nil
}
