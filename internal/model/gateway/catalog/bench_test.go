package catalog_test

import (
	"fmt"
	"testing"

	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// BenchmarkResolve is what the catalog adds to a call: the org's view, and where a name in it
// leads.
func BenchmarkResolve(b *testing.B) {
	r := newRig(b, onSQLite)
	for i := range catalog.MaxProviders {
		s := of(fmt.Sprintf("p%d", i), catalog.OpenAI)
		for m := range 100 {
			s.Models = append(s.Models, catalog.Model{Name: fmt.Sprintf("m%d-%d", i, m)})
		}
		r.put(b, house, s)
	}
	r.put(b, orgA, of("own", catalog.OpenAI, "m"))
	r.route(b, orgA, "fast", catalog.Leg{Provider: "own", Model: "m"})
	for _, name := range []string{"fast", "m49-99", "p49/m49-99"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					v, err := r.Of(b.Context(), orgA)
					if err == nil {
						_, err = v.Resolve(name, dialect.OpChat)
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
