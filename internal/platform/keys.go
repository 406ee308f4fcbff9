package platform

import (
	"context"
	"errors"
	"os"

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
		if err := k.n.vault.Rotate(ctx, org); err != nil {
			return i, errors.Join(err, k.n.backups.WriteKeys(ctx))
		}
	}
	return len(orgs), k.n.backups.WriteKeys(ctx)
}

// RotateMaster implements httpapi.Keys. A master key that isn't in a file of ours is
// rotated where it is; then this wraps the keys of all orgs with the new one.
func (k keys) RotateMaster(ctx context.Context) (n int, err error) {
	if err := k.n.backups.WriteKeys(ctx); err != nil {
		return 0, err
	}
	switch path := k.n.cfg.masterFile(); {
	case path != "":
		n, err = k.n.vault.RotateFile(ctx, path, k.n.backups.WriteKeys)
	case k.n.cfg.Keys.VaultAddress != "":
		var master vault.Master
		if master, err = k.n.cfg.openMaster(ctx, k.n.driver); err == nil {
			n, err = k.n.vault.RotateMaster(ctx, master)
		}
	default:
		return 0, core.E(core.Unsupported, "keys.rotate", "the master key is given as keys.key, which this process can't change").
			WithHint("put it into a file and name that as keys.file, then rotate it")
	}
	return n, errors.Join(err, k.n.backups.WriteKeys(ctx))
}

// Shred implements httpapi.Keys.
func (k keys) Shred(ctx context.Context, org core.OrgID) error {
	if _, err := k.n.driver.Keyset(ctx, org); err != nil {
		return err // a name that was mistyped gets no tombstone
	}
	if err := k.n.vault.Shred(ctx, org); err != nil {
		return err
	}
	return errors.Join(k.n.backups.WriteKeys(ctx), k.n.apps.Forget(ctx, org), os.RemoveAll(k.n.dir.Join("workspaces", string(org))))
}
