package backup

import (
	"context"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Schedule takes a backup every so often until ctx ends: the first when the newest is
// as old as that. Of several processes the one that gets the term takes it; it lasts
// until the next is due, so a server that starts often doesn't back up more often.
func (b *Backups) Schedule(ctx context.Context, every time.Duration, terms store.Terms, holder string, log *slog.Logger) error {
	for {
		wait := b.due(every)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		leads, err := terms.Lead(ctx, "backup", holder, every/2)
		if err == nil && leads && b.due(every) == 0 {
			var m Manifest
			if m, err = b.Take(ctx); err == nil {
				log.Info("backup taken", "id", m.ID, "orgs", len(m.Orgs), "blobs", m.Blobs)
				continue
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			log.Error("no backup", "error", err, "hint", core.HintOf(err))
		}
		select { // somebody else takes it, or it failed
		case <-ctx.Done():
			return nil
		case <-time.After(min(every, time.Minute)):
		}
	}
}

// due returns how long it is until the next backup. One that was made while the clock was
// ahead doesn't count.
func (b *Backups) due(every time.Duration) time.Duration {
	all, err := b.List()
	if err != nil {
		return 0
	}
	now := b.cfg.Now()
	for _, m := range all {
		if !ahead(m, now) {
			return max(0, m.At.Add(every).Sub(now))
		}
	}
	return 0
}

// ahead reports whether a backup is of a time that hasn't come, however clocks differ.
func ahead(m Manifest, now time.Time) bool { return m.At.After(now.Add(time.Minute)) }
