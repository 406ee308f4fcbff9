package credential_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/vault/credential"
)

// BenchmarkUse gives a value that has been used within the minute: two sealed reads.
func BenchmarkUse(b *testing.B) {
	r := newRig(b)
	put(b, r.Service, ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one")})
	for b.Loop() {
		if _, err := r.Use(b.Context(), ann(orgA), "x", credential.For{}); err != nil {
			b.Fatal(err)
		}
	}
}
