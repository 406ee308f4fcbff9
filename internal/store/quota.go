package store

import (
	"context"
	"math/bits"
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
	if org == "" || bucket == "" || len(bucket) > MaxID || !isText(bucket) || want < 1 || r.Burst < 1 || r.Per <= 0 {
		return core.E(core.Invalid, "store.draw", "a draw without a bucket, an amount or a rate")
	}
	if int64(r.Burst) > r.Per.Microseconds() {
		return core.E(core.Invalid, "store.draw", "a rate of more than one in a microsecond")
	}
	return nil
}

// Take is what a draw of want tokens at the time now does to a bucket that is full again
// at full, both in nanoseconds since 1970: when the bucket is full again after that, and
// the results of Draw. A token is worth the time that it takes to come back (GCRA, the
// generic cell rate algorithm of ATM).
func (r Rate) Take(full, now int64, want int) (then int64, got, left int, wait time.Duration) {
	used := r.used(full, now)
	got = int(min(uint64(want), scale(uint64(r.Per)-used, uint64(r.Burst), uint64(r.Per))))
	then = now + int64(used+scale(uint64(got), uint64(r.Per), uint64(r.Burst)))
	left, wait = r.Left(then, now)
	return then, got, left, wait
}

// Left returns how many tokens a bucket has that is full again at full, and how long it
// takes until there is one (0 if there is).
func (r Rate) Left(full, now int64) (left int, wait time.Duration) {
	used, per, burst := r.used(full, now), uint64(r.Per), uint64(r.Burst)
	if left = int(scale(per-used, burst, per)); left > 0 {
		return left, 0
	}
	return 0, time.Duration((per+burst-1)/burst - (per - used))
}

// used is what of Per the bucket isn't filled by. A clock that went back costs one Per at
// most.
func (r Rate) used(full, now int64) uint64 { return uint64(min(max(full-now, 0), int64(r.Per))) }

// scale returns a*b/c, rounded down, which is at most 2^64-1 for the a and b above.
func scale(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi == 0 {
		return lo / c
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
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

// CheckShare returns an Invalid error for a share that no store may give.
func CheckShare(org core.OrgID, share int) error {
	if org == "" || share < 1 || share > MaxShare {
		return core.E(core.Invalid, "store.set_share", "a share out of its range").WithHint("give an org 1 to 100")
	}
	return nil
}
