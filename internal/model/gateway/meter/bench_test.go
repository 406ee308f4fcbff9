package meter_test

import (
	"context"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// BenchmarkCall is what metering adds to a call of one key, or of a hundred. One in a hundred
// is settled, so that the store keeps up, and the others are dropped.
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

// instant is a store that takes events at once, and forgets them.
type instant struct{ store.Store }

func (instant) Append(context.Context, core.Scope, store.Append) ([]core.Event, error) {
	return nil, nil
}

// BenchmarkSettled is Open and Settle, with a store that costs nothing; and how many calls a
// second SQLite takes for good, which is what bounds a node then.
func BenchmarkSettled(b *testing.B) {
	st := openSQLite(b)
	for name, s := range map[string]store.Store{"memory": instant{st}, "sqlite": st} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, st, core.MaxCredits/2)
			m := w.node(s, func(c *meter.Config) { c.Now = time.Now })
			defer run(b, m)()
			ask, u := w.ask(1000), used(500)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ticket, err := m.Open(ctx, ask)
					for ; core.CodeOf(err) == core.Unavailable; ticket, err = m.Open(ctx, ask) {
						time.Sleep(time.Millisecond)
					}
					if err != nil {
						b.Error(err)
						return
					}
					ticket.Settle(u)
				}
			})
		})
	}
}
