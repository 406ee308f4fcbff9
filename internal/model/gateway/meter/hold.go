package meter

import (
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// owner is whose calls a hold pays for.
type owner struct {
	org     core.OrgID
	project core.ProjectID
	key     core.KeyID
	charged bool
}

// scope is that of the events of its holds.
func (o owner) scope() core.Scope {
	return core.Scope{Org: o.org, Project: o.project, Actor: core.Actor{Kind: core.ActorSystem, ID: "meter"}}
}

// account has the holds of one owner on this node.
type account struct {
	owner
	m *Meter

	mu      sync.Mutex
	gone    bool        // it isn't among the meter's any more
	current *hold       // that calls are taken from; nil: none
	old     []*hold     // that take no more calls, and haven't ended
	late    tally       // settled, and their hold had ended before they were stored
	lateNow *latecomers // those of them that are being stored
	filling *filling    // credits that are being set aside
	calls   int         // for how many calls the next time
	grown   time.Time   // when the last time was
}

// hold is credits that are set aside, and a stream. Its account's mutex is held by who looks.
type hold struct {
	a      *account
	id     core.HoldID
	record store.Doc[open]  // Version 0: it isn't there any more
	next   *store.Doc[open] // that may have taken its place
	opened time.Time
	used   time.Time // when a call was last taken from it
	closed bool      // it takes no more
	dead   bool      // it was ended by others

	posted int          // postings made in the ledger
	unsure bool         // one more may have been made
	held   core.Credits // by the ledger
	free   core.Credits // of that, neither reserved nor spent; below zero if a call cost more than was thought
	low    core.Credits // when free is below it, more is set aside ahead
	spent  core.Credits
	flying int // calls taken and not settled
	gave   time.Time
	giving core.Credits // that may have been given back

	pending tally        // settled, and not in an event
	batch   *batch       // the event that is being appended
	entries int          // in events
	version int64        // of the stream
	ending  core.EventID // of the event that ends it; "": not tried yet
	spoken  core.Credits // cost of the calls in events
}

// usable reports whether calls may be taken.
func (h *hold) usable(now time.Time) bool {
	return h != nil && !h.closed && h.entries+len(h.pending.entries) < maxSteps && h.posted < maxSteps && now.Sub(h.opened) < h.a.m.cfg.Life
}

// close lets no more calls be taken from the current hold.
func (a *account) close() {
	if h := a.current; h != nil {
		h.closed, a.current = true, nil
		a.old = append(a.old, h)
	}
}

// account returns an owner's, with its mutex held. unavailable: the node stops.
func (m *Meter) account(o owner) (*account, error) {
	for {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return nil, stopping()
		}
		a := m.accounts[o]
		if a == nil {
			a = &account{owner: o, m: m, calls: firstCalls}
			m.accounts[o] = a
		}
		m.mu.Unlock()
		a.mu.Lock()
		if !a.gone {
			return a, nil
		}
		a.mu.Unlock()
	}
}

func stopping() error {
	return core.E(core.Unavailable, "meter.open", "this node is stopping").WithHint("try again")
}

// take takes a call from its owner's hold, or returns what to wait for until it is worth
// another try. After failed, what came of that is the answer for as much and more.
func (m *Meter) take(t *Ticket, o owner, failed *filling) (wait *filling, err error) {
	a, err := m.account(o)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	now := m.cfg.Now()
	if !a.current.usable(now) {
		a.close()
	}
	if h := a.current; h != nil && (!o.charged || h.free >= t.most) {
		t.h = h
		h.free, h.flying, h.used = h.free-t.most, h.flying+1, now
		if o.charged && h.free < h.low && a.filling == nil && a.calls >= firstCalls {
			_, _ = a.fill(t.most, true) // ahead of need: nobody waits
		}
		return nil, nil
	}
	if failed != nil && failed.err != nil && (core.CodeOf(failed.err) != core.Exhausted || t.most >= failed.need) {
		return nil, failed.err
	}
	if a.filling != nil {
		return a.filling, nil
	}
	return a.fill(t.most, false)
}

// settle ends a call, once. nil: it wasn't made.
func (a *account) settle(t *Ticket, c *core.MeteredCalls) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := t.h
	if t.over {
		return
	}
	t.over = true
	h.flying--
	h.free += t.most
	if c == nil {
		return
	}
	h.free, h.spent = h.free-c.Cost, h.spent+c.Cost
	a.m.backlog.Add(1)
	if h.dead {
		a.late.add(*c)
		return
	}
	if h.pending.add(*c); len(h.pending.entries) >= maxBatch {
		select {
		case a.m.full <- struct{}{}:
		default:
		}
	}
}
