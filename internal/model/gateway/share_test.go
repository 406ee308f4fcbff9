package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// of is a call of another org's.
func (r *rig) of(org core.OrgID, body string) gateway.Call {
	c := r.call(body)
	c.Scope.Org, c.Free = org, true
	return c
}

// house adds a provider of the installation's.
func (r *rig) house(url string, change func(*catalog.Spec)) {
	r.t.Helper()
	s := catalog.Spec{Name: "house", Kind: catalog.Compatible, Address: url + "/v1", Models: []catalog.Model{{Name: "m"}}, Limits: catalog.Limits{Failures: 2, FailuresOf: 2}}
	change(&s)
	if _, err := r.catalog.PutProvider(r.ctx, core.Installation, s, 0); err != nil {
		r.t.Fatal(err)
	}
}

// What one org provokes at a provider of the installation's closes it to no other org.
func TestABreakerIsAnOrgs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		if strings.Contains(string(body), "provoke") {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		answering(0)(n, w, req, body)
	})
	r.house(u.URL, func(*catalog.Spec) {})
	for range 3 {
		_, _ = r.Do(r.ctx, r.of("org_bad", strings.Replace(plain, "Say", "provoke", 1)))
	}
	if _, err := r.Do(r.ctx, r.of("org_bad", plain)); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "breaker") {
		t.Errorf("the org that provoked it: %v", err)
	}
	a, err := r.Do(r.ctx, r.of("org_good", plain))
	if err != nil {
		t.Fatalf("another org: %v", err)
	}
	a.Close()
}

// hurried is a context that leaves no time for another round.
type hurried struct{ context.Context }

func (hurried) Deadline() (time.Time, bool) { return time.Now().Add(900 * time.Millisecond), true }

// A limit that a call has met by itself, as by its size, holds back no other: neither its org's nor
// another's. One that the provider says how long to heed is its org's.
func TestWhoseALimitIs(t *testing.T) {
	t.Parallel()
	for after, held := range map[string]bool{"": false, "60": true} {
		r := newRig(t)
		u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
			if !strings.Contains(string(body), "huge") {
				answering(0)(n, w, req, body)
				return
			}
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		})
		r.house(u.URL, func(*catalog.Spec) {})
		if _, err := r.Do(hurried{r.ctx}, r.of("org_a", strings.Replace(plain, "Say", "huge", 1))); core.CodeOf(err) != core.Exhausted {
			t.Fatalf("Retry-After %q: %v", after, err)
		}
		for org, held := range map[core.OrgID]bool{"org_a": held, "org_b": false} {
			a, err := r.Do(r.ctx, r.of(org, plain))
			if (core.CodeOf(err) == core.Exhausted) != held {
				t.Errorf("Retry-After %q: %s: %v", after, org, err)
			}
			if err == nil {
				a.Close()
			}
		}
	}
}

// An org that takes what places there are leaves the last quarter to others.
func TestNoOrgTakesAllPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hold := make(chan struct{})
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		writeChunk(w, "a")
		<-hold
	})
	t.Cleanup(func() { close(hold) })
	r.house(u.URL, func(s *catalog.Spec) { s.Limits.Concurrent = 4 })
	take := func(org core.OrgID) bool {
		a, err := r.Do(r.ctx, r.of(org, streamed))
		if err != nil {
			if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "places") {
				t.Errorf("%s: %v", org, err)
			}
			return false
		}
		t.Cleanup(a.Close)
		return true
	}
	for i, want := range []bool{true, true, true, false} {
		if take("org_greedy") != want {
			t.Errorf("call %d of the greedy org: taken %v", i+1, !want)
		}
	}
	if !take("org_other") || take("org_third") {
		t.Error("the last place isn't the other org's")
	}
}
