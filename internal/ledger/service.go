package ledger

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The kinds of postings.
const (
	kindGrant   = "grant"
	kindHold    = "hold"
	kindRefuse  = "refuse" // a hold that wasn't made: it moves nothing, and is the answer for good
	kindConsume = "consume"
	kindRelease = "release"
	kindRefund  = "refund"
	kindExpire  = "expire"
	kindAdjust  = "adjust"
	kindBudget  = "budget"
)

// Config is what a Service needs. All but Now are required.
type Config struct {
	Books   store.Books
	Records store.Records
	Events  store.Events // where it is said that a budget is nearly used up
	IDs     core.IDs
	Now     func() time.Time // time.Now
}

// Service holds the commands and questions about credits. Who may give them, and for
// which org, is decided by then. Safe for concurrent use; what it keeps is a cache.
type Service struct {
	cfg   Config
	built layer // the prices that come with the program

	mu     sync.Mutex
	prices map[core.OrgID]aged // the prices that were set, as they were up to freshness ago
}

// New returns a service.
func New(c Config) (*Service, error) {
	if c.Books == nil || c.Records == nil || c.Events == nil || c.IDs == nil {
		return nil, core.E(core.Internal, "ledger", "a ledger without books, records, events or ids")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	built, err := builtIn()
	if err != nil {
		return nil, err
	}
	return &Service{cfg: c, built: built, prices: map[core.OrgID]aged{}}, nil
}

// Command moves credits. The same command twice, by kind and ID, is one.
type Command struct {
	ID      string         // unique in the org
	Amount  core.Credits   // above zero; of Adjust not zero
	Project core.ProjectID // that it is about; may be empty
	Task    core.TaskID    // that it is about; may be empty
	Note    string         // for people who read the entries
}

// Grant gives an org credits. made is false if the command was given before. Errors of all
// commands: invalid, exhausted, unavailable.
func (s *Service) Grant(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	return s.move(ctx, org, kindGrant, c, source, available)
}

// Refund gives back what was spent. exhausted: so much wasn't.
func (s *Service) Refund(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	return s.move(ctx, org, kindRefund, c, spent, available)
}

// Expire takes credits that weren't used in time: at most what is available.
func (s *Service) Expire(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	for range tries {
		has, err := s.balance(ctx, org, available)
		if err != nil {
			return false, err
		}
		part := c
		part.Amount = min(c.Amount, has)
		if c.Amount > 0 && has == 0 {
			return false, nil
		}
		made, err = s.move(ctx, org, kindExpire, part, available, source)
		if _, short := store.Short(err); !short {
			return made, err
		}
	}
	return false, contended("ledger.expire")
}

// Adjust corrects what is available, up or down. exhausted: there isn't so much to take.
func (s *Service) Adjust(ctx context.Context, org core.OrgID, c Command) (made bool, err error) {
	if c.Amount < 0 {
		c.Amount = -c.Amount
		return s.move(ctx, org, kindAdjust, c, available, source)
	}
	return s.move(ctx, org, kindAdjust, c, source, available)
}

func (s *Service) move(ctx context.Context, org core.OrgID, kind string, c Command, from, to string) (bool, error) {
	op := "ledger." + kind
	switch {
	case c.ID == "" || len(c.ID) > maxName:
		return false, core.E(core.Invalid, op, "a command without an id, or with a long one")
	case c.Amount <= 0 || c.Amount > core.MaxCredits:
		return false, core.E(core.Invalid, op, "an amount of "+c.Amount.String()+" credits").WithHint("up to " + core.MaxCredits.String())
	}
	posted, err := s.cfg.Books.Post(ctx, org, store.Posting{
		Effect: kind + "/" + c.ID, Kind: kind, Project: c.Project, Task: c.Task, Note: c.Note,
		Moves: []store.Move{{Account: from, Amount: -c.Amount}, {Account: to, Amount: c.Amount}},
	})
	if account, short := store.Short(err); short {
		return false, core.E(core.Exhausted, op, "there aren't "+c.Amount.String()+" credits "+account).Because(err)
	}
	if err != nil {
		return false, err
	}
	return posted[0], nil
}

// Balance is where an org's credits are. Granted and WrittenOff are the sum of the others.
type Balance struct {
	Available  core.Credits // may be held
	Held       core.Credits // set aside for tasks that aren't over
	Spent      core.Credits // used, for good
	Granted    core.Credits // and neither expired nor taken back
	WrittenOff core.Credits // used beyond what there was
}

// Balance returns where the credits of an org are at one moment.
func (s *Service) Balance(ctx context.Context, org core.OrgID) (Balance, error) {
	var last Balance
	for try := range tries {
		b, err := s.sample(ctx, org)
		if err != nil || try > 0 && b == last {
			return b, err
		}
		last = b
	}
	return Balance{}, contended("ledger.balance")
}

// sample reads the accounts one after the other. What tasks hold is what the others lack.
func (s *Service) sample(ctx context.Context, org core.OrgID) (b Balance, err error) {
	read := func(account string) core.Credits {
		v, e := s.balance(ctx, org, account)
		err = errors.Join(err, e)
		return v
	}
	b = Balance{Available: read(available), Spent: read(spent), Granted: -read(source), WrittenOff: -read(writtenOff)}
	b.Held = b.Granted + b.WrittenOff - b.Available - b.Spent
	return b, err
}

// Entries returns lines of the books, in their order.
func (s *Service) Entries(ctx context.Context, org core.OrgID, q store.EntryQuery) ([]store.Entry, error) {
	return s.cfg.Books.Entries(ctx, org, q)
}

const (
	// tries bounds how often something is read again because others moved it meanwhile.
	tries = 50
	// maxName bounds ids of commands, and names of prices and budgets, in bytes.
	maxName = 200
)

// contended is the error after so many tries.
func contended(op string) error {
	return core.E(core.Unavailable, op, "the books moved on "+strconv.Itoa(tries)+" times meanwhile").WithHint("try again")
}
