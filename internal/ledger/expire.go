package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ExpireGrants takes what is left of the grants, of all orgs, whose time has come. What
// tasks hold of one they may use; what they give back of it goes the next time. It may be
// called by many at once, and after any crash. One org's trouble isn't another's.
func (s *Service) ExpireGrants(ctx context.Context) error {
	var errs []error
	for after := ""; ; {
		const page = 100
		due, err := kindExpiring.List(ctx, s.cfg.Records, core.Installation, "", after, page)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, d := range due {
			if d.Data.Expires.After(s.cfg.Now()) {
				return errors.Join(errs...)
			}
			if err := s.expireGrant(ctx, d); err != nil {
				errs = append(errs, fmt.Errorf("grants of %s: %w", d.Data.Org, err))
			}
			after = d.ID
		}
		if len(due) < page {
			return errors.Join(errs...)
		}
	}
}

// expireGrant takes what is left of a grant and free, and forgets one of which nothing is.
func (s *Service) expireGrant(ctx context.Context, d store.Doc[pending]) error {
	p := d.Data
	left, err := s.takeGrant(ctx, p)
	if err != nil || left > 0 {
		return err
	}
	had, err := s.had(ctx, p.Org, store.Posting{Effect: kindGrant + "/" + p.ID})
	if err != nil || len(had) == 0 && s.cfg.Now().Before(p.Expires.Add(keep)) {
		return err
	}
	err = s.cfg.Records.Write(ctx, core.Installation, kindExpiring.Drop(d))
	if core.CodeOf(err) == core.Conflict { // another was faster
		return nil
	}
	return err
}

// takeGrant takes what is free of a grant whose time has come, and returns what is left.
func (s *Service) takeGrant(ctx context.Context, p pending) (left core.Credits, err error) {
	for range tries {
		if err := s.reckon(ctx, p.Org); err != nil {
			return 0, err
		}
		held, has, err := s.atLeast(ctx, p.Org)
		if err != nil {
			return 0, err
		}
		open, err := s.lots(ctx, p.Org)
		if err != nil {
			return 0, err
		}
		l, free := freeOf(open, newLot(p.ID, p.Expires), held)
		if free = min(free, has); free <= 0 {
			return l.left, nil
		}
		_, err = s.cfg.Books.Post(ctx, p.Org, store.Posting{
			// With each taking there is less left: so this one is made once.
			Effect: "expired/" + l.id + "/" + strconv.FormatInt(int64(l.left), 10), Kind: kindExpire, Note: "granted until " + l.until,
			Moves: append(moved(available, source, free), moved(l.account(), expiring, free)...),
		})
		if _, short := store.Short(err); err != nil && !short {
			return 0, err
		}
	}
	return 0, contended("ledger.expire")
}

// atLeast returns what tasks hold, or more, and what is available. Balances that are read
// while a correction is made may say too little is held: not twice in a row. Too much is
// nothing lost, for the rest goes the next time; nor are tasks that begin meanwhile, for
// they begin after the grant's end.
func (s *Service) atLeast(ctx context.Context, org core.OrgID) (held, has core.Credits, err error) {
	for range 2 {
		b, err := s.sample(ctx, org)
		if err != nil {
			return 0, 0, err
		}
		held, has = max(held, b.Held), b.Available
	}
	return held, has, nil
}

// freeOf returns one of the grants, and how much of it no task holds: what tasks hold is of
// those that expire first.
func freeOf(open []lot, of lot, held core.Credits) (l lot, free core.Credits) {
	for _, l := range open {
		part := min(l.left, held)
		held -= part
		if l.until == of.until && l.id == of.id {
			return l, l.left - part
		}
	}
	return of, 0
}
