package ledger

import (
	"context"
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
	kindReckon  = "reckon"  // what was used is noted in the grants that expire first
	kindStorage = "storage" // what is kept is paid for, a day at a time
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
	built layer  // the prices that come with the program
	asOf  string // the month that those are of

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
	built, asOf, err := builtIn()
	if err != nil {
		return nil, err
	}
	return &Service{cfg: c, built: built, asOf: asOf, prices: map[core.OrgID]aged{}}, nil
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
