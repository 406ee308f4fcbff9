package auditlog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Streams is the part of store.Events that is read.
type Streams interface {
	ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error)
}

// Config connects a Log. Events, Stored and Records are required; the other zero fields have
// the defaults that are named.
type Config struct {
	Events  store.Events  // as modules see them, sealed on their way down
	Stored  Streams       // as the driver has them, so that a row that doesn't open has a name
	Records store.Records // as modules see them
	IDs     core.IDs      // core.NewID
	Now     func() time.Time
	Timeout time.Duration // bounds Record; 10 s
	Tries   int           // of an append against other processes; 30
	Orgs    int           // how many orgs' logs are kept at hand; 1,024
	// Every is the time between two checkpoints of a log that grows; 10 s. What is taken
	// away from the end within it goes unseen.
	Every time.Duration
	// Clean takes secrets out of what others wrote in an entry; nil: nothing is taken out.
	Clean func(string) string
	Log   *slog.Logger // nil: nobody
}

// Log is the audit logs of all orgs. Safe for concurrent use, and in several processes.
type Log struct {
	cfg Config
	key keyholder

	mu     sync.Mutex
	chains map[core.OrgID]*chain
	grown  map[core.OrgID]bool // since their last checkpoint
}

// New returns a Log. Its checkpoints are kept while Run runs.
func New(cfg Config) *Log {
	if cfg.IDs == nil {
		cfg.IDs = core.NewID
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Tries <= 0 {
		cfg.Tries = 30
	}
	if cfg.Orgs <= 0 {
		cfg.Orgs = 1024
	}
	if cfg.Every <= 0 {
		cfg.Every = 10 * time.Second
	}
	if cfg.Clean == nil {
		cfg.Clean = func(s string) string { return s }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Log{
		cfg: cfg, key: keyholder{records: cfg.Records, now: cfg.Now, turn: newTurn()},
		chains: map[core.OrgID]*chain{}, grown: map[core.OrgID]bool{},
	}
}

// Record writes an entry to the org's log, and returns when it is durable: call it before
// the action is answered. What concerns no org belongs to core.Installation, and so does the
// shredding of an org, whose log goes with it.
//
// It doesn't end with ctx, so that nobody keeps a failure out of the log by hanging up; it
// has a bound of its own. Calls at the same time share an append. Errors: invalid for an
// entry that says nothing; internal when the log is damaged, which it then doesn't go on
// with; those of the store.
func (l *Log) Record(ctx context.Context, org core.OrgID, e Entry) error {
	if org == "" {
		return core.E(core.Internal, "auditlog.record", "an entry without an org")
	}
	e, err := e.complete(org, l.cfg.Now(), l.cfg.Clean)
	if err != nil {
		return err
	}
	e.ID = core.EventID(l.cfg.IDs("evt"))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Timeout)
	defer cancel()
	return l.chain(org).record(ctx, e)
}

// chain returns what is at hand of an org's log. Beyond the bound some other org's is
// forgotten; who still uses that one may meet a conflict, and goes on.
func (l *Log) chain(org core.OrgID) *chain {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.chains[org]
	if c == nil {
		for other := range l.chains {
			if len(l.chains) < l.cfg.Orgs {
				break
			}
			delete(l.chains, other)
		}
		c = &chain{log: l, org: org, turn: newTurn(), queue: make(chan *call)}
		l.chains[org] = c
	}
	return c
}

// Run makes the checkpoints of the logs that grow, until ctx ends, and then the last. It
// begins with those that were left out when a process was killed, or a backup restored.
func (l *Log) Run(ctx context.Context) error {
	l.catchUp(ctx)
	tick := time.NewTicker(l.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.checkpoints(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Timeout)
			defer cancel()
			l.checkpoints(last)
			return nil
		}
	}
}

// catchUp has a checkpoint made of each log that has rows behind the one that is kept.
func (l *Log) catchUp(ctx context.Context) {
	orgs, err := l.cfg.Events.Orgs(ctx)
	if err != nil && ctx.Err() == nil {
		l.cfg.Log.WarnContext(ctx, "audit logs have no checkpoints until they grow", "error", err)
	}
	for _, org := range orgs {
		if ctx.Err() != nil {
			return
		}
		size := int64(0)
		kept, err := l.kept(ctx, org)
		if err == nil {
			size, err = l.size(ctx, org, kept.end())
		}
		if err != nil || size > kept.end() { // or else there is nothing to do, which costs two reads to know
			l.grows(org)
		}
	}
	l.checkpoints(ctx)
}

// checkpoints makes one of each log that has grown. One that can't be made is tried again
// the next time.
func (l *Log) checkpoints(ctx context.Context) {
	l.mu.Lock()
	grown := l.grown
	l.grown = map[core.OrgID]bool{}
	l.mu.Unlock()
	for org := range grown {
		_, err := l.Checkpoint(ctx, org)
		if err != nil && core.CodeOf(err) != core.NotFound { // which it is once the org was shredded
			l.grows(org)
			if ctx.Err() != nil { // it stops; the next start makes what is lacking
				continue
			}
			l.cfg.Log.WarnContext(ctx, "no checkpoint of an audit log", "org", org, "error", err)
		}
	}
}

func (l *Log) grows(org core.OrgID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grown[org] = true
}

// damaged is the error for a log that isn't as it was written.
func damaged(org core.OrgID, row int64) error {
	return core.E(core.Internal, "auditlog", "the audit log of "+string(org)+" is damaged "+atRow(row)).
		WithHint("an operator sees with isekai audit verify --org " + string(org) + " what was changed, and goes on with isekai audit begin-anew")
}
