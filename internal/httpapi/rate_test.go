package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// limited is a server that has nothing but limits.
func limited(t *testing.T, rates Rates) *server {
	t.Helper()
	l, _, _ := limiters(t, 1)
	return &server{limiter: l[0], rates: rates.orDefault()}
}

// TestTheNearestIsTold: of all that a request comes under, how it is with what ends first,
// in parts of the whole.
func TestTheNearestIsTold(t *testing.T) {
	t.Parallel()
	hour := func(name string, n int) quota {
		return quota{name, bucketKey{"org_a", name, ""}, store.Rate{Burst: n, Per: time.Hour}}
	}
	for name, c := range map[string]struct {
		quotas []quota
		want   string
	}{
		"one":                  {[]quota{hour("a", 10)}, `"a";r=9;t=360`},
		"the first is nearest": {[]quota{hour("a", 10), hour("b", 100)}, `"a";r=9;t=360`},
		"the last is nearest":  {[]quota{hour("a", 100), hour("b", 1000), hour("c", 10)}, `"c";r=9;t=360`},
		"as near":              {[]quota{hour("a", 10), hour("b", 10)}, `"a";r=9;t=360`},
	} {
		s, h := limited(t, Rates{}), http.Header{}
		if err := s.limit(t.Context(), &request{}, h, c.quotas...); err != nil || h.Get("RateLimit") != c.want {
			t.Errorf("%s: %q %v", name, h.Get("RateLimit"), err)
		}
	}
}

// TestWhatOnesOwnRefusesIsTakenFromNobody: the shared buckets are as full after it.
func TestWhatOnesOwnRefusesIsTakenFromNobody(t *testing.T) {
	t.Parallel()
	s := limited(t, Rates{})
	own := quota{"user", bucketKey{core.Installation, "u", ""}, store.Rate{Burst: 5, Per: time.Hour}}
	shared := quota{"org", bucketKey{"org_a", "o", ""}, store.Rate{Burst: 100, Per: time.Hour}}
	h := http.Header{}
	for i := range 50 {
		if err := s.limit(t.Context(), &request{}, h, own, shared); (err == nil) != (i < 5) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if h.Get("RateLimit") != `"user";r=0;t=3600` {
		t.Errorf("%v", h)
	}
	if err := s.limit(t.Context(), &request{}, h, shared); err != nil || h.Get("RateLimit") != `"org";r=94;t=216` {
		t.Errorf("%v %v", h, err)
	}
}

// TestTheStoreIsWaitedForOnce by a request, however many quotas it comes under.
func TestTheStoreIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	l, q, c := limiters(t, 1)
	q.down.Store(true)
	ask := func() {
		for i := range 5 {
			if _, err := l[0].take(t.Context(), bucketKey{"org_a", "of/", fmt.Sprint(i)}, store.Rate{Burst: 1, Per: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask() // on credit
	ask()
	if asked := q.asked.Load(); asked != 1 {
		t.Errorf("it was asked %d times", asked)
	}
	c.Advance(2 * time.Minute)
	ask()
	if asked := q.asked.Load(); asked != 2 {
		t.Errorf("later, it was asked %d times", asked)
	}
}

// TestLinesOfSix: whoever has many networks of 64 bits has no more tries for it, and his
// neighbours of another provider's customer all of theirs.
func TestLinesOfSix(t *testing.T) {
	t.Parallel()
	s := limited(t, Rates{})
	rate := store.Rate{Burst: 10, Per: time.Hour}
	tries := func(format string) (passed int) {
		for i := range 250 {
			a := netip.MustParseAddr(fmt.Sprintf(format, i))
			if s.limit(t.Context(), &request{}, http.Header{}, ofLines("sign-in", "s/", a, rate)...) == nil {
				passed++
			}
		}
		return passed
	}
	for _, c := range []struct {
		what, format string
		want         int
	}{
		{"one network", "2001:db8:a:100::%x", 10},
		{"the same 56 bits", "2001:db8:a:1%02x::1", 30}, // the rest of its four times ten
		{"the same 48 bits", "2001:db8:a:%x00::1", 120}, // and of its sixteen times ten
		{"another customer", "2001:db8:b:%x00::1", 160},
		{"of four", "192.0.2.%d", 250},
	} {
		if got := tries(c.format); got != c.want {
			t.Errorf("%s: %d of 250 tries, want %d", c.what, got, c.want)
		}
	}
}

// TestWhoIsThisMachinesOwn: not a proxy that doesn't say for whom it asks.
func TestWhoIsThisMachinesOwn(t *testing.T) {
	t.Parallel()
	here := Proxies{netip.MustParsePrefix("127.0.0.1/32")}
	for what, c := range map[string]struct {
		proxies Proxies
		peer    string
		from    []string
		want    bool
	}{
		"a program here":                     {nil, "127.0.0.1:5", nil, true},
		"a program here that says more":      {nil, "127.0.0.1:5", []string{"192.0.2.1"}, true},
		"this process":                       {here, "pipe", nil, true},
		"a proxy here":                       {here, "127.0.0.1:5", []string{"192.0.2.1"}, false},
		"a proxy here that says nothing":     {here, "127.0.0.1:5", nil, false},
		"a proxy here that says nonsense":    {here, "127.0.0.1:5", []string{"x"}, false},
		"a proxy's client that says it's so": {here, "127.0.0.1:5", []string{"127.0.0.1"}, false},
		"another machine":                    {here, "192.0.2.1:5", nil, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.from
		var got bool
		c.proxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = arrivalOf(r).own() })).ServeHTTP(nil, r)
		if got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}

// TestDefaultRates: they are such as may be configured.
func TestDefaultRates(t *testing.T) {
	t.Parallel()
	if err := (Rates{}).Check(); err != nil {
		t.Error(err)
	}
	minute := func(n int) store.Rate { return store.Rate{Burst: n, Per: time.Minute} }
	refused := []Rates{{User: minute(3001)}, {Project: minute(4799)}, {Org: minute(4799)}, {User: store.Rate{Burst: 100, Per: time.Second}}}
	if i := slices.IndexFunc(refused, func(r Rates) bool { return core.CodeOf(r.Check()) != core.Invalid }); i >= 0 {
		t.Errorf("%+v is let through", refused[i])
	}
}
