package vault_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/store"
)

// BenchmarkReplay reads a stream of 10,000 events of 500 bytes, with the vault and
// without, in one run.
func BenchmarkReplay(b *testing.B) {
	r := newRig(b)
	for name, s := range map[string]store.Store{"plain": r.inner, "sealed": r.store} {
		scope := scopeOf(orgA)
		if name == "sealed" {
			scope = scopeOf(orgB)
		}
		for v := int64(0); v < 10_000; v += 1000 {
			events := make([]store.NewEvent, 1000)
			for i := range events {
				events[i] = newEvent(`"` + string(make([]byte, 500)) + `"`)
			}
			_, err := s.Append(b.Context(), scope, store.Append{Stream: "tsk_1", Expected: v, Events: events})
			ok(b, err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				events, err := s.ReadStream(b.Context(), scope.Org, "tsk_1", 0, 10_000)
				if err != nil || len(events) != 10_000 {
					b.Fatal(len(events), err)
				}
			}
		})
	}
}
