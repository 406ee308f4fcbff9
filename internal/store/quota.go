package store

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Rate is what a bucket lets through: Burst at once, and as much in each Per on average.
type Rate struct {
	Burst int
	Per   time.Duration
}

// Quotas are token buckets that the nodes of an installation share. They may be lost with
// the database's last moments: a bucket that isn't known is full.
type Quotas interface {
	// Draw takes up to want tokens of a bucket, and returns how many there were, how many
	// are left, and how long it takes until there is one again (0 if there is).
	Draw(ctx context.Context, org core.OrgID, bucket string, want int, r Rate) (got, left int, wait time.Duration, err error)
}

// CheckDraw returns an Invalid error for a draw that no store may make.
func CheckDraw(org core.OrgID, bucket string, want int, r Rate) error {
	if org == "" || bucket == "" || len(bucket) > MaxID || want < 1 || r.Burst < 1 || r.Per <= 0 {
		return core.E(core.Invalid, "store.draw", "a draw without a bucket, an amount or a rate")
	}
	return nil
}

// Shares weigh orgs in the queue.
type Shares interface {
	// SetShare gives an org, of 1 to MaxShare, how many streams it is given in each turn
	// of the round while others wait. An org that was never given a share has 1.
	SetShare(ctx context.Context, org core.OrgID, share int) error
	// Share returns it.
	Share(ctx context.Context, org core.OrgID) (int, error)
}

// MaxShare bounds an org's share.
const MaxShare = 100
