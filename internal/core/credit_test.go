package core_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

func TestCreditsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]core.Credits{
		"0": 0, "1": core.Credit, "0.25": core.Credit / 4, "0.000001": 1, "-1.5": -core.Credit * 3 / 2, "1000000000": core.MaxCredits,
	} {
		if got, err := core.ParseCredits(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q is %d (%q): %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", ".", "1.", ".5", "1.0000001", "+1", "--1", "1e3", "0x1", "1_0", "1000000001", "99999999999999999999", "1 "} {
		if got, err := core.ParseCredits(text); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%q is %d: %v", text, got, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := core.Credits(rapid.Int64Range(-int64(core.MaxCredits), int64(core.MaxCredits)).Draw(t, "amount"))
		if got, err := core.ParseCredits(want.String()); err != nil || got != want {
			t.Fatalf("%d is %q, and that is %d: %v", want, want, got, err)
		}
	})
}

// What is used costs its exact price, rounded up once for each part, whatever the
// numbers.
func TestAPriceIsExact(t *testing.T) {
	t.Parallel()
	exact := func(price core.Credits, n, of int64) core.Credits {
		if n <= 0 {
			return 0
		}
		p := new(big.Int).Mul(big.NewInt(int64(price)), big.NewInt(n))
		q, rest := p.QuoRem(p, big.NewInt(of), new(big.Int))
		if rest.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
		if q.Cmp(big.NewInt(int64(core.MaxCredits))) > 0 {
			return core.MaxCredits
		}
		return core.Credits(q.Int64())
	}
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, int64(core.MaxCredits))
		price := core.Price{
			Input: core.Credits(amount.Draw(t, "input")), Output: core.Credits(amount.Draw(t, "output")), Cached: core.Credits(amount.Draw(t, "cached")),
			Call: core.Credits(amount.Draw(t, "call")), Second: core.Credits(amount.Draw(t, "second")),
		}
		in, out := rapid.IntRange(0, math.MaxInt32).Draw(t, "in"), rapid.IntRange(-1, math.MaxInt32).Draw(t, "out")
		cached := rapid.IntRange(0, in).Draw(t, "from the cache")
		discounted := cached
		if price.Cached == 0 {
			discounted = 0
		}
		want := min(price.Call+exact(price.Input, int64(in-discounted), 1e6)+exact(price.Cached, int64(discounted), 1e6)+exact(price.Output, int64(out), 1e6), core.MaxCredits)
		if got := price.Tokens(core.Usage{Input: in, Output: out, Cached: cached}); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
		price.GiBDay = price.Second
		bytes := rapid.Int64().Draw(t, "bytes")
		if got, want := price.Kept(bytes), min(exact(price.GiBDay, bytes, 1<<30), core.MaxCredits); got != want {
			t.Fatalf("%d bytes cost %d, want %d", bytes, got, want)
		}
		d := time.Duration(rapid.Int64().Draw(t, "took"))
		if got, want := price.Took(d), min(price.Call+exact(price.Second, int64(d), 1e9), core.MaxCredits); got != want {
			t.Fatalf("%s costs %d, want %d", d, got, want)
		}
	})
	if got := (core.Price{Input: 7}).Tokens(core.Usage{Input: 1e6, Cached: 1e6}); got != 7 {
		t.Errorf("tokens from the cache, without a price of their own, cost %d", got)
	}
	if got := (core.Price{}).Tokens(core.Usage{Input: 1e6, Output: 1e6}); got != 0 {
		t.Errorf("what is free costs %d", got)
	}
}
