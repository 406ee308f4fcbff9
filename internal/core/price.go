package core

import (
	"fmt"
	"strconv"
	"strings"
)

// PriceAbove is what a model costs a call that reads more than so many tokens, instead of what
// Price says: all that it reads, what comes from a cache or goes into one too, and all that it
// writes.
type PriceAbove struct {
	Tokens       int     `json:"tokens" minimum:"1" doc:"a call that reads more than these, with what the cache gives and takes"`
	Input        Credits `json:"input,omitempty" doc:"instead of the price's"`
	Cached       Credits `json:"cached,omitempty" doc:"likewise; 0: as input, here"`
	CacheWrite   Credits `json:"cache_write,omitempty" doc:"likewise; 0: as input, here"`
	CacheWrite1h Credits `json:"cache_write_1h,omitempty" doc:"likewise; 0: as cache_write, here"`
	Output       Credits `json:"output,omitempty" doc:"instead of the price's"`
}

// At returns what a call costs that reads so many tokens. It has no Above.
func (p Price) At(input int) Price {
	if a := p.Above; a != nil && input > a.Tokens {
		p.Input, p.Cached, p.CacheWrite, p.CacheWrite1h, p.Output = a.Input, a.Cached, a.CacheWrite, a.CacheWrite1h, a.Output
	}
	p.Above = nil
	return p
}

// Writes reports whether what a model writes costs something.
func (p Price) Writes() bool { return p.Output > 0 || p.Above != nil && p.Above.Output > 0 }

// Said returns the price with every rate for input that it leaves unsaid. Above stays as it is.
func (p Price) Said() Price {
	if p.Cached == 0 {
		p.Cached = p.Input
	}
	if p.CacheWrite == 0 {
		p.CacheWrite = p.Input
	}
	if p.CacheWrite1h == 0 {
		p.CacheWrite1h = p.CacheWrite
	}
	return p
}

// Rates says what a million tokens cost, as in "600 in, 2250 out, 60 cached, 750 into the cache, 1200
// for an hour". Above isn't in it.
func (p Price) Rates() string {
	said := []string{p.Input.String() + " in", p.Output.String() + " out"}
	for _, rate := range []struct {
		of   Credits
		what string
	}{{p.Cached, " cached"}, {p.CacheWrite, " into the cache"}, {p.CacheWrite1h, " for an hour"}} {
		if rate.of != 0 {
			said = append(said, rate.of.String()+rate.what)
		}
	}
	return strings.Join(said, ", ")
}

// String says what it costs, as Rates does, and above how many tokens.
func (a PriceAbove) String() string {
	return "above " + strconv.Itoa(a.Tokens) + " tokens: " + Price{Above: &a}.At(a.Tokens+1).Rates()
}

// Most returns what a model call with this usage costs at most, however much of its input comes
// from a cache or goes into one. A call that uses less doesn't cost more, if the price passes Check.
func (p Price) Most(u Usage) Credits {
	few := p // a call that reads less may be priced so, with other parts
	p = p.At(u.Input)
	rounded := Credits(0) // up, for each part of the input that has a rate of its own
	for _, rate := range [...][2]Credits{{p.Cached, few.Cached}, {p.CacheWrite, few.CacheWrite}, {p.CacheWrite1h, few.CacheWrite1h}} {
		p.Input = max(p.Input, rate[0])
		if rate[0] > 0 || rate[1] > 0 {
			rounded++
		}
	}
	return p.Tokens(Usage{Input: u.Input, Output: u.Output}).plus(rounded)
}

// Check returns invalid for a price with an amount below zero or above most, or by which a call
// that uses more may cost less.
func (p Price) Check(most Credits) error {
	const op = "price"
	amounts := []Credits{p.Input, p.Cached, p.CacheWrite, p.CacheWrite1h, p.Output, p.Call, p.Second, p.GiBDay}
	if a := p.Above; a != nil {
		amounts = append(amounts, a.Input, a.Cached, a.CacheWrite, a.CacheWrite1h, a.Output)
	}
	for _, c := range amounts {
		if c < 0 || c > most {
			return E(Invalid, op, "a price of "+c.String()+" credits").WithHint("from 0 to " + most.String())
		}
	}
	if p.Above == nil {
		return nil
	}
	if p.Above.Tokens < 1 {
		return E(Invalid, op, fmt.Sprintf("a price above %d tokens", p.Above.Tokens)).WithHint("name the tokens above which a call costs more, as in 200000")
	}
	few, many := p.At(0).Said(), p.At(p.Above.Tokens+1).Said()
	if many.Input < few.Input || many.Cached < few.Cached || many.CacheWrite < few.CacheWrite || many.CacheWrite1h < few.CacheWrite1h || many.Output < few.Output {
		return E(Invalid, op, fmt.Sprintf("something costs less above %d tokens", p.Above.Tokens)).WithHint("name all that it costs there: input and output, too, and none of it cheaper")
	}
	return nil
}
