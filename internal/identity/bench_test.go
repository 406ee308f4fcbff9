package identity_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/identity"
)

// BenchmarkAuthenticate is what a request costs with a warm cache; "first" is a token's
// first time on a node, whose signature is checked.
func BenchmarkAuthenticate(b *testing.B) {
	r := newRig(b, onSQLite)
	key := r.key(r.owner.Principal, identity.NewKey{})
	for name, c := range map[string]identity.Credential{"token": {Bearer: r.owner.Access}, "key": {Bearer: key}, "cookie": {Cookie: r.owner.Session}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Authenticate(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := r.Authenticate(b.Context(), c); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			node := r.node()
			if _, err := cookie(b.Context(), node, r.owner.Session); err != nil {
				b.Fatal(err)
			}
			if _, err := node.JWKS(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if _, err := bearer(b.Context(), node, r.owner.Access); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSignIn is a sign-in with the parameters that people get.
func BenchmarkSignIn(b *testing.B) {
	r := newRig(b, onSQLite, func(c *identity.Config) { c.Hashing = identity.DefaultHashing })
	for b.Loop() {
		r.signIn("owner@example.org", "")
	}
}
