package meter

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

// However calls are gathered and taken out, each counts once, and what is one entry is alike.
func TestTallyLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		call := rapid.Custom(func(t *rapid.T) core.MeteredCalls {
			return core.MeteredCalls{
				N: 1, At: rapid.SampledFrom([]int64{1, 2, 86_399_999, 86_400_000}).Draw(t, "at"), Model: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "model"),
				Status: rapid.SampledFrom([]string{StatusOK, StatusFailed}).Draw(t, "status"), Cost: 3, TookMS: 5, FirstMS: 2, Attempts: 1,
				Usage: core.Usage{Input: 7, Output: 5, Cached: 3, Reasoning: 2, Estimated: rapid.Bool().Draw(t, "estimated")},
			}
		})
		calls := rapid.SliceOf(call).Draw(t, "calls")
		var in tally
		var out []core.MeteredCalls
		for _, c := range calls {
			in.add(c)
			if rapid.IntRange(0, 4).Draw(t, "take") == 0 {
				out = append(out, in.take(rapid.IntRange(1, 3).Draw(t, "most"))...)
			}
		}
		out = append(out, in.take(len(calls)+1)...)
		if in.n != 0 || len(in.entries) != 0 {
			t.Fatalf("%+v is left", in)
		}
		want, got := map[alike]int{}, map[alike]int{}
		for _, c := range calls {
			want[alikeOf(c)]++
		}
		for _, c := range out {
			n := c.N
			sums := core.MeteredCalls{N: n, At: c.At, Model: c.Model, Status: c.Status, Cost: core.Credits(3 * n), TookMS: 5 * n, FirstMS: 2 * n, Attempts: n,
				Usage: core.Usage{Input: 7 * n, Output: 5 * n, Cached: 3 * n, Reasoning: 2 * n, Estimated: c.Usage.Estimated}}
			if c != sums {
				t.Fatalf("%+v isn't %+v", c, sums)
			}
			got[alikeOf(c)] += n
		}
		for of, n := range want {
			if got[of] != n {
				t.Fatalf("%d of %+v, not %d", got[of], of, n)
			}
		}
	})
}
