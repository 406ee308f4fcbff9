package identity

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// When an API key was used last is kept to useEvery: a write for each of its requests would
// cost more than they do.
const (
	useEvery   = 10 * time.Minute
	usesBehind = 256 // uses that wait to be written; more are noted with a later request
)

// keyUse is a key whose use is to be written.
type keyUse struct {
	org core.OrgID
	id  string // of the record
}

// uses are keys that were used. Safe for concurrent use; noting one never waits.
type uses struct {
	told  *lru[keyUse, time.Time] // when each was put into the queue
	queue chan keyUse
}

func newUses(max int) *uses {
	return &uses{told: newLRU[keyUse, time.Time](max), queue: make(chan keyUse, usesBehind)}
}

// note has a use written, unless the last one that was is recent, or is about to be.
func (u *uses) note(k keyUse, last, now time.Time) {
	if now.Sub(last) < useEvery {
		return
	}
	if told, ok := u.told.get(k); ok && now.Sub(told) < useEvery {
		return
	}
	select {
	case u.queue <- k:
		u.told.put(k, now)
	default:
	}
}

// Run keeps when API keys were used, until ctx ends. Without it nothing else is missing.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case k := <-s.uses.queue:
			if err := s.writeUse(ctx, k); err != nil && ctx.Err() == nil {
				s.cfg.Log.WarnContext(ctx, "an API key's use isn't kept", "error", err)
			}
		}
	}
}

// writeUse writes a key's use, unless the key is gone or another node has written one.
func (s *Service) writeUse(ctx context.Context, k keyUse) error {
	e, err := keys.Find(ctx, s.cfg.Records, k.org, k.id)
	now := s.cfg.Now()
	if err != nil || e.Version == 0 || now.Sub(e.Data.Used) < useEvery {
		return err
	}
	e.Data.Used = now
	return ignoreConflict(s.write(ctx, k.org, keys.Put(e)))
}
