package platform

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
)

// goneEvery is how often a node looks for orgs that were shredded elsewhere.
const goneEvery = 5 * time.Second

// watchGone forgets, until ctx ends, what this machine keeps in the open of orgs whose
// keys another node has destroyed.
func (n *node) watchGone(ctx context.Context) error {
	known := map[core.OrgID]bool{} // those that are forgotten
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for {
		if err := n.forgetGone(ctx, known); err != nil && ctx.Err() == nil {
			n.log.Warn("an org that is gone may still have apps here", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// forgetGone forgets the orgs that are gone and not among known, which it adds to.
func (n *node) forgetGone(ctx context.Context, known map[core.OrgID]bool) error {
	begun, err := n.driver.Orgs(ctx)
	if err != nil {
		return err
	}
	with, err := n.driver.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	alive := make(map[core.OrgID]bool, len(with))
	for _, org := range with {
		alive[org] = true
	}
	var errs []error
	for _, org := range begun {
		if alive[org] || known[org] {
			continue
		}
		k, err := n.driver.Keyset(ctx, org) // it may have got its first keys between the two lists
		switch {
		case err == nil && k.Shredded:
			err = n.forget(ctx, org)
			known[org] = err == nil
		case core.CodeOf(err) == core.NotFound:
			err = nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// forget removes what this machine keeps in the open of an org, and its keys beside the
// backups.
func (n *node) forget(ctx context.Context, org core.OrgID) error {
	return errors.Join(n.backups.WriteKeys(ctx), n.apps.Forget(ctx, org), n.index.Clear(ctx, memory.Shelf{Org: org}), os.RemoveAll(n.dir.Join("workspaces", string(org))))
}
