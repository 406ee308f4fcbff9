package platform

import (
	"math"

	dto "github.com/prometheus/client_model/go"

	"github.com/isekai-run/isekai/internal/client"
)

// timing is what a histogram of seconds says of its quantiles.
func timing(h *dto.Histogram) client.Timing {
	return client.Timing{P50: quantile(h, .5), P95: quantile(h, .95), P99: quantile(h, .99)}
}

// quantile returns the q-quantile of a histogram of seconds, in milliseconds: the value of rank
// ceil(q*n), as if those of its bucket lay evenly between the bucket's bounds. What lies beyond
// the last bound counts as that. 0: there is none.
func quantile(h *dto.Histogram, q float64) float64 {
	n := h.GetSampleCount()
	if n == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(q*float64(n))))
	var below uint64 // in the buckets before
	from := 0.0
	for _, b := range h.GetBucket() {
		to, upTo := b.GetUpperBound(), b.GetCumulativeCount()
		if upTo >= rank && !math.IsInf(to, 1) {
			return rounded(1000 * (from + (to-from)*float64(rank-below)/float64(upTo-below)))
		}
		if !math.IsInf(to, 1) {
			below, from = upTo, to
		}
	}
	return rounded(1000 * from)
}
