package meter

import (
	"context"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// filling is credits that are being set aside, once for all who wait.
type filling struct {
	need  core.Credits  // of the call that it is for
	ahead bool          // nobody needs it yet
	done  chan struct{} // closed when it is known what came of it
	err   error         // that; read after done
}

// fill begins to set credits aside. a.mu is held. unavailable: the node stops.
func (a *account) fill(need core.Credits, ahead bool) (*filling, error) {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	if a.m.closed {
		return nil, stopping()
	}
	f := &filling{need: need, ahead: ahead, done: make(chan struct{})}
	a.filling = f
	a.m.fills.Go(func() {
		ctx, cancel := context.WithTimeout(a.m.ctx, storeTime)
		defer cancel()
		err := a.run(ctx, f)
		a.mu.Lock()
		a.filling, f.err = nil, err
		a.mu.Unlock()
		close(f.done)
	})
	return f, nil
}

// run opens a hold if there is none, and adds to it. A hold that takes no more, because it has
// ended or other budgets hold by now, is followed by another one.
func (a *account) run(ctx context.Context, f *filling) error {
	for range 2 {
		h, err := a.hold(ctx)
		if err != nil {
			return err
		}
		if err = a.add(ctx, h, f); core.CodeOf(err) != core.Conflict {
			return err
		}
		a.mu.Lock()
		if a.current == h {
			a.close()
		}
		a.mu.Unlock()
	}
	return core.E(core.Unavailable, "meter.open", "the budgets change all the time").WithHint("try again")
}

// hold returns the current hold, or a new one, of which a note is left first.
func (a *account) hold(ctx context.Context) (*hold, error) {
	a.mu.Lock()
	now := a.m.cfg.Now()
	if !a.current.usable(now) {
		a.close()
	}
	h := a.current
	a.mu.Unlock()
	if h != nil {
		return h, nil
	}
	h = &hold{a: a, id: core.HoldID(a.m.cfg.IDs("hld")), opened: now, used: now}
	h.record = a.m.note(h, now)
	if err := a.m.cfg.Records.Write(ctx, core.Installation, kindOpen.Put(h.record)); err != nil {
		if core.CodeOf(err) == core.Exhausted { // the disk is full: that is no tenant's budget
			return nil, core.E(core.Unavailable, "meter.open", "credits can't be set aside at the moment").Because(err)
		}
		return nil, fmt.Errorf("open a hold: %w", err)
	}
	h.record.Version++
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = h
	return h, nil
}

// add sets aside what so many calls may cost, fewer if there isn't so much, and at least what
// the call lacks that it is for.
func (a *account) add(ctx context.Context, h *hold, f *filling) error {
	for {
		amount, lack := a.want(h, f)
		if amount <= 0 {
			return nil
		}
		err := a.m.cfg.Ledger.Hold(ctx, a.org, core.SetAside{ID: h.id, N: h.posted + 1, Project: a.project, Key: a.key, Amount: amount})
		switch code := core.CodeOf(err); {
		case err == nil:
			a.added(h, amount)
			return nil
		case code == core.Exhausted:
			a.mu.Lock()
			a.calls, h.low = max(a.calls/4, 1), 0
			a.mu.Unlock()
			if f.ahead {
				return nil
			}
			if amount == lack {
				return err
			}
		case code == core.Conflict:
			return err
		default: // nobody knows whether it was made: what is held is known when the hold has ended
			a.mu.Lock()
			h.unsure = true
			if a.current == h {
				a.close()
			}
			a.mu.Unlock()
			return fmt.Errorf("set credits aside: %w", err)
		}
	}
}

// want returns how much is to be set aside now, and how much the call lacks; 0 if it has
// what it needs.
func (a *account) want(h *hold, f *filling) (amount, lack core.Credits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	lack = max(f.need-h.free, 0)
	switch {
	case !a.charged || lack == 0 && !f.ahead:
		return 0, 0
	case a.calls == 1 && !f.ahead:
		return lack, lack
	}
	if f.need > core.MaxCredits/mostCalls {
		return max(lack, f.need), lack
	}
	return max(f.need*core.Credits(a.calls), lack), lack
}

// added notes that so much is held. Where calls come thick and fast, it is more the next time.
func (a *account) added(h *hold, amount core.Credits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.m.cfg.Now()
	h.posted++
	h.held, h.free, h.low = h.held+amount, h.free+amount, amount/4
	if a.calls < firstCalls || now.Sub(a.grown) < time.Second {
		a.calls = min(2*a.calls, mostCalls)
	}
	a.grown = now
}

// note is the record of a hold, by which Sweep finds it when its time is over.
func (m *Meter) note(h *hold, now time.Time) store.Doc[open] {
	until := now.Add(2 * m.cfg.Life)
	return store.Doc[open]{ID: until.UTC().Format(stamp) + "/" + string(h.id), Data: open{
		Hold: h.id, Org: h.a.org, Project: h.a.project, Key: h.a.key, Charged: h.a.charged, Until: until.UTC(),
	}}
}
