package meter

import (
	"context"
	"fmt"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// batch is an event with calls, until it is known to be stored.
type batch struct {
	id    core.EventID
	calls []core.MeteredCalls
	n     int // calls
	cost  core.Credits
}

func newBatch(id core.EventID, calls []core.MeteredCalls) *batch {
	b := &batch{id: id, calls: calls}
	for _, c := range calls {
		b.n, b.cost = b.n+c.N, b.cost+c.Cost
	}
	return b
}

func (b *batch) event(key core.KeyID) (store.NewEvent, error) {
	return newEvent(b.id, core.CallsMetered{Key: key, Cost: b.cost, Calls: b.calls})
}

// work stores an account's settled calls, ends those of its holds that are to end, and the
// account, if it has none. One at a time.
func (a *account) work(ctx context.Context, atLeast int, stop bool) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	now := a.m.cfg.Now()
	a.mu.Lock()
	if h := a.current; h != nil && (stop || !h.usable(now) || now.Sub(h.used) >= a.m.cfg.Idle && a.filling == nil) {
		a.close()
	}
	holds := slices.Clone(a.old)
	if a.current != nil {
		holds = append(holds, a.current)
	}
	a.mu.Unlock()
	for _, h := range holds {
		if err := a.tend(ctx, h, atLeast); err != nil {
			a.m.failed(a.org, err)
			return
		}
	}
	if err := a.storeLate(ctx); err != nil {
		a.m.failed(a.org, err)
		return
	}
	a.leave()
}

// leave removes an account that has nothing.
func (a *account) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != nil || len(a.old) > 0 || a.late.n > 0 || a.lateNow != nil || a.filling != nil {
		return
	}
	a.gone = true
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	delete(a.m.accounts, a.owner)
}

// failed tells the log when the store begins to fail. What wasn't stored is tried again.
func (m *Meter) failed(org core.OrgID, err error) {
	m.mu.Lock()
	first := !m.failing
	m.failing = true
	m.mu.Unlock()
	if first {
		m.cfg.Log.Error("calls of models wait to be charged", "org", org, "err", err)
	}
}

// tend does what is due of one hold.
func (a *account) tend(ctx context.Context, h *hold, atLeast int) error {
	for a.next(h, atLeast) {
		if err := a.append(ctx, h); err != nil {
			return err
		}
	}
	a.mu.Lock()
	closed, dead, flying, busy := h.closed, h.dead, h.flying, a.filling != nil
	a.mu.Unlock()
	switch {
	case busy:
		return nil
	case dead && flying == 0:
		return a.bury(ctx, h)
	case dead:
		return nil
	case closed && flying == 0:
		return a.finish(ctx, h)
	case closed:
		if err := a.giveBack(ctx, h); err != nil {
			return err
		}
	}
	return a.putOff(ctx, h)
}

// next makes an event of the calls that wait, if there are so many entries, unless one is being
// appended already; false if there is nothing to append.
func (a *account) next(h *hold, atLeast int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if h.batch != nil || h.dead {
		return !h.dead
	}
	if len(h.pending.entries) < atLeast {
		return false
	}
	h.batch = newBatch(core.EventID(a.m.cfg.IDs("evt")), h.pending.take(maxBatch))
	h.entries += len(h.batch.calls)
	return true
}

// append appends a hold's event. Whether one is there that seemed not to be taken, the stream
// says; and whether others have ended it.
func (a *account) append(ctx context.Context, h *hold) error {
	b := h.batch // who appends is alone
	e, err := b.event(a.key)
	if err != nil {
		return err
	}
	_, err = a.m.cfg.Events.Append(ctx, a.scope(), store.Append{Stream: h.id.Stream(), Expected: h.version, Events: []store.NewEvent{e}})
	version := h.version + 1
	if core.CodeOf(err) == core.Conflict {
		var s stream
		if s, err = readStream(ctx, a.m.cfg.Events, a.org, h.id); err != nil {
			return err
		}
		if at, ok := s.ids[b.id]; ok {
			version = at
		} else {
			a.lose(h)
			return nil
		}
	}
	if lasting(err) {
		a.discard(h, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("append calls: %w", err)
	}
	a.stored(b.n)
	a.mu.Lock()
	h.batch, h.version, h.spoken = nil, version, h.spoken+b.cost
	a.mu.Unlock()
	return nil
}
