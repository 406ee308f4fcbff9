package auditlog_test

import (
	"testing"
)

// BenchmarkRecord is an entry's way to the disk, alone and in a storm; what is sealed costs
// as much as in the product.
func BenchmarkRecord(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		r := newRig(b, true)
		for b.Loop() {
			ok(b, r.Record(b.Context(), orgA, entry("x")))
		}
	})
	b.Run("storm of 64", func(b *testing.B) {
		r := newRig(b, true)
		b.SetParallelism(32)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := r.Record(b.Context(), orgA, entry("x")); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkVerify is per row.
func BenchmarkVerify(b *testing.B) {
	r := newRig(b, true)
	r.fill(b, orgA, 2000)
	b.ResetTimer()
	for b.Loop() {
		wantGood(b, r.verify(b, orgA), 2000)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/2000, "us/row")
}
