package httpapi

import (
	recent "container/list"
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// limiter keeps the rates that the nodes of an installation share, without a call of the
// store for each request: it draws a slice of a bucket's tokens at a time and hands them
// out itself. The first few of a bucket it hands out on credit, so that a stranger who
// comes once, or from many addresses, causes no write. So a bucket lets through what its
// rate says and, for each node, its credit.
//
// While the store doesn't answer each node keeps the rates by itself.
type limiter struct {
	quotas store.Quotas
	now    func() time.Time
	max    int // buckets; the one that was used last goes, with its slice

	mu      sync.Mutex
	alone   time.Time    // until then the store isn't asked
	order   *recent.List // of *bucket, the last used first
	buckets map[bucketKey]*recent.Element
}

// bucketKey is a bucket's place in the store.
type bucketKey struct {
	org core.OrgID
	use string // what is limited, as http/key/
	of  string // whose
}

// bucket is what a node has of one.
type bucket struct {
	key  bucketKey
	turn chan struct{} // holds one: whoever draws
	full int64         // of the node's own, while the store doesn't answer; for who draws

	mu    sync.Mutex
	begun bool
	have  int       // tokens at hand
	owed  int       // of those handed out, not drawn yet
	left  int       // in the store, after the last draw
	until time.Time // there is none before
}

// A slice and a credit are this part of a burst, and one at least.
const (
	slicePart  = 10
	creditPart = 20
)

const (
	maxBuckets = 16 << 10
	drawTime   = 500 * time.Millisecond // for the store to answer
	aloneTime  = time.Second            // before it is asked again
)

func newLimiter(quotas store.Quotas) *limiter {
	return &limiter{quotas: quotas, now: time.Now, max: maxBuckets, order: recent.New(), buckets: map[bucketKey]*recent.Element{}}
}

// standing is how a bucket is after a request.
type standing struct {
	ok   bool
	left int           // requests that would be let through now, about
	wait time.Duration // before the next, if it wasn't
}

// take lets a request through, or not. The error is that of a context that ended.
func (l *limiter) take(ctx context.Context, key bucketKey, r store.Rate) (standing, error) {
	return l.takeOf(ctx, l.bucket(key), r)
}

// takeOf is take of a bucket. Nearly always there is a token at hand.
func (l *limiter) takeOf(ctx context.Context, b *bucket, r store.Rate) (standing, error) {
	if at, known := b.take(r, l.now); known {
		return at, nil
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return standing{}, ctx.Err()
	}
	at, known := b.take(r, l.now) // somebody else may have drawn meanwhile
	if !known {
		l.draw(ctx, b, r)
		at, _ = b.take(r, l.now)
	}
	return at, nil
}

// take takes a token that is at hand. known: there is one, or is none for a while; else more
// are to be drawn.
func (b *bucket) take(r store.Rate, clock func() time.Time) (at standing, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun {
		b.begun = true
		b.have = part(r, creditPart)
		b.owed = b.have
		b.left = r.Burst - b.have
	}
	if b.have < 1 {
		wait := b.until.Sub(clock())
		return standing{wait: max(wait, time.Millisecond)}, wait > 0
	}
	b.have--
	return standing{ok: true, left: b.have + b.left}, true
}

func part(r store.Rate, of int) int { return max(r.Burst/of, 1) }

// draw gets the next slice, and what is owed. The caller has the turn.
func (l *limiter) draw(ctx context.Context, b *bucket, r store.Rate) {
	now := l.now()
	b.mu.Lock()
	want := b.owed + part(r, slicePart)
	b.mu.Unlock()
	got, left, wait, err := l.shared(ctx, b, want, r, now)
	if err != nil {
		b.full, got, left, wait = r.Take(b.full, now.UnixNano(), want)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	paid := min(got, b.owed)
	b.owed -= paid
	b.have += got - paid
	b.left = left
	if b.have < 1 {
		b.until = now.Add(max(wait, r.Per/time.Duration(r.Burst)))
	}
}

// shared draws from the store, unless it didn't answer just now.
func (l *limiter) shared(ctx context.Context, b *bucket, want int, r store.Rate, now time.Time) (got, left int, wait time.Duration, err error) {
	if now.Before(l.asksAgain()) {
		return 0, 0, 0, context.DeadlineExceeded
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), drawTime) // others wait for the same slice
	defer stop()
	got, left, wait, err = l.quotas.Draw(ctx, b.key.org, b.key.use+b.key.of, want, r)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.alone = now.Add(aloneTime)
	}
	return got, left, wait, err
}

func (l *limiter) asksAgain() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alone
}

// bucket returns a bucket, which others may be using.
func (l *limiter) bucket(key bucketKey) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at(key)
}

// of returns the buckets of up to mostQuotas.
func (l *limiter) of(all []quota) (buckets [mostQuotas]*bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range all {
		buckets[i] = l.at(all[i].bucketKey)
	}
	return buckets
}

// at is bucket for who holds the lock.
func (l *limiter) at(key bucketKey) *bucket {
	if at, ok := l.buckets[key]; ok {
		l.order.MoveToFront(at)
		return at.Value.(*bucket)
	}
	b := &bucket{key: key, turn: make(chan struct{}, 1)}
	l.buckets[key] = l.order.PushFront(b)
	for l.order.Len() > l.max {
		delete(l.buckets, l.order.Remove(l.order.Back()).(*bucket).key)
	}
	return b
}
