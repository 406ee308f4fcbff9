package core

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Credits are an amount in micro-credits: a credit is Credit of them. Amounts are always
// whole, so that books balance exactly.
type Credits int64

const (
	// Credit is one credit.
	Credit Credits = 1_000_000
	// MaxCredits bounds every amount and balance, far below where sums would overflow.
	MaxCredits = 1_000_000_000_000 * Credit / 1000
)

// String returns the amount in credits, as in "1.25".
func (c Credits) String() string {
	sign, n := "", uint64(c)
	if c < 0 {
		sign, n = "-", uint64(-c)
	}
	s := fmt.Sprintf("%s%d.%06d", sign, n/uint64(Credit), n%uint64(Credit))
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// ParseCredits reads an amount in credits with up to six decimals: "1.25".
func ParseCredits(s string) (Credits, error) {
	bad := E(Invalid, "credits", strconv.Quote(s)+" isn't an amount of credits").WithHint("as in 12 or 0.25, with up to six decimals")
	rest, negative := strings.CutPrefix(s, "-")
	whole, part, point := strings.Cut(rest, ".")
	if whole == "" || len(part) > 6 || point && part == "" || strings.ContainsAny(rest, "+-_") {
		return 0, bad
	}
	n, err := strconv.ParseUint(whole+part+strings.Repeat("0", 6-len(part)), 10, 63)
	if err != nil || Credits(n) > MaxCredits {
		return 0, bad
	}
	if negative {
		return -Credits(n), nil
	}
	return Credits(n), nil
}

// Price is what one kind of use costs. The zero Price is that of what is free. It isn't changed
// once it is made: Above is shared.
type Price struct {
	Input        Credits     `json:"input,omitempty" doc:"of a million tokens that a model reads, in micro-credits as all amounts"`
	Cached       Credits     `json:"cached,omitempty" doc:"of a million of those that it had in its cache; 0: as input"`
	CacheWrite   Credits     `json:"cache_write,omitempty" doc:"of a million of those that it put into its cache; 0: as input"`
	CacheWrite1h Credits     `json:"cache_write_1h,omitempty" doc:"of a million of those for an hour; 0: as cache_write"`
	Output       Credits     `json:"output,omitempty" doc:"of a million tokens that it writes"`
	Above        *PriceAbove `json:"above,omitempty" doc:"what a call costs that reads more; default: the same"`
	Call         Credits     `json:"call,omitempty" doc:"of each call"`
	Second       Credits     `json:"second,omitempty" doc:"of each second that a call takes"`
	GiBDay       Credits     `json:"gib_day,omitempty" doc:"of a GiB that is kept for a day"`
	// Version is that of the price list which the price is from.
	Version int `json:"-"`
}

// Tokens returns what a model call with this usage costs, rounded up, and at most
// MaxCredits.
func (p Price) Tokens(u Usage) Credits {
	if p.Above != nil {
		p = p.At(u.Input)
	}
	rest := max(u.Input, 0)
	part := func(n int, rate Credits) Credits { // what has no rate of its own costs as the rest does
		if rate == 0 {
			return 0
		}
		n = min(max(n, 0), rest)
		rest -= n
		return share(rate, int64(n), 1_000_000)
	}
	cost := p.Call.plus(part(u.Cached, p.Cached))
	short, long := u.CacheWrite, min(u.CacheWrite1h, u.CacheWrite)
	if p.CacheWrite1h != 0 {
		short -= max(long, 0)
	}
	cost = cost.plus(part(long, p.CacheWrite1h)).plus(part(short, p.CacheWrite))
	return cost.plus(share(p.Input, int64(rest), 1_000_000)).plus(share(p.Output, int64(u.Output), 1_000_000))
}

// Took returns what a call of this length costs, rounded up, and at most MaxCredits.
func (p Price) Took(d time.Duration) Credits {
	return p.Call.plus(share(p.Second, int64(d), int64(time.Second)))
}

// Kept returns what so many bytes cost for a day, rounded up, and at most MaxCredits.
func (p Price) Kept(bytes int64) Credits { return share(p.GiBDay, bytes, 1<<30) }

// plus adds amounts that aren't negative, up to MaxCredits.
func (c Credits) plus(d Credits) Credits { return min(c+min(d, MaxCredits), MaxCredits) }

// share returns price * n / of, rounded up, and at most MaxCredits; 0 if either is below
// zero.
func share(price Credits, n, of int64) Credits {
	if price <= 0 || n <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(price), uint64(n))
	if high >= uint64(of) {
		return MaxCredits
	}
	q, rest := bits.Div64(high, low, uint64(of))
	if q >= uint64(MaxCredits) {
		return MaxCredits
	}
	if rest > 0 {
		q++
	}
	return Credits(q)
}

// BudgetReached says that a part of a budget is used up. Each budget has a stream of
// these for each of its periods, with each part once.
type BudgetReached struct {
	Budget  string  `json:"budget"`  // "org", "project/prj_a", "key/key_a", "task/tsk_a"
	Period  string  `json:"period"`  // "2026-11", "2026-11-22" or "all"
	Percent int     `json:"percent"` // 50, 80 or 100
	Used    Credits `json:"used"`
	Limit   Credits `json:"limit"`
}

// EventType implements Payload.
func (BudgetReached) EventType() string { return "budget.reached" }
