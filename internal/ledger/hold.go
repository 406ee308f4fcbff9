package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// A hold is for many calls that no task makes: credits are set aside for it before the first,
// more are added or given back while it lasts, and its end (core.HoldEnded), within a minute
// or so, consumes what all its calls cost and releases the rest. In between the calls are in
// its stream (core.CallsMetered), and the books have a line for each hold and none for each
// batch of calls. In the books it has a task's place.

// maxPostings bounds what is added to one hold.
const maxPostings = 100_000

// place is the effect of the nth posting of a hold. Whoever takes it first has it: that is how
// the end of a hold keeps away a posting that is still on its way.
func place(id core.HoldID, n int) string { return kindHold + "/" + string(id) + "/" + strconv.Itoa(n) }

// Hold adds to a hold what it asks for, or gives back. The same twice is once. exhausted: the
// org, or a budget of the key, the project or the org, hasn't so much; the message says which.
// conflict: the hold has ended, or other budgets hold by now: open another one.
func (s *Service) Hold(ctx context.Context, org core.OrgID, h core.SetAside) error {
	const op = "ledger.hold"
	if !core.ValidID("hld", string(h.ID)) || h.N < 1 || h.N > maxPostings || h.Amount == 0 || h.Amount > core.MaxCredits || h.Amount < -core.MaxCredits || h.Late && h.Amount < 0 {
		return core.E(core.Invalid, op, fmt.Sprintf("the posting %d of %.50q over %s credits", h.N, string(h.ID), h.Amount))
	}
	lines, err := s.holdLines(ctx, org, h)
	if err != nil {
		return err
	}
	p := store.Posting{Effect: place(h.ID, h.N), Kind: kindHold, Project: h.Project, Task: core.TaskID(h.ID), Moves: holdMoves(h, lines)}
	posted, err := s.cfg.Books.Post(ctx, org, p)
	if account, short := store.Short(err); short {
		return core.E(core.Exhausted, op, shortOf(account, h.Amount, "call")).WithHint("ask for more credits or a larger budget, or for a shorter answer")
	}
	if core.CodeOf(err) == core.Exhausted { // the disk is full: that is no tenant's budget
		return core.E(core.Unavailable, op, "credits can't be set aside at the moment").Because(err)
	}
	if err != nil || posted[0] {
		return wrap("hold", err)
	}
	had, err := s.had(ctx, org, p)
	if err == nil && !same(had, p) {
		err = core.E(core.Conflict, op, "the hold "+string(h.ID)+" has ended").WithHint("open another one")
	}
	return err
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// holdMoves are the moves of a hold's posting.
func holdMoves(h core.SetAside, lines []line) []store.Move {
	if h.Late { // the books take the calls' cost where they find it
		moves := []store.Move{{Account: available}, {Account: heldBy(core.TaskID(h.ID))}}
		for _, l := range lines {
			moves = append(moves, store.Move{Account: l.given(), Amount: -h.Amount}, store.Move{Account: l.held(), Amount: h.Amount})
		}
		return moves
	}
	moves := moved(available, heldBy(core.TaskID(h.ID)), h.Amount)
	for _, l := range lines {
		moves = append(moves, l.noteHold(h.Amount)...)
	}
	return moves
}

// holdLines returns the lines that a hold uses: those of the budgets that held when it began.
func (s *Service) holdLines(ctx context.Context, org core.OrgID, h core.SetAside) (now []line, err error) {
	if h.Amount > 0 {
		of := []Subject{OfProject(h.Project), OfOrg}
		if h.Key != "" {
			of = append(of, OfKey(h.Key))
		}
		if now, err = s.open(ctx, org, of); err != nil || h.N == 1 {
			return now, err
		}
	}
	first, err := s.had(ctx, org, store.Posting{Effect: place(h.ID, 1)})
	if err != nil {
		return nil, err
	}
	var began []line
	for _, e := range first {
		if l, ok := lineOf(e.Account); ok {
			began = append(began, l)
		}
	}
	slices.Sort(now)
	slices.Sort(began)
	if h.Amount > 0 && !slices.Equal(now, began) {
		return nil, core.E(core.Conflict, "ledger.hold", "the budgets have changed since the hold "+string(h.ID)+" began").WithHint("open another one")
	}
	return began, nil
}

// endHold has the calls of a hold that is over paid for, all at once, and releases what it
// has left.
func (h handler) endHold(ctx context.Context, e core.Event, p core.HoldEnded) error {
	if err := h.bar(ctx, e); err != nil {
		return err
	}
	if p.Spent > 0 {
		paid := posting(e, kindConsume, "calls of models")
		paid.Effect = "calls/" + string(e.ID)
		if err := h.use(ctx, e.Org, paid, p.Spent, heldBy(core.TaskID(e.Stream)), available); err != nil {
			return err
		}
	}
	return h.finish(ctx, e, p.Spent)
}

// bar takes the place of a hold's next posting. So what it holds is known from then on: a node
// that is behind the times adds nothing to a hold that was ended for it.
func (h handler) bar(ctx context.Context, e core.Event) error {
	f, err := h.folio(ctx, e.Org, core.TaskID(e.Stream))
	if err != nil {
		return err
	}
	n := 1
	for was := range maps.Values(f.effects) {
		switch was.Kind {
		case kindRefuse:
			return nil
		case kindHold:
			n++
		}
	}
	for ; n <= maxPostings+1; n++ {
		p := posting(e, kindRefuse, "", store.Move{Account: available}, store.Move{Account: heldBy(core.TaskID(e.Stream))})
		p.Effect = place(core.HoldID(e.Stream), n)
		posted, err := h.cfg.Books.Post(ctx, e.Org, p)
		if err != nil || posted[0] {
			return wrap("end of a hold", err)
		}
		had, err := h.had(ctx, e.Org, p)
		if err != nil || len(had) > 0 && had[0].Kind == kindRefuse {
			return err
		}
	}
	return contended("ledger.hold")
}
