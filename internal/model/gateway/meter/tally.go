package meter

import (
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// tally are settled calls that wait for an event, in which those that are alike are one entry.
// So what a call costs the store doesn't depend on how many there are.
type tally struct {
	entries []core.MeteredCalls
	at      map[alike]int // in entries
	n       int           // calls
}

// alike is what calls have in common that are one entry.
type alike struct {
	day                                    int64
	op, requested, provider, model, status string
	prices                                 int
	estimated                              bool
}

func alikeOf(c core.MeteredCalls) alike {
	return alike{c.At / (24 * time.Hour).Milliseconds(), c.Op, c.Requested, c.Provider, c.Model, c.Status, c.Prices, c.Usage.Estimated}
}

func (t *tally) add(calls ...core.MeteredCalls) {
	for _, c := range calls {
		t.n += c.N
		of := alikeOf(c)
		i, ok := t.at[of]
		if !ok {
			if t.at == nil {
				t.at = map[alike]int{}
			}
			t.at[of] = len(t.entries)
			t.entries = append(t.entries, c)
			continue
		}
		sum := &t.entries[i]
		sum.N, sum.At, sum.Cost = sum.N+c.N, max(sum.At, c.At), sum.Cost+c.Cost
		sum.Usage.Input, sum.Usage.Output = sum.Usage.Input+c.Usage.Input, sum.Usage.Output+c.Usage.Output
		sum.Usage.Cached, sum.Usage.Reasoning = sum.Usage.Cached+c.Usage.Cached, sum.Usage.Reasoning+c.Usage.Reasoning
		sum.Usage.CacheWrite, sum.Usage.CacheWrite1h = sum.Usage.CacheWrite+c.Usage.CacheWrite, sum.Usage.CacheWrite1h+c.Usage.CacheWrite1h
		sum.TookMS, sum.FirstMS, sum.Attempts = sum.TookMS+c.TookMS, sum.FirstMS+c.FirstMS, sum.Attempts+c.Attempts
	}
}

// take takes out the first so many entries.
func (t *tally) take(most int) []core.MeteredCalls {
	n := min(len(t.entries), most)
	first, rest := t.entries[:n:n], t.entries[n:]
	*t = tally{}
	t.add(rest...)
	return first
}
