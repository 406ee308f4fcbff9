package meter

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Ledger is where credits are set aside; platform passes ledger.Service.
type Ledger interface {
	// Hold adds to a hold, or gives back. exhausted: there isn't so much. conflict: the hold
	// has ended, or other budgets hold by now.
	Hold(ctx context.Context, org core.OrgID, h core.SetAside) error
	// Price returns what an org pays for a name. not_found: it has no price.
	Price(ctx context.Context, org core.OrgID, name string) (core.Price, error)
}

// Config is what a Meter needs. Those without a default in their comment are required.
type Config struct {
	Ledger  Ledger
	Events  store.Events
	Records store.Records // where the holds are noted that haven't ended, for Sweep
	IDs     core.IDs
	Charge  bool             // false: calls are written down, and cost nothing
	Now     func() time.Time // time.Now
	Log     *slog.Logger     // nil: nobody is told
	Every   time.Duration    // how long settled calls are kept in memory; 250 ms
	Life    time.Duration    // how long a hold takes calls; a minute
	Idle    time.Duration    // how long one stays that nobody calls with; 3 s
}

// The bounds.
const (
	// maxBacklog bounds the settled calls that wait for the store, of all holds. Beyond it no
	// call is admitted: rather none than one that isn't charged.
	maxBacklog = 1 << 16
	// maxBatch bounds the entries of an event. As many don't wait for their time.
	maxBatch = 256
	// maxSteps bounds the entries of a hold, for its stream is read as a whole, and its postings.
	maxSteps = 1 << 14
	// firstCalls is for how many calls like the first credits are set aside, and mostCalls for
	// how many where so many come within a second.
	firstCalls = 64
	mostCalls  = 1 << 12
	// storeTime bounds a call of the store that no caller waits for, stopTime the stop.
	storeTime = 10 * time.Second
	stopTime  = 5 * time.Second
	// maxName bounds a name that is written down, in bytes.
	maxName = 200
)

// Meter keeps the holds of one node. Safe for concurrent use.
type Meter struct {
	cfg     Config
	full    chan struct{} // a hold has as many calls as an event takes
	backlog atomic.Int64  // calls that are settled and not stored
	ctx     context.Context
	end     context.CancelFunc
	fills   sync.WaitGroup // openings under way

	mu       sync.Mutex // after that of an account
	accounts map[owner]*account
	closed   bool
	failing  bool // the store didn't take the last batch
}

// New returns a Meter. Calls that are settled are stored while Run runs.
func New(c Config) (*Meter, error) {
	if c.Ledger == nil || c.Events == nil || c.Records == nil || c.IDs == nil {
		return nil, core.E(core.Internal, "meter", "a meter without a ledger, events, records or ids")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for d, usual := range map[*time.Duration]time.Duration{&c.Every: 250 * time.Millisecond, &c.Life: time.Minute, &c.Idle: 3 * time.Second} {
		if *d <= 0 {
			*d = usual
		}
	}
	m := &Meter{cfg: c, full: make(chan struct{}, 1), accounts: map[owner]*account{}}
	m.ctx, m.end = context.WithCancel(context.Background())
	return m, nil
}

// Ask says what a call may use.
type Ask struct {
	Scope core.Scope
	Key   core.KeyID // whose budget pays besides the project's and the org's; "": nobody's
	Model string     // as it was asked for
	Price string     // "model/NAME"
	Fixed *core.Price
	Most  core.Usage // what it uses at most, as far as one can tell before
	Free  bool       // it isn't charged, whatever Config says: the owner's of an embedded installation
}

// Open sets aside what a call may cost. The ticket has to be settled or dropped. It waits for
// the store only where the key has no hold with so much left. Errors: exhausted (no credits, or
// a budget is used up; it says which. Near the end of a budget other nodes may hold some of
// it, which comes back within seconds), not_found (the call would be charged and has no price),
// unavailable (the store doesn't answer, or hasn't for so long that the calls which wait for
// it are too many; or the node stops), canceled.
func (m *Meter) Open(ctx context.Context, ask Ask) (*Ticket, error) {
	t := &Ticket{m: m, model: ask.Model}
	o := owner{org: ask.Scope.Org, project: ask.Scope.Project, key: ask.Key, charged: m.cfg.Charge && !ask.Free}
	if o.charged {
		var err error
		if t.price, err = m.price(ctx, ask); err != nil {
			return nil, err
		}
		t.most = t.price.Most(ask.Most)
	}
	if m.backlog.Load() >= maxBacklog {
		return nil, core.E(core.Unavailable, "meter.open", "calls can't be charged at the moment").WithHint("try again; the database doesn't keep up")
	}
	var failed *filling
	for {
		wait, err := m.take(t, o, failed)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			return t, nil
		}
		select {
		case <-wait.done:
			failed = wait
		case <-ctx.Done():
			return nil, core.E(core.CodeOf(ctx.Err()), "meter.open", "the caller didn't wait for credits to be set aside").Because(ctx.Err())
		}
	}
}

// Price returns what an org pays for a name. not_found: it has no price, and calls are charged.
func (m *Meter) Price(ctx context.Context, org core.OrgID, name string) (core.Price, error) {
	if !m.cfg.Charge {
		return core.Price{}, nil
	}
	return m.cfg.Ledger.Price(ctx, org, name)
}

func (m *Meter) price(ctx context.Context, ask Ask) (core.Price, error) {
	if ask.Fixed != nil {
		return *ask.Fixed, nil
	}
	return m.Price(ctx, ask.Scope.Org, ask.Price)
}

// Waiting is how many settled calls wait for the store. At 65,536 no call is admitted.
func (m *Meter) Waiting() int64 { return m.backlog.Load() }
