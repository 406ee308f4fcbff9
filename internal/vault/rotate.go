package vault

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	tries  = 10 // of a change that others got in the way of
	sample = 8  // orgs whose keys Check opens
)

// Check says whether the master key is the right one: it opens the keys of some orgs, or
// wraps and unwraps something if no org has keys. Call it at the start. Codes are the
// Master's; Invalid is a wrong key.
func (v *Vault) Check(ctx context.Context) error {
	orgs, err := v.cfg.Keysets.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	if len(orgs) == 0 {
		return v.probe(ctx)
	}
	for i := range min(sample, len(orgs)) { // from the first to the last
		org := orgs[i*(len(orgs)-1)/max(1, min(sample, len(orgs))-1)]
		k, err := v.cfg.Keysets.Keyset(ctx, org)
		if err == nil && !k.Shredded {
			_, err = v.unwrap(ctx, org, k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) probe(ctx context.Context) error {
	master := *v.master.Load()
	wrapped, err := master.Wrap(ctx, []byte("probe"), []byte("probe"))
	if err == nil {
		_, err = master.Unwrap(ctx, wrapped, []byte("probe"))
	}
	return err
}

// Rotate gives the org a new key for events and one for blobs. What the older ones sealed
// opens as before; what is put again is another blob. Other processes seal with the old
// keys for up to CacheFor. not_found: the org is gone, or has no keys yet.
func (v *Vault) Rotate(ctx context.Context, org core.OrgID) error {
	err := v.change(ctx, org, func(store.Keyset) (bool, error) { return true, nil }, (*orgKeys).rotated)
	v.forget(ctx, org)
	return err
}

// forget makes the next look at the org's keys one at the store. It comes after a change
// of them, whatever became of it: a look that began before is over then, and what it
// found is dropped.
func (v *Vault) forget(ctx context.Context, org core.OrgID) {
	e := v.cache.entry(org)
	_ = e.lock(context.WithoutCancel(ctx)) // fails with its context alone
	defer e.unlock()
	e.known.Store(nil)
}

// change replaces the org's keys by what fn makes of them, if they are wanted to, and
// again when somebody else was faster.
func (v *Vault) change(ctx context.Context, org core.OrgID, wanted func(store.Keyset) (bool, error), fn func(*orgKeys) (*orgKeys, error)) error {
	for range tries {
		k, err := v.cfg.Keysets.Keyset(ctx, org)
		if err != nil {
			return err
		}
		if k.Shredded {
			return gone(org)
		}
		if want, err := wanted(k); err != nil || !want {
			return err
		}
		keys, err := v.unwrap(ctx, org, k)
		if err != nil {
			return err
		}
		if keys, err = fn(keys); err != nil {
			return err
		}
		wrapped, err := v.wrap(ctx, org, keys)
		if err != nil {
			return err
		}
		err = v.cfg.Keysets.SetKeyset(ctx, org, k.Generation, wrapped)
		if core.CodeOf(err) != core.Conflict {
			return err
		}
	}
	return tooBusy("vault.rotate", "the keys of "+string(org)+" change all the time")
}

// RotateMaster wraps every org's keys with next, and uses it from then on; next may be the
// master of before whose own key was rotated. It returns how many keysets were wrapped
// anew. Until it has succeeded the older master is needed, too: after an error this Vault
// opens with both, and repeating goes on with what is left. conflict: a rotation is running.
func (v *Vault) RotateMaster(ctx context.Context, next Master) (rewrapped int, err error) {
	if !v.moving.TryLock() {
		return 0, core.E(core.Conflict, "vault.rotate", "the master key is being rotated already").WithHint("wait until that has ended")
	}
	defer v.moving.Unlock()
	both := Either(next, *v.master.Load())
	v.master.Store(&both) // new orgs are wrapped with next, before the others are listed
	for range tries {
		n, err := v.rewrap(ctx, next)
		if rewrapped += n; err != nil {
			return rewrapped, err
		}
		if n == 0 { // and nobody has used the older one meanwhile
			v.master.Store(&next)
			return rewrapped, nil
		}
	}
	return rewrapped, tooBusy("vault.rotate", "another process goes on wrapping with the older master key")
}

// rewrap wraps the keysets anew that next hasn't wrapped with its newest key.
func (v *Vault) rewrap(ctx context.Context, next Master) (n int, err error) {
	orgs, err := v.cfg.Keysets.KeysetOrgs(ctx)
	if err != nil {
		return 0, err
	}
	for _, org := range orgs {
		var stale bool
		err := v.change(ctx, org,
			func(k store.Keyset) (_ bool, err error) { stale, err = next.Stale(ctx, k.Wrapped); return stale, err },
			func(k *orgKeys) (*orgKeys, error) { return k, nil })
		if core.CodeOf(err) == core.NotFound { // shredded meanwhile
			continue
		}
		if err != nil {
			return n, err
		}
		if stale {
			n++
		}
	}
	return n, nil
}

// Shred destroys the org's keys for good: nothing that it wrote opens any more, here at
// once and in other processes within CacheFor, and it is not_found. Copies of the wrapped
// keyset that the store's driver names as out of its reach become useless when the master
// key is rotated. An org without keys gets none any more.
func (v *Vault) Shred(ctx context.Context, org core.OrgID) error {
	err := v.cfg.Keysets.Shred(ctx, org)
	v.forget(ctx, org)
	return err
}

func tooBusy(op, msg string) error {
	return core.E(core.Unavailable, op, msg).WithHint("see that all processes have the same master key, then repeat")
}
