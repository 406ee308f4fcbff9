package platform

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// tidyEvery is how often a node looks for budgets of keys that have ended by themselves.
const tidyEvery = time.Hour

// watchBudgets removes the budgets of keys that have expired, until ctx ends. Those of keys
// that are revoked go at once: see dropBudget.
func (n *node) watchBudgets(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := n.tidyBudgets(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("keys that have ended may still have budgets", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tidyBudgets removes the budgets of keys that are gone. A key is made before its budget,
// and so is there still when the budget was seen first.
func (n *node) tidyBudgets(ctx context.Context) error {
	orgs, err := n.driver.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, org := range orgs {
		if org != core.Installation {
			errs = append(errs, n.tidyBudgetsOf(ctx, org))
		}
	}
	return errors.Join(errs...)
}

func (n *node) tidyBudgetsOf(ctx context.Context, org core.OrgID) error {
	all, err := n.books.Budgets(ctx, org)
	if err != nil {
		return err
	}
	for _, b := range all {
		id, ok := strings.CutPrefix(string(b.Subject), "key/")
		if !ok {
			continue
		}
		there, err := n.people.HasKey(ctx, org, core.KeyID(id))
		if err == nil && !there {
			err = n.dropBudget(ctx, org, core.KeyID(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
