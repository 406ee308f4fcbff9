package core

import (
	"fmt"
	"strconv"
	"strings"
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
