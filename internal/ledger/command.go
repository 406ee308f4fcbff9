package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Command moves credits. The same command twice, by kind and ID, is one; another one with
// the ID of one that was given is a conflict.
type Command struct {
	ID      string         // unique in the org
	Amount  core.Credits   // above zero; of Adjust not zero
	Project core.ProjectID // that it is about; may be empty
	Task    core.TaskID    // that it is about; may be empty
	Note    string         // for people who read the entries
	// Expires is when what isn't used of a grant goes, to the second; zero: never. Other
	// commands don't read it.
	Expires time.Time
}

// Grant gives an org credits. Those that expire are used before others, the earliest
// first. made is false if the command was given before. Errors of all commands: invalid,
// conflict, exhausted, unavailable.
func (s *Service) Grant(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	moves := moved(source, available, c.Amount)
	if c.Expires.IsZero() {
		return s.carryOut(ctx, org, kindGrant, c, moves)
	}
	l := newLot(c.ID, c.Expires)
	return s.grantUntil(ctx, org, l, c, append(moves, moved(expiring, l.account(), c.Amount)...))
}

// Refund gives back what was spent; it doesn't expire. exhausted: so much wasn't.
func (s *Service) Refund(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	return s.carryOut(ctx, org, kindRefund, c, append(moved(spent, available, c.Amount), moved(ungone, gone, c.Amount)...))
}

// Expire takes credits that weren't used in time: at most what is available.
func (s *Service) Expire(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	p, err := order(kindExpire, c, taken(c.Amount))
	if err != nil {
		return false, err
	}
	for range tries {
		had, err := s.had(ctx, org, p)
		if err == nil && len(had) > 0 && !expired(had[0], c) {
			err = another(p)
		}
		if err != nil || len(had) > 0 {
			return false, err
		}
		has, err := s.balance(ctx, org, available)
		if err != nil || has == 0 {
			return false, err
		}
		p.Moves = taken(min(c.Amount, has))
		posted, err := s.cfg.Books.Post(ctx, org, p)
		if _, short := store.Short(err); short {
			continue
		}
		if err != nil || posted[0] {
			return err == nil, err
		}
	}
	return false, contended("ledger.expire")
}

// expired reports whether an entry is what came of c: it took as much, or all that there
// was.
func expired(took store.Entry, c Command) bool {
	return took.Task == c.Task && (took.Amount == -c.Amount || took.Amount > -c.Amount && took.Balance == 0)
}

// Adjust corrects what is available, up or down. exhausted: there isn't so much to take.
func (s *Service) Adjust(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	if c.Amount < 0 {
		c.Amount = -c.Amount
		return s.carryOut(ctx, org, kindAdjust, c, taken(c.Amount))
	}
	return s.carryOut(ctx, org, kindAdjust, c, moved(source, available, c.Amount))
}

func moved(from, to string, amount core.Credits) []store.Move {
	return []store.Move{{Account: from, Amount: -amount}, {Account: to, Amount: amount}}
}

// taken is an amount that goes though nobody has used it.
func taken(amount core.Credits) []store.Move {
	return append(moved(available, source, amount), moved(ungone, gone, amount)...)
}

// order is the posting of a command.
func order(kind string, c Command, moves []store.Move) (store.Posting, error) {
	op := "ledger." + kind
	switch {
	case c.ID == "" || len(c.ID) > maxName:
		return store.Posting{}, core.E(core.Invalid, op, "a command without an id, or with a long one")
	case c.Amount <= 0 || c.Amount > core.MaxCredits:
		return store.Posting{}, core.E(core.Invalid, op, "an amount of "+c.Amount.String()+" credits").WithHint("up to " + core.MaxCredits.String())
	}
	return store.Posting{Effect: kind + "/" + c.ID, Kind: kind, Project: c.Project, Task: c.Task, Note: c.Note, Moves: moves}, nil
}

// carryOut carries out a command that is made whole or not at all.
func (s *Service) carryOut(ctx context.Context, org core.OrgID, kind string, c Command, moves []store.Move) (made bool, err error) {
	p, err := order(kind, c, moves)
	if err != nil {
		return false, err
	}
	posted, err := s.cfg.Books.Post(ctx, org, p)
	if account, short := store.Short(err); short {
		return false, core.E(core.Exhausted, "ledger."+kind, "there aren't "+c.Amount.String()+" credits "+account).Because(err)
	}
	if err != nil || posted[0] {
		return err == nil, err
	}
	had, err := s.had(ctx, org, p)
	if err == nil && !same(had, p) {
		err = another(p)
	}
	return false, err
}

// had returns the entries of a posting's effect; none if it has never been posted.
func (s *Service) had(ctx context.Context, org core.OrgID, p store.Posting) ([]store.Entry, error) {
	return s.cfg.Books.Entries(ctx, org, store.EntryQuery{Effect: p.Effect, Limit: store.MaxChanges})
}

// same reports whether what was posted is what is asked for. Notes may differ.
func same(had []store.Entry, p store.Posting) bool {
	return slices.EqualFunc(had, p.Moves, func(e store.Entry, m store.Move) bool { return e.Move == m && e.Task == p.Task })
}

// another is the error for a command whose id another one has.
func another(p store.Posting) error {
	return core.E(core.Conflict, "ledger."+p.Kind, fmt.Sprintf("another command was given as %q", p.Effect)).
		WithHint("a command that is given again has the amount, the task and the expiry that it had; give another one another id")
}
