package vault

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// perKiB reports the time per KiB of plain bytes.
func perKiB(b *testing.B, size int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(float64(size)/1024), "µs/KiB")
}

// BenchmarkEvent seals and opens an event's data in its place, with keys in the cache.
func BenchmarkEvent(b *testing.B) {
	k := testKeys(b)
	e := core.Event{Org: core.DefaultOrg, Project: core.DefaultProject, Stream: "tsk_01jd2k3m4n5p6q7r8s9t0v1w2x", Version: 12,
		ID: "evt_01jd2k3m4n5p6q7r8s9t0v1w2x", Type: "model.settled", Actor: core.Actor{Kind: core.ActorWorker, ID: "wrk_01jd2k3m4n5p6q7r8s9t0v1w2x"}}
	for _, size := range []int{256, 1 << 10, 16 << 10} {
		plain := make([]byte, size)
		sealed, err := k.seal(plain, eventPlace(&e))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("seal/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.seal(plain, eventPlace(&e)); err != nil {
					b.Fatal(err)
				}
			}
			perKiB(b, size)
		})
		b.Run(fmt.Sprintf("open/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.open(sealed, eventPlace(&e)); err != nil {
					b.Fatal(err)
				}
			}
			perKiB(b, size)
		})
	}
}

// BenchmarkBlob seals and opens blobs of a file's, a chunk's and many chunks' size.
func BenchmarkBlob(b *testing.B) {
	k := testKeys(b)
	v := New(Config{})
	for _, size := range []int{4 << 10, 1 << 20, 16 << 20} {
		plain := make([]byte, size)
		sealed, err := io.ReadAll(newSealer(k, "org_a", bytes.NewReader(plain), 1<<30))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("seal/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, newSealer(k, "org_a", bytes.NewReader(plain), 1<<30)); err != nil {
					b.Fatal(err)
				}
			}
			perKiB(b, size)
		})
		b.Run(fmt.Sprintf("open/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u := &unsealer{opening: &opening{Vault: v, org: "org_a", keys: k}, ctx: b.Context(), from: io.NopCloser(bytes.NewReader(sealed))}
				if _, err := io.Copy(io.Discard, u); err != nil {
					b.Fatal(err)
				}
			}
			perKiB(b, size)
		})
	}
}

// BenchmarkCachedKeys is what it costs to find an org's keys.
func BenchmarkCachedKeys(b *testing.B) {
	v := New(Config{})
	for i := range 1024 {
		e := v.cache.entry(core.OrgID(fmt.Sprint("org_", i)))
		e.known.Store(&known{keys: &orgKeys{}, at: v.cfg.Now()})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.keys(b.Context(), "org_7"); err != nil {
			b.Fatal(err)
		}
	}
}
