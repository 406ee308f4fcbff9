package platform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault"
)

// keys does to keys what an operator asks for, and keeps those beside the backups up to
// date. It is the httpapi.Keys.
type keys struct{ n *node }

// Rotate implements httpapi.Keys.
func (k keys) Rotate(ctx context.Context, org core.OrgID) (int, error) {
	if err := k.n.backups.WriteKeys(ctx); err != nil { // before there are keys that can't be kept
		return 0, err
	}
	orgs := []core.OrgID{org}
	if org == "" {
		var err error
		if orgs, err = k.n.driver.KeysetOrgs(ctx); err != nil {
			return 0, err
		}
	}
	for i, org := range orgs {
		err := k.n.vault.Rotate(ctx, org)
		if core.CodeOf(err) == core.NotFound {
			err = k.unknown(ctx, org)
		}
		if err != nil {
			return i, errors.Join(err, k.n.backups.WriteKeys(ctx))
		}
	}
	return len(orgs), k.n.backups.WriteKeys(ctx)
}

// RotateMaster implements httpapi.Keys. With old_keys it moves from those, and the new
// master key is as it is. A master key that isn't in a file of ours is rotated where it
// is; then this wraps the keys of all orgs with the new one.
func (k keys) RotateMaster(ctx context.Context) (n int, err error) {
	if err := k.n.backups.WriteKeys(ctx); err != nil {
		return 0, err
	}
	moves := k.n.cfg.OldKeys.named() > 0
	switch path := k.n.cfg.masterFile(); {
	case path != "" && !moves:
		n, err = k.n.vault.RotateFile(ctx, path, k.n.backups.WriteKeys)
	case moves, k.n.cfg.Keys.VaultAddress != "":
		var master vault.Master
		if master, err = k.n.cfg.openMaster(ctx, k.n.driver); err == nil {
			n, err = k.n.vault.RotateMaster(ctx, master)
		}
	default:
		return 0, core.E(core.Unsupported, "keys.rotate", "the master key is given as keys.key, which this process can't change").
			WithHint("give the new one as keys.key (isekai keys new FILE makes one) and this one as old_keys.key, to all nodes, and repeat")
	}
	return n, errors.Join(err, k.n.backups.WriteKeys(ctx))
}

// Shred implements httpapi.Keys.
func (k keys) Shred(ctx context.Context, org core.OrgID) error {
	if _, err := k.n.driver.Keyset(ctx, org); core.CodeOf(err) == core.NotFound {
		return k.unknown(ctx, org) // a name that was mistyped gets no tombstone
	} else if err != nil {
		return err
	}
	err := k.n.vault.Shred(ctx, org)
	if err != nil { // the keys may be gone, though not every trace of them
		if now, e := k.n.driver.Keyset(ctx, org); e != nil || !now.Shredded {
			return err
		}
	}
	return errors.Join(err, k.n.forget(ctx, org))
}

// unknown says which orgs there are.
func (k keys) unknown(ctx context.Context, org core.OrgID) error {
	const some = 10
	orgs, err := k.n.driver.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, o := range orgs[:min(some, len(orgs))] {
		names = append(names, string(o))
	}
	hint := "no org has keys yet"
	if len(orgs) > 0 {
		hint = "those with keys are " + strings.Join(names, ", ")
	}
	if len(orgs) > some {
		hint += " and others"
	}
	return core.E(core.NotFound, "keys", "org "+string(org)+" has no keys, or none any more").WithHint(hint)
}

// NewMasterKey implements cli.Platform.
func (Platform) NewMasterKey(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return core.E(core.NotFound, "keys.new", "there is no folder "+dir).WithHint("make it, readable by this user alone")
	}
	return vault.GenerateMaster(path)
}
