package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// lot is a grant that expires.
type lot struct {
	until string // as in stamp
	id    string // the command's
	left  core.Credits
}

// stamp writes a moment so that texts are in the order of time.
const stamp = "2006-01-02T15:04:05Z"

func newLot(id string, until time.Time) lot { return lot{until: until.UTC().Format(stamp), id: id} }

// account is where it is noted what is left of the grant.
func (l lot) account() string { return lots + l.until + "/" + l.id }

const kindExpiring store.Kind[pending] = "expiring" // records, under core.Installation

// pending is the record of a grant until nothing is left of it, with the moment first in
// its id: so those whose time has come are found at once, of all orgs.
type pending struct {
	Org     core.OrgID `json:"org"`
	ID      string     `json:"id"`
	Expires time.Time  `json:"expires"`
}

// keep is how long after its time a record stays whose grant was never posted: whoever
// was about to has given up by then.
const keep = time.Hour

// grantUntil is Grant for a grant that expires. The record is there before it.
func (s *Service) grantUntil(ctx context.Context, org core.OrgID, l lot, c Command, moves []store.Move) (made bool, err error) {
	p, err := order(kindGrant, c, moves)
	if err != nil {
		return false, err
	}
	had, err := s.had(ctx, org, p)
	if err == nil && len(had) > 0 && !same(had, p) {
		err = another(p)
	}
	if err != nil || len(had) > 0 {
		return false, err
	}
	if now := s.cfg.Now(); !c.Expires.After(now) || c.Expires.After(now.AddDate(100, 0, 0)) {
		return false, core.E(core.Invalid, "ledger.grant", "a grant that expires at "+l.until).WithHint("name a moment in the next hundred years")
	}
	err = s.cfg.Records.Write(ctx, core.Installation, kindExpiring.Put(store.Doc[pending]{
		ID: l.until + "/" + string(org) + "/" + l.id, Data: pending{Org: org, ID: c.ID, Expires: c.Expires.UTC().Truncate(time.Second)},
	}))
	if err != nil && core.CodeOf(err) != core.Conflict {
		return false, err
	}
	if err := s.reckon(ctx, org); err != nil { // what was used before isn't of this grant
		return false, err
	}
	return s.carryOut(ctx, org, kindGrant, c, moves)
}

// reckon notes what has gone since the last time in the grants that expire first. Twice at
// once is once: both begin at the same mark, which names the posting.
func (s *Service) reckon(ctx context.Context, org core.OrgID) error {
	for range tries {
		moves, mark, more, err := s.reckoning(ctx, org)
		if err != nil || len(moves) == 0 {
			return err
		}
		posted, err := s.cfg.Books.Post(ctx, org, store.Posting{Effect: kindReckon + "/" + strconv.FormatInt(int64(mark), 10), Kind: kindReckon, Moves: moves})
		if _, short := store.Short(err); short {
			continue
		}
		if err != nil || posted[0] && !more {
			return err
		}
	}
	return contended("ledger.reckon")
}

// reckoning is what is to be noted, from a mark on; nothing if all is. more: it isn't all.
func (s *Service) reckoning(ctx context.Context, org core.OrgID) (moves []store.Move, mark core.Credits, more bool, err error) {
	open, use, mark, err := s.unreckoned(ctx, org)
	if err != nil || use == 0 {
		return nil, mark, false, err
	}
	rest, total := use, core.Credits(0)
	for _, l := range open {
		const others = 4 // moves, besides those of the grants
		part := min(l.left, rest)
		if part == 0 || len(moves) == store.MaxChanges-others {
			break
		}
		moves = append(moves, store.Move{Account: l.account(), Amount: -part})
		rest, total = rest-part, total+part
	}
	if more = rest > 0 && len(moves) < len(open); more { // there are too many for one posting
		use = total
	}
	if total > 0 {
		moves = append(moves, store.Move{Account: expiring, Amount: total})
	}
	return append(moves, moved(unreckoned, reckoned, use)...), mark, more, nil
}

// unreckoned returns the grants of which something is left, those that expire first
// first, and how much has gone since that was noted, at the mark.
func (s *Service) unreckoned(ctx context.Context, org core.OrgID) (open []lot, use, mark core.Credits, err error) {
	if mark, err = s.balance(ctx, org, reckoned); err != nil {
		return nil, 0, 0, err
	}
	// In this order: what moves meanwhile makes it less than it is, and comes the next time.
	total := core.Credits(0)
	for _, account := range []string{gone, spent, writtenOff} {
		part, err := s.balance(ctx, org, account)
		if err != nil {
			return nil, 0, 0, err
		}
		total += part
	}
	open, err = s.lots(ctx, org)
	return open, max(total-mark, 0), mark, err
}

// lots returns the grants of which something is left, those that expire first first.
func (s *Service) lots(ctx context.Context, org core.OrgID) (open []lot, err error) {
	for after := ""; ; {
		const page = 500
		found, err := s.cfg.Books.Balances(ctx, org, lots, after, page)
		if err != nil {
			return nil, fmt.Errorf("grants that expire: %w", err)
		}
		for _, b := range found {
			after = b.Account
			until, id, _ := strings.Cut(strings.TrimPrefix(after, lots), "/")
			if b.Amount > 0 {
				open = append(open, lot{until, id, b.Amount})
			}
		}
		if len(found) < page {
			return open, nil
		}
	}
}

// next returns what expires first, and when.
func (s *Service) next(ctx context.Context, org core.OrgID) (amount core.Credits, at time.Time, err error) {
	open, use, _, err := s.unreckoned(ctx, org)
	if err != nil {
		return 0, at, err
	}
	until := ""
	for _, l := range open {
		part := min(l.left, use)
		l.left, use = l.left-part, use-part
		if l.left > 0 && (until == "" || until == l.until) {
			amount, until = amount+l.left, l.until
		}
	}
	if until != "" {
		at, err = time.Parse(stamp, until)
	}
	return amount, at, err
}
