package backup

import (
	"bytes"
	"context"
	"errors"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Recovered says what Recover has changed.
type Recovered struct {
	Orgs     int // that have the keys beside the backups now
	Shredded int // that are shredded again
}

// Recover brings a store that was taken back to an earlier time, by the log of its
// database, up to date with what has become of its keys since: it shreds again what was
// shredded, and where the master key, which opens tells of, doesn't open an org's keys any
// more, puts those there that are beside the backups. It may be repeated. conflict: they
// are another installation's; invalid: the master key opens neither.
func (b *Backups) Recover(ctx context.Context, st store.Store, opens func(context.Context, store.Keysets) error) (r Recovered, err error) {
	keys, err := readKeys(b.cfg.Dir)
	if err != nil {
		return r, err
	}
	for org, k := range keys {
		if err := ours(ctx, st, org, k); err != nil {
			return r, err
		}
		var done *int
		now, err := st.Keyset(ctx, org)
		switch {
		case err != nil && core.CodeOf(err) != core.NotFound:
		case k.Shredded && now.Shredded, bytes.Equal(now.Wrapped, k.Wrapped):
			err = nil
		case k.Shredded:
			done, err = &r.Shredded, st.Shred(ctx, org)
		case now.Shredded: // after these were written
			err = nil
		default:
			if err == nil { // newer ones than those beside the backups, perhaps
				err = opens(ctx, wrapped{keys: map[core.OrgID]kept{org: {Wrapped: now.Wrapped}}})
			}
			if code := core.CodeOf(err); code == core.NotFound || code == core.Invalid {
				done, err = &r.Orgs, replace(ctx, st, org, k, now.Generation, opens)
			}
		}
		if err != nil {
			return r, err
		}
		if done != nil {
			*done++
		}
	}
	return r, nil
}

// replace gives an org the keys beside the backups, if the master key opens them.
func replace(ctx context.Context, st store.Keysets, org core.OrgID, k kept, generation int64, opens func(context.Context, store.Keysets) error) error {
	if err := opens(ctx, wrapped{keys: map[core.OrgID]kept{org: k}}); err != nil {
		return errors.Join(core.E(core.CodeOf(err), "recover", "the keys of org "+string(org)+" don't open"), err)
	}
	return st.SetKeyset(ctx, org, generation, k.Wrapped)
}
