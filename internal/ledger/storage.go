package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ChargeStorage charges an org for what it keeps on a day, in UTC: once, however often it
// is called. What isn't available for that is written off; nothing is ever removed. It is
// in no budget, for those are of tasks. It returns what the bytes cost.
func (s *Service) ChargeStorage(ctx context.Context, org core.OrgID, day time.Time, bytes int64) (core.Credits, error) {
	price, err := s.Price(ctx, org, Storage)
	if err != nil {
		return 0, err
	}
	cost := price.Kept(bytes)
	if cost == 0 {
		return 0, nil
	}
	date := day.UTC().Format(time.DateOnly)
	return cost, s.use(ctx, org, store.Posting{
		Effect: kindStorage + "/" + date, Kind: kindStorage,
		Note:  fmt.Sprintf("%.3f GiB on %s, prices %d", float64(bytes)/(1<<30), date, price.Version),
		Moves: moved(stored, storage, cost),
	}, cost, available)
}

// use posts that an amount was used, besides the moves that p has. It is taken from the
// accounts, the first first, as far as they have it; the rest is written off.
func (s *Service) use(ctx context.Context, org core.OrgID, p store.Posting, cost core.Credits, from ...string) error {
	besides := p.Moves
	// Most often the first account covers it, so that no balance has to be read.
	p.Moves = append(moved(from[0], spent, cost), besides...)
	for range tries {
		_, err := s.cfg.Books.Post(ctx, org, p)
		if _, short := store.Short(err); !short {
			return err
		}
		p.Moves = append([]store.Move{{Account: spent, Amount: cost}}, besides...)
		rest := cost
		for _, account := range from {
			has, err := s.balance(ctx, org, account)
			if err != nil {
				return err
			}
			if part := min(has, rest); part > 0 {
				p.Moves, rest = append(p.Moves, store.Move{Account: account, Amount: -part}), rest-part
			}
		}
		if rest > 0 {
			p.Moves = append(p.Moves, store.Move{Account: writtenOff, Amount: -rest})
		}
	}
	return contended("ledger." + p.Kind)
}
