package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Balance is where an org's credits are. Granted and WrittenOff are the sum of Available,
// Held and Spent.
type Balance struct {
	Available  core.Credits // may be held
	Held       core.Credits // set aside for tasks that aren't over
	Spent      core.Credits // used, for good
	Storage    core.Credits // used for what is kept; in Spent
	Granted    core.Credits // and neither expired nor taken back
	WrittenOff core.Credits // used beyond what there was
	Expiring   core.Credits // available or held, and what expires first of that
	ExpiresAt  time.Time    // when; zero: nothing expires
}

// Balance returns where the credits of an org are at one moment.
func (s *Service) Balance(ctx context.Context, org core.OrgID) (Balance, error) {
	var last Balance
	for try := range tries {
		b, err := s.sample(ctx, org)
		if err != nil {
			return b, err
		}
		if try > 0 && b == last {
			b.Expiring, b.ExpiresAt, err = s.next(ctx, org)
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
	b = Balance{
		Available: read(available), Spent: read(spent), Storage: read(storage), Granted: -read(source), WrittenOff: -read(writtenOff),
	}
	b.Held = b.Granted + b.WrittenOff - b.Available - b.Spent
	return b, err
}
