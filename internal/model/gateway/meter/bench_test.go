package meter_test

import (
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// BenchmarkCall is what metering adds to a call, while the calls are stored as they are in
// service: of one key, and of a hundred.
func BenchmarkCall(b *testing.B) {
	for name, keys := range map[string]int{"one key": 1, "100 keys": 100} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, openSQLite(b), core.MaxCredits/2)
			w.budget("org", core.MaxCredits/4)
			w.budget("key/key_0", core.MaxCredits/4)
			m := w.node(w.st, func(c *meter.Config) { c.Now = time.Now })
			stop := run(b, m)
			defer stop()
			asks := make([]meter.Ask, keys)
			for i := range asks {
				asks[i] = w.ask(1000)
				asks[i].Key = core.KeyID("key_" + string(rune('0'+i%10)) + string(rune('0'+i/10)))
			}
			u := used(500)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					ticket, err := m.Open(ctx, asks[i%keys])
					for ; core.CodeOf(err) == core.Unavailable; ticket, err = m.Open(ctx, asks[i%keys]) {
						time.Sleep(time.Millisecond) // no gateway calls so often that the store doesn't keep up
					}
					if err != nil {
						b.Error(err)
						return
					}
					if i%100 == 0 {
						ticket.Settle(u)
					} else {
						ticket.Drop()
					}
				}
			})
		})
	}
}
