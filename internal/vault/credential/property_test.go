package credential_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestVersionsAsAModel puts, changes, deletes and lets time go by at random, and holds what
// can be used to a model.
func TestVersionsAsAModel(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		orgs := 0
		rapid.Check(t, func(rt *rapid.T) {
			orgs++
			scope := ann(core.OrgID(fmt.Sprint("org_", orgs)))
			until := map[int64]time.Time{} // of each version that can be used; zero: the current one
			last := int64(0)
			retire := func(grace time.Duration) {
				end := r.clock.Now().Add(grace)
				for n, u := range until {
					if n != last && (u.IsZero() || u.After(end)) {
						until[n] = end
					}
				}
			}
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				grace := time.Duration(rapid.IntRange(0, 3).Draw(rt, "grace")) * time.Minute
				p := credential.Put{Name: "x", Kind: credential.Token, Grace: grace}
				switch rapid.SampledFrom([]string{"put", "put", "settle", "wait", "delete"}).Draw(rt, "do") {
				case "put":
					last++
					until[last] = time.Time{}
					p.Content = tokenOf(fmt.Sprint("v", last))
					retire(grace)
					put(t, r.Service, scope, p)
					for n := range until { // five at once
						if n <= last-5 {
							delete(until, n)
						}
					}
				case "settle":
					_, err := r.Put(t.Context(), scope, p)
					if (err != nil) != (last == 0) {
						rt.Fatalf("settings of %d versions: %v", last, err)
					}
					retire(grace)
				case "wait":
					r.clock.Advance(time.Minute)
				case "delete":
					err := r.Delete(t.Context(), scope, "x", false, 0)
					if (err != nil) != (last == 0) {
						rt.Fatalf("a deletion of %d versions: %v", last, err)
					}
					clear(until)
					last = 0
				}
				for n := int64(1); n <= last+1; n++ {
					end, known := until[n]
					usable := known && (end.IsZero() || end.After(r.clock.Now()))
					v, err := r.Use(t.Context(), scope, "x", credential.For{Version: n})
					if (err == nil) != usable || usable && v.Secret.Reveal() != fmt.Sprint("v", n) {
						rt.Fatalf("version %d of %d: %q (%v), usable: %v", n, last, v.Secret.Reveal(), err, usable)
					}
				}
			}
		})
	})
}
