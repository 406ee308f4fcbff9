package bus

import (
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait before trying again: First after a failure, twice as
// long after each that follows, and never longer than Most. Every wait is shortened by
// up to half at random, so that those who failed together don't come back together.
type Backoff struct{ First, Most time.Duration }

// After returns the wait after so many failures in a row, from 1 on.
func (b Backoff) After(fails int) time.Duration {
	d := b.First
	for n := 1; n < fails && 0 < d && d < b.Most; n++ {
		d *= 2
	}
	d = min(d, b.Most)
	return d - rand.N(d/2+1)
}
