package meter

import (
	"context"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// latecomers are calls whose hold was ended before they were stored: they get one of their own,
// which begins and ends with them.
type latecomers struct {
	*hold
	batch *batch
}

// storeLate stores the calls that are late.
func (a *account) storeLate(ctx context.Context) error {
	for {
		l := a.nextLate()
		if l == nil {
			return nil
		}
		again, err := a.storeAs(ctx, l)
		if err != nil && !lasting(err) {
			return fmt.Errorf("charge what is late: %w", err)
		}
		if err != nil {
			a.m.cfg.Log.Warn("calls of models are dropped", "org", a.org, "calls", l.batch.n, "err", err)
		}
		a.mu.Lock()
		a.lateNow = nil
		if again {
			a.late.add(l.batch.calls...)
		}
		a.mu.Unlock()
		if !again {
			a.stored(l.batch.n)
		}
	}
}

// nextLate returns the latecomers that are to be stored; nil: there are none.
func (a *account) nextLate() *latecomers {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lateNow != nil || a.late.n == 0 {
		return a.lateNow
	}
	now := a.m.cfg.Now()
	h := &hold{a: a, id: core.HoldID(a.m.cfg.IDs("hld")), opened: now, ending: core.EventID(a.m.cfg.IDs("evt"))}
	h.record = a.m.note(h, now)
	a.lateNow = &latecomers{hold: h, batch: newBatch(core.EventID(a.m.cfg.IDs("evt")), a.late.take(maxBatch))}
	return a.lateNow
}

// storeAs stores latecomers: a note for Sweep, their place in the budgets, and their stream as
// a whole. Each step may be made again. again: they have come too late once more.
func (a *account) storeAs(ctx context.Context, l *latecomers) (again bool, err error) {
	err = a.m.cfg.Records.Write(ctx, core.Installation, kindOpen.Put(l.record))
	if err != nil && core.CodeOf(err) != core.Conflict {
		return false, err
	}
	if a.charged && l.batch.cost > 0 {
		err := a.m.cfg.Ledger.Hold(ctx, a.org, core.SetAside{ID: l.id, N: 1, Project: a.project, Key: a.key, Amount: l.batch.cost, Late: true})
		if err != nil {
			return core.CodeOf(err) == core.Conflict, ignore(err, core.Conflict)
		}
	}
	calls, err := l.batch.event(a.key)
	if err != nil {
		return false, err
	}
	end, err := newEvent(l.ending, core.HoldEnded{Key: a.key, Charged: a.charged, Spent: l.batch.cost})
	if err != nil {
		return false, err
	}
	_, err = a.m.cfg.Events.Append(ctx, a.scope(), store.Append{Stream: l.id.Stream(), Events: []store.NewEvent{calls, end}})
	if core.CodeOf(err) == core.Conflict {
		var s stream
		s, err = readStream(ctx, a.m.cfg.Events, a.org, l.id)
		_, there := s.ids[l.batch.id]
		again = err == nil && !there
	}
	if err != nil || again {
		return again, err
	}
	l.record.Version = 1
	return false, forget(ctx, a.m.cfg.Records, l.record)
}

// ignore returns err, unless it is of a code.
func ignore(err error, code core.Code) error {
	if core.CodeOf(err) == code {
		return nil
	}
	return err
}
