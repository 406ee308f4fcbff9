package ledger

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// subjects are those whose budgets a task uses: its own, its key's, its project's, its
// org's.
func subjects(e core.Event, key core.KeyID) []Subject {
	of := []Subject{OfTask(core.TaskID(e.Stream)), OfProject(e.Project), OfOrg}
	if key != "" {
		of = append(of, OfKey(key))
	}
	return of
}

// open returns the lines that a task has to hold its credits in, after it has seen to it
// that each gives what its budget says.
func (s *Service) open(ctx context.Context, org core.OrgID, of []Subject) ([]line, error) {
	for range tries {
		b, err := s.readBudgets(ctx, org)
		if err != nil {
			return nil, err
		}
		lines, again, err := s.openIn(ctx, org, b, of)
		if err != nil || !again {
			return lines, err
		}
	}
	return nil, contended("ledger.open")
}

// openIn is open with the budgets as they were read. again: they have changed since.
func (s *Service) openIn(ctx context.Context, org core.OrgID, b budgets, of []Subject) (lines []line, again bool, err error) {
	for _, subject := range of {
		d, ok := b.Data[subject]
		if !ok {
			continue
		}
		l := lineFor(subject, d.Window.period(s.cfg.Now()))
		lines = append(lines, l)
		lack, err := s.lack(ctx, org, l, d)
		if err != nil || lack == 0 {
			if err != nil {
				return nil, false, err
			}
			continue
		}
		if again, err = s.give(ctx, org, b, subject, l); again || err != nil {
			return nil, again, err
		}
	}
	return lines, false, nil
}

// lack is how much less a line gives than it should: its budget's limit, or what has gone
// beyond that already, when the limit was higher or a call cost more than was thought.
func (s *Service) lack(ctx context.Context, org core.OrgID, l line, d budgetDoc) (core.Credits, error) {
	sum, err := s.readLine(ctx, org, l)
	return max(d.Limit, sum.held+sum.used) - sum.given, err
}

// give changes what a line gives. The gift before is posted first, in case that whoever
// wrote it down didn't come to post it: only then is it known what the line lacks.
func (s *Service) give(ctx context.Context, org core.OrgID, b budgets, of Subject, l line) (again bool, err error) {
	d := b.Data[of]
	if d.Gift != nil {
		if err := s.postGift(ctx, org, *d.Gift); err != nil {
			return false, err
		}
	}
	lack, err := s.lack(ctx, org, l, d)
	if err != nil || lack == 0 {
		return false, err
	}
	d.Gift = &gift{ID: s.cfg.IDs("gft"), Line: l, Amount: lack}
	b.Data[of] = d
	err = s.cfg.Records.Write(ctx, org, kindBudgets.Put(b))
	if core.CodeOf(err) == core.Conflict {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.postGift(ctx, org, *d.Gift)
}

// postGift posts a gift, once. One that takes what isn't left any more is left alone: what
// it should take is reckoned anew, and until then nothing is held beyond it.
func (s *Service) postGift(ctx context.Context, org core.OrgID, g gift) error {
	_, err := s.cfg.Books.Post(ctx, org, store.Posting{
		Effect: kindBudget + "/" + g.ID, Kind: kindBudget, Note: string(g.Line),
		Moves: []store.Move{{Account: g.Line.left(), Amount: g.Amount}, {Account: g.Line.given(), Amount: -g.Amount}},
	})
	if _, short := store.Short(err); short {
		return nil
	}
	return err
}

// noteHold notes in a line that a task holds an amount.
func (l line) noteHold(amount core.Credits) []store.Move {
	return []store.Move{{Account: l.left(), Amount: -amount}, {Account: l.held(), Amount: amount}}
}

// noteEnd notes that a task which held an amount is over, and cost so much. Beyond what it
// held, that is taken from what is left, and when there is nothing left the line gives more.
func (l line) noteEnd(held, cost, left core.Credits) []store.Move {
	back := held - cost
	more := max(-back-left, 0)
	return []store.Move{
		{Account: l.held(), Amount: -held}, {Account: l.used(), Amount: cost},
		{Account: l.left(), Amount: back + more}, {Account: l.given(), Amount: -more},
	}
}
