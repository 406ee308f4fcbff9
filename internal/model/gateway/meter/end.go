package meter

import (
	"context"
	"fmt"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// finish ends a hold of which no call is under way any more.
func (a *account) finish(ctx context.Context, h *hold) error {
	a.mu.Lock()
	waiting := h.pending.n > 0 || h.batch != nil // settled meanwhile
	a.mu.Unlock()
	if waiting {
		return nil
	}
	if h.posted == 0 && !h.unsure && h.version == 0 { // nobody knows of it
		return a.bury(ctx, h)
	}
	if h.ending == "" {
		h.ending = core.EventID(a.m.cfg.IDs("evt"))
	}
	e, err := newEvent(h.ending, core.HoldEnded{Key: a.key, Charged: a.charged, Spent: h.spoken})
	if err != nil {
		return err
	}
	_, err = a.m.cfg.Events.Append(ctx, a.scope(), store.Append{Stream: h.id.Stream(), Expected: h.version, Events: []store.NewEvent{e}})
	if core.CodeOf(err) == core.Conflict { // it was taken after all, or others have ended it
		var s stream
		if s, err = readStream(ctx, a.m.cfg.Events, a.org, h.id); err == nil && !s.ended {
			err = core.E(core.Internal, "meter", "the hold "+string(h.id)+" isn't as it was left")
		}
	}
	if err != nil && !lasting(err) {
		return fmt.Errorf("end a hold: %w", err)
	}
	return a.bury(ctx, h)
}

// bury forgets a hold that has ended.
func (a *account) bury(ctx context.Context, h *hold) error {
	if h.record.Version > 0 {
		if err := forget(ctx, a.m.cfg.Records, h.record); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.old = slices.DeleteFunc(a.old, func(o *hold) bool { return o == h })
	return nil
}

// lose takes leave of a hold that others have ended. What it hasn't charged is late.
func (a *account) lose(h *hold) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == h {
		a.close()
	}
	h.dead = true
	if h.batch != nil {
		a.late.add(h.batch.calls...)
	}
	a.late.add(h.pending.entries...)
	h.batch, h.pending = nil, tally{}
}

// giveBack gives back what a hold has left that takes no more calls, while some are still
// under way.
func (a *account) giveBack(ctx context.Context, h *hold) error {
	a.mu.Lock()
	now := a.m.cfg.Now()
	if h.giving == 0 && a.charged && h.free > 0 && !h.unsure && now.Sub(h.gave) >= a.m.cfg.Idle {
		h.giving, h.free, h.gave = h.free, 0, now
	}
	amount, n := h.giving, h.posted+1
	a.mu.Unlock()
	if amount == 0 {
		return nil
	}
	err := a.m.cfg.Ledger.Hold(ctx, a.org, core.SetAside{ID: h.id, N: n, Project: a.project, Key: a.key, Amount: -amount})
	switch {
	case core.CodeOf(err) == core.Conflict:
		a.lose(h)
		return nil
	case err != nil:
		return fmt.Errorf("give credits back: %w", err) // the same once more, until it is known
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h.posted, h.held, h.giving = n, h.held-amount, 0
	return nil
}

// putOff leaves word that a hold's node is alive.
func (a *account) putOff(ctx context.Context, h *hold) error {
	now := a.m.cfg.Now()
	if h.record.Version == 0 || h.record.Data.Until.Sub(now) > a.m.cfg.Life {
		return nil
	}
	if h.next == nil {
		next := a.m.note(h, now)
		h.next = &next
	}
	err := a.m.cfg.Records.Write(ctx, core.Installation, kindOpen.Drop(h.record), kindOpen.Put(*h.next))
	found := *h.next
	if found.Version = 1; core.CodeOf(err) == core.Conflict { // it was made, or the hold is being ended
		found, err = kindOpen.Find(ctx, a.m.cfg.Records, core.Installation, h.next.ID)
	}
	if err != nil {
		return fmt.Errorf("put off a hold's end: %w", err) // the same once more
	}
	h.record, h.next = found, nil
	return nil
}

// lasting reports whether an error stays if one tries again: the org is gone.
func lasting(err error) bool {
	switch core.CodeOf(err) {
	case core.NotFound, core.Invalid, core.Denied, core.Unsupported:
		return true
	}
	return false
}

// discard drops the calls of an account that can't be stored, for good.
func (a *account) discard(h *hold, err error) {
	a.lose(h)
	a.mu.Lock()
	n := a.late.n
	a.late = tally{}
	a.mu.Unlock()
	a.stored(n)
	a.m.cfg.Log.Warn("calls of models are dropped", "org", a.org, "calls", n, "err", err)
}

// stored notes that calls don't wait any more.
func (a *account) stored(calls int) {
	a.m.backlog.Add(-int64(calls))
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	a.m.failing = false
}
