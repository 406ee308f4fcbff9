package gateway_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// named is a provider's server that notes when it was asked.
func (r *rig) named(name string, asked func(name string)) {
	u := newUpstream(r.t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		asked(name)
		answering(0)(n, w, req, body)
	})
	r.provider(name, u.URL)
}

// Calls go to the targets of a tier as heavy as their weights.
func TestWeights(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	count := map[string]int{}
	var mu sync.Mutex
	var legs []catalog.Leg
	for i, name := range []string{"a", "b", "c"} {
		r.named(name, func(name string) { mu.Lock(); count[name]++; mu.Unlock() })
		legs = append(legs, catalog.Leg{Provider: name, Model: "m", Weight: []int{1, 2, 5}[i]})
	}
	if _, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "r", Targets: legs}, 0); err != nil {
		t.Fatal(err)
	}
	const calls = 1200
	for range calls {
		if err := r.outcome(strings.Replace(plain, `"m"`, `"r"`, 1)).err; err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"a", "b", "c"} {
		p := []float64{1, 2, 5}[i] / 8
		if want, six := p*calls, 6*math.Sqrt(calls*p*(1-p)); math.Abs(float64(count[name])-want) > six {
			t.Errorf("%s was asked %d times, want %.0f", name, count[name], want)
		}
	}
}

// Calls of a sticky route that begin alike go to one target, those that don't to all; when a
// target goes, only its calls move.
func TestStickyRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var at string
	legs := []catalog.Leg{}
	for _, name := range []string{"a", "b", "c"} {
		r.named(name, func(name string) { at = name })
		legs = append(legs, catalog.Leg{Provider: name, Model: "m"})
	}
	version := int64(0)
	put := func(legs []catalog.Leg) {
		t.Helper()
		kept, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "r", Sticky: true, Targets: legs}, version)
		if err != nil {
			t.Fatal(err)
		}
		version = kept.Version
	}
	ask := func(conversation int, more string) string {
		t.Helper()
		system := fmt.Sprintf("You are assistant number %d. %s", conversation, strings.Repeat("Be brief. ", 120))
		body := fmt.Sprintf(`{"model":"r","messages":[{"role":"system","content":%q},{"role":"user","content":"hello%s"}],"max_tokens":5}`, system, more)
		if err := r.outcome(body).err; err != nil {
			t.Fatal(err)
		}
		return at
	}
	put(legs)
	const conversations = 60
	home, count := map[int]string{}, map[string]int{}
	for c := range conversations {
		home[c] = ask(c, "")
		count[home[c]]++
		for turn := range 3 {
			if now := ask(c, fmt.Sprint(turn)); now != home[c] {
				t.Errorf("conversation %d went from %s to %s", c, home[c], now)
			}
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if count[name] < conversations/10 {
			t.Errorf("%s has %d of %d conversations", name, count[name], conversations)
		}
	}
	put(legs[:2])
	for c := range conversations {
		if now := ask(c, ""); home[c] != "c" && now != home[c] {
			t.Errorf("conversation %d went from %s to %s, when c was taken away", c, home[c], now)
		}
	}
}
