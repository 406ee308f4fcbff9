package platform

import (
	"math"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"
)

// TestQuantilesAreInTheTrueOnesBucket, whatever was observed.
func TestQuantilesAreInTheTrueOnesBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bounds := rapid.SampledFrom([][]float64{requestTimes, toolTimes, callTimes, {1}}).Draw(t, "bounds")
		seen := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, bounds[len(bounds)-1]*2), rapid.SampledFrom(bounds)), 1, 300).Draw(t, "seen")
		q := rapid.Float64Range(0.001, 1).Draw(t, "q")
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "x", Buckets: bounds})
		for _, v := range seen {
			h.Observe(v)
		}
		var m dto.Metric
		if err := h.Write(&m); err != nil {
			t.Fatal(err)
		}
		slices.Sort(seen)
		exact := seen[max(1, int(math.Ceil(q*float64(len(seen)))))-1]
		from, to := 0.0, math.Inf(1)
		for _, b := range bounds {
			if exact <= b {
				to = b
				break
			}
			from = b
		}
		if math.IsInf(to, 1) {
			to = from // beyond the last bound
		}
		const micro = 1e-6 // it is told to the microsecond
		if got := quantile(m.Histogram, q) / 1000; got < from-micro || got > to+micro {
			t.Errorf("%v of %v is %v: said to be %v, not in [%v, %v]", q, seen, exact, got, from, to)
		}
	})
	if got := quantile(&dto.Histogram{}, .5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
