package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Consumer is the handler's name on the bus.
const Consumer = "ledger"

// Tasks is how the ledger answers a task's request for credits. platform passes the agent.
type Tasks interface {
	// Answer tells a task CreditsHeld or CreditsRefused, unless it was told before.
	// conflict: the task ended before it was told.
	Answer(ctx context.Context, org core.OrgID, task core.TaskID, answer core.Payload) error
}

// handler charges tasks and holds by their events.
type handler struct {
	*Service
	tasks Tasks
}

// Handler returns the consumer of the bus that charges tasks. Every event of theirs has to
// reach it at least once, in any order; each has its effect once.
func (s *Service) Handler(tasks Tasks) bus.Handler { return handler{s, tasks}.handle }

func (h handler) handle(ctx context.Context, e core.Event) error {
	switch e.Type {
	case core.CreditsRequested{}.EventType(), core.ModelSettled{}.EventType(), core.ToolSettled{}.EventType(), core.TaskFinished{}.EventType(),
		core.HoldEnded{}.EventType(), core.SubtaskFinished{}.EventType():
	default:
		return nil
	}
	p, err := e.Payload()
	if err != nil {
		return err
	}
	switch p := p.(type) {
	case core.CreditsRequested:
		return h.hold(ctx, e, p)
	case core.ModelSettled:
		return h.consume(ctx, e, p.Cost, fmt.Sprintf("prices %d", p.Prices))
	case core.ToolSettled:
		return h.consume(ctx, e, p.Cost, fmt.Sprintf("prices %d", p.Prices))
	case core.SubtaskFinished:
		return h.consume(ctx, e, p.Cost, "task "+string(p.Task))
	case core.TaskFinished:
		if p.Hold > 0 {
			return h.finish(ctx, e, p.Spent)
		}
	case core.HoldEnded:
		if p.Charged {
			return h.endHold(ctx, e, p)
		}
	}
	return nil
}

// posting is the effect of an event on a task's credits.
func posting(e core.Event, kind, note string, moves ...store.Move) store.Posting {
	return store.Posting{Effect: string(e.ID), Kind: kind, Project: e.Project, Task: core.TaskID(e.Stream), Note: note, Moves: moves}
}

// hold sets credits aside, and tells the task. Once the books say what came of a request,
// that is the answer, however often it comes.
func (h handler) hold(ctx context.Context, e core.Event, p core.CreditsRequested) error {
	task := core.TaskID(e.Stream)
	lines, err := h.open(ctx, e.Org, subjects(e, p.Key))
	if err != nil {
		return err
	}
	moves := []store.Move{{Account: available, Amount: -p.Amount}, {Account: heldBy(task), Amount: p.Amount}}
	for _, l := range lines {
		moves = append(moves, l.noteHold(p.Amount)...)
	}
	posted, err := h.cfg.Books.Post(ctx, e.Org, posting(e, kindHold, "", moves...))
	if account, short := store.Short(err); short {
		note := shortOf(account, p.Amount, "task")
		posted, err = h.cfg.Books.Post(ctx, e.Org, posting(e, kindRefuse, note,
			store.Move{Account: available}, store.Move{Account: heldBy(task)}))
		if err == nil && posted[0] {
			return h.answer(ctx, e, core.CreditsRefused{Reason: note, Hint: hint})
		}
	}
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	if posted[0] {
		return h.answer(ctx, e, core.CreditsHeld{Amount: p.Amount})
	}
	f, err := h.folio(ctx, e.Org, task)
	if err != nil {
		return err
	}
	if was := f.effects[string(e.ID)]; was.Kind == kindRefuse {
		return h.answer(ctx, e, core.CreditsRefused{Reason: was.Note, Hint: hint})
	}
	return h.answer(ctx, e, core.CreditsHeld{Amount: p.Amount})
}

const hint = "give the task a lower limit of credits (--credits), or ask for more credits or a larger budget"

// shortOf says why credits can't be held.
func shortOf(account string, amount core.Credits, by string) string {
	if account == available {
		return "the org has no " + amount.String() + " credits available for this " + by + " to hold"
	}
	return "the budget " + strings.TrimPrefix(account, "budget/") + " has no " + amount.String() + " credits left for this " + by + " to hold"
}

// answer tells the task. When it ended before it was told, it has spent nothing, and what
// is held for it is given back.
func (h handler) answer(ctx context.Context, e core.Event, a core.Payload) error {
	err := h.tasks.Answer(ctx, e.Org, core.TaskID(e.Stream), a)
	if core.CodeOf(err) != core.Conflict {
		return err
	}
	_, err = h.release(ctx, e, "release/"+string(e.ID), 0)
	return err
}

// consume takes the cost of a task's call, or of a hold's, from what is held; when that doesn't cover it, from
// what is available; what nothing covers is written off.
func (h handler) consume(ctx context.Context, e core.Event, cost core.Credits, note string) error {
	if cost <= 0 {
		return nil
	}
	return h.use(ctx, e.Org, posting(e, kindConsume, e.Type+", "+note), cost, heldBy(core.TaskID(e.Stream)), available)
}

// finish releases what a task that is over has left, and tells whose budgets it nearly
// used up.
func (h handler) finish(ctx context.Context, e core.Event, cost core.Credits) error {
	lines, err := h.release(ctx, e, string(e.ID), cost)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := h.notice(ctx, e, l); err != nil {
			return err
		}
	}
	return nil
}

// release gives back what a task holds, but for the costs of calls that haven't been
// consumed yet, and notes in its lines what it has cost. What there is to release follows
// from the task's entries, so that it comes out the same whoever does it, and when.
func (h handler) release(ctx context.Context, e core.Event, effect string, cost core.Credits) ([]line, error) {
	task := core.TaskID(e.Stream)
	for range tries {
		f, err := h.folio(ctx, e.Org, task)
		if err != nil {
			return nil, err
		}
		back := f.held - min(max(cost-f.consumed, 0), f.held)
		moves := []store.Move{{Account: heldBy(task), Amount: -back}, {Account: available, Amount: back}}
		lines, open := make([]line, 0, len(f.lines)), false
		for l, held := range f.lines {
			lines = append(lines, l)
			if held == 0 {
				continue
			}
			left, err := h.balance(ctx, e.Org, l.left())
			if err != nil {
				return nil, err
			}
			moves, open = append(moves, l.noteEnd(held, cost, left)...), true
		}
		if back == 0 && !open {
			return lines, nil
		}
		p := posting(e, kindRelease, "", moves...)
		p.Effect = effect
		_, err = h.cfg.Books.Post(ctx, e.Org, p)
		if _, short := store.Short(err); !short {
			return lines, err
		}
	}
	return nil, contended("ledger.release")
}
