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

// What a provider puts into its cache, and what a long prompt costs, have rates of their own. What
// has none costs as the input does.
func TestDearerTokens(t *testing.T) {
	t.Parallel()
	const c = core.Credit
	flat := core.Price{Input: 300 * c, Output: 1500 * c}
	cached := core.Price{Input: 300 * c, Cached: 30 * c, CacheWrite: 375 * c, CacheWrite1h: 600 * c, Output: 1500 * c}
	tiered := cached
	tiered.Above = &core.PriceAbove{Tokens: 200_000, Input: 600 * c, Cached: 60 * c, CacheWrite: 750 * c, Output: 2250 * c}
	fiveMinutes := core.Price{Input: 300 * c, CacheWrite: 375 * c}
	hourOnly := core.Price{Input: 300 * c, CacheWrite1h: 600 * c}
	for name, k := range map[string]struct {
		price core.Price
		use   core.Usage
		want  core.Credits
	}{
		"no rate for writes":         {flat, core.Usage{Input: 100_000, CacheWrite: 40_000, CacheWrite1h: 10_000}, 30 * c},
		"writes":                     {cached, core.Usage{Input: 100_000, Cached: 20_000, CacheWrite: 40_000, CacheWrite1h: 10_000}, 12*c + 600_000 + 6*c + 11*c + 250_000},
		"an hour as five minutes":    {fiveMinutes, core.Usage{Input: 100_000, CacheWrite: 40_000, CacheWrite1h: 40_000}, 18*c + 15*c},
		"an hour alone":              {hourOnly, core.Usage{Input: 100_000, CacheWrite: 40_000, CacheWrite1h: 10_000}, 27*c + 6*c},
		"more written than read":     {cached, core.Usage{Input: 1_000_000, CacheWrite: 3_000_000}, 375 * c},
		"more for an hour than all":  {cached, core.Usage{Input: 1_000_000, CacheWrite: 500_000, CacheWrite1h: 900_000}, 150*c + 300*c},
		"as many tokens as the tier": {tiered, core.Usage{Input: 200_000, Output: 1_000_000}, 60*c + 1500*c},
		"one more":                   {tiered, core.Usage{Input: 200_001, Output: 1_000_000}, 120*c + 600 + 2250*c},
		"the tier's cache":           {tiered, core.Usage{Input: 300_000, Cached: 100_000, CacheWrite: 100_000, CacheWrite1h: 50_000}, 60*c + 6*c + 75*c},
	} {
		if got := k.price.Tokens(k.use); got != k.want {
			t.Errorf("%s: %s, want %s", name, got, k.want)
		}
	}
}

// What is set aside for a call covers it, whatever of its input its provider's cache gives and
// takes, and if it uses less than was thought.
func TestMostIsEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := func(name string) core.Credits {
			return core.Credits(rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(1, 10_000_000)).Draw(t, name))
		}
		p := core.Price{Input: rate("input"), Cached: rate("cached"), CacheWrite: rate("write"), CacheWrite1h: rate("write 1h"), Output: rate("output"), Call: rate("call")}
		if rapid.Bool().Draw(t, "tier") {
			p.Above = &core.PriceAbove{
				Tokens: rapid.IntRange(1, 1000).Draw(t, "above"), Input: p.Input + rate("more in"), Output: p.Output + rate("more out"),
				Cached: rate("cached above"), CacheWrite: rate("write above"), CacheWrite1h: rate("write 1h above"),
			}
		}
		if p.Check(core.MaxCredits) != nil {
			t.Skip("a call that uses more may cost less")
		}
		most := core.Usage{Input: rapid.IntRange(0, 3000).Draw(t, "most in"), Output: rapid.IntRange(0, 3000).Draw(t, "most out")}
		used := core.Usage{Input: rapid.IntRange(0, most.Input).Draw(t, "in"), Output: rapid.IntRange(0, most.Output).Draw(t, "out")}
		used.Cached = rapid.IntRange(0, used.Input).Draw(t, "from the cache")
		used.CacheWrite = rapid.IntRange(0, used.Input-used.Cached).Draw(t, "to the cache")
		used.CacheWrite1h = rapid.IntRange(0, used.CacheWrite).Draw(t, "for an hour")
		if held, cost := p.Most(most), p.Tokens(used); cost > held {
			t.Fatalf("it costs %d, and %d were set aside", cost, held)
		}
	})
}

func TestCheckPrice(t *testing.T) {
	t.Parallel()
	above := func(a core.PriceAbove) core.Price { return core.Price{Input: 3, Cached: 1, Output: 5, Above: &a} }
	for name, p := range map[string]core.Price{
		"below zero":            {CacheWrite: -1},
		"beyond all":            {CacheWrite1h: 101},
		"beyond all in a tier":  above(core.PriceAbove{Tokens: 10, Input: 101, Output: 5}),
		"a tier above nothing":  above(core.PriceAbove{Input: 3, Output: 5}),
		"a tier without output": above(core.PriceAbove{Tokens: 10, Input: 6}),
		"a cheaper tier":        above(core.PriceAbove{Tokens: 10, Input: 2, Output: 5}),
		"a cheaper cache":       {Input: 3, CacheWrite: 5, Above: &core.PriceAbove{Tokens: 10, Input: 4}},
	} {
		if err := p.Check(100); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, p := range map[string]core.Price{
		"nothing": {}, "the most": {Input: 100, GiBDay: 100}, "a tier": above(core.PriceAbove{Tokens: 10, Input: 3, Output: 5}),
	} {
		if err := p.Check(100); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
