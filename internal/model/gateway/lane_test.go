package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// moody is a provider's server that fails for as long as it is ill, and holds what it is asked
// until it is let go, if it is held.
type moody struct {
	*upstream
	ill  atomic.Bool
	held atomic.Pointer[chan struct{}]
	in   chan struct{} // a request has come
}

func newMoody(t *testing.T) *moody {
	m := &moody{in: make(chan struct{}, 1000)}
	m.upstream = newUpstream(t, func(n int64, w http.ResponseWriter, r *http.Request, body []byte) {
		m.in <- struct{}{}
		if wait := m.held.Load(); wait != nil {
			select {
			case <-*wait:
			case <-r.Context().Done():
				return
			}
		}
		if m.ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		answering(3)(n, w, r, body)
	})
	return m
}

func (m *moody) hold() (letGo func()) {
	wait := make(chan struct{})
	m.held.Store(&wait)
	return sync.OnceFunc(func() { m.held.Store(nil); close(wait) })
}

const openFor = 10 * time.Minute

func breaks(s *catalog.Spec) { s.Limits = catalog.Limits{Failures: 3, FailuresOf: 3, OpenFor: openFor} }

// broken is a rig with a provider whose breaker has opened, and is about to let a call try it.
func broken(t *testing.T) (*rig, *moody) {
	clock := coretest.Noon()
	r, u := newRig(t, func(c *gateway.Config) { c.Now = clock.Now }), newMoody(t)
	r.provider("p", u.URL, breaks)
	u.ill.Store(true)
	if err := r.outcome(plain).err; core.CodeOf(err) != core.Unavailable {
		t.Fatal(err)
	}
	for range 2 {
		clock.Advance(openFor/2 - time.Nanosecond)
		err := r.outcome(plain).err
		var wait gateway.Wait
		if !errors.As(err, &wait) || !strings.Contains(err.Error(), "its breaker is open (status 500)") || u.calls.Load() != 3 {
			t.Errorf("%d calls, and then %v", u.calls.Load(), err)
		}
	}
	for range 3 {
		<-u.in
	}
	u.ill.Store(false)
	clock.Advance(2 * time.Nanosecond)
	return r, u
}

// One call tries a provider whose breaker was open; the others don't wait for it.
func TestOneProbe(t *testing.T) {
	t.Parallel()
	r, u := broken(t)
	letGo := u.hold()
	probe := make(chan error, 1)
	go func() { probe <- r.outcome(plain).err }()
	<-u.in
	for range 5 {
		if err := r.outcome(plain).err; core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "breaker") {
			t.Errorf("while one call tries the provider, another ends with %v", err)
		}
	}
	letGo()
	if err := <-probe; err != nil {
		t.Fatal(err)
	}
	if n := u.calls.Load(); n != 4 {
		t.Errorf("%d calls came to the provider", n)
	}
	if err := r.outcome(plain).err; err != nil {
		t.Errorf("after the probe: %v", err)
	}
}

// A stream that has begun shows that the provider is well again, long before it ends.
func TestAProbeThatIsAStream(t *testing.T) {
	t.Parallel()
	r, _ := broken(t)
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := r.outcome(plain).err; err != nil {
		t.Errorf("while the stream goes on, another call ends with %v", err)
	}
}

// A probe whose caller leaves shows nothing: the next call is one.
func TestAProbeWhoseCallerLeaves(t *testing.T) {
	t.Parallel()
	r, u := broken(t)
	for range 5 {
		letGo := u.hold()
		ctx, leave := context.WithCancel(r.ctx)
		gone := make(chan error, 1)
		go func() {
			_, err := r.Do(ctx, r.call(plain))
			gone <- err
		}()
		<-u.in
		leave()
		if err := <-gone; core.CodeOf(err) != core.Canceled {
			t.Errorf("who left gets %v", err)
		}
		letGo()
	}
	if err := r.outcome(plain).err; err != nil {
		t.Errorf("after probes that were left: %v", err)
	}
}

// A call from before the breaker opened says nothing about the provider since.
func TestALateCallIsNoProbe(t *testing.T) {
	t.Parallel()
	r, u := newRig(t), newMoody(t)
	r.provider("p", u.URL, breaks)
	early, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	u.ill.Store(true)
	_ = r.outcome(plain)
	u.ill.Store(false)
	early.Close()
	if err := r.outcome(plain).err; core.CodeOf(err) != core.Unavailable {
		t.Errorf("the breaker isn't open any more: %v", err)
	}
}

// A rate limit opens no breaker, and has the provider left alone for as long as it says.
func TestARateLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		least, most time.Duration
	}{
		{"Retry-After", "40", 39 * time.Second, 40 * time.Second},
		{"Retry-After", time.Now().Add(100 * time.Second).UTC().Format(http.TimeFormat), 80 * time.Second, 100 * time.Second},
		{"Retry-After-Ms", "30500", 29 * time.Second, 30500 * time.Millisecond},
		{"Retry-After", "86400", 299 * time.Second, 300 * time.Second},
	} {
		r := newRig(t)
		u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set(c.name, c.value)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		r.provider("p", u.URL, breaks)
		for i := range 5 {
			err := r.outcome(plain).err
			var wait gateway.Wait
			if core.CodeOf(err) != core.Exhausted || !errors.As(err, &wait) || time.Duration(wait) < c.least || time.Duration(wait) > c.most {
				t.Errorf("%s: %s: call %d ends with %v, to wait %s", c.name, c.value, i, err, time.Duration(wait))
			}
			if err != nil && strings.Contains(err.Error(), "breaker") {
				t.Errorf("the breaker has opened: %v", err)
			}
		}
		if n := u.calls.Load(); n != 1 {
			t.Errorf("%s: %s: it was asked %d times", c.name, c.value, n)
		}
	}
}

// The wait for a route is the shortest of those of its targets that may do better.
func TestTheWaitForARoute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		after  string // Retry-After
		want   time.Duration
	}{
		{"the other may be asked at once", http.StatusInternalServerError, "", 0},
		{"the other wants less", http.StatusTooManyRequests, "40", 40 * time.Second},
		{"the other refuses its credential", http.StatusUnauthorized, "", 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			says := func(status int, after string) string {
				return newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
					if after != "" {
						w.Header().Set("Retry-After", after)
					}
					w.WriteHeader(status)
				}).URL
			}
			r.provider("limited", says(http.StatusTooManyRequests, "3600"))
			r.provider("other", says(c.status, c.after))
			r.route("r", "limited", "other")
			err := r.outcome(strings.Replace(plain, `"m"`, `"r"`, 1)).err
			var wait gateway.Wait
			if errors.As(err, &wait); err == nil || time.Duration(wait).Round(time.Second) != c.want {
				t.Errorf("it is to wait %s, want %s: %v", time.Duration(wait), c.want, err)
			}
		})
	}
}

// A short wait that a provider asks for is waited for.
func TestAShortWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var first time.Time
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		if n == 1 {
			first = time.Now()
			w.Header().Set("Retry-After-Ms", "300")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if d := time.Since(first); d < 300*time.Millisecond {
			t.Errorf("it was asked again after %s", d)
		}
		answering(0)(n, w, req, body)
	})
	r.provider("p", u.URL)
	if err := r.outcome(plain).err; err != nil {
		t.Error(err)
	}
}

// What is wrong with the request is said in the provider's words, and asked of nobody else.
func TestTheRequestsFaultIsFinal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"max_tokens is too large","type":"invalid_request_error","param":"max_tokens"}}`)
	})
	good := newUpstream(t, answering(0))
	r.provider("bad", bad.URL)
	r.provider("good", good.URL)
	r.route("r", "bad", "good")
	err := r.outcome(strings.Replace(plain, `"m"`, `"r"`, 1)).err
	if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "max_tokens is too large") || bad.calls.Load() != 1 || good.calls.Load() != 0 {
		t.Errorf("%d and %d calls, and %v", bad.calls.Load(), good.calls.Load(), err)
	}
}

// Who finds no place at a provider goes to the next.
func TestAFullProvider(t *testing.T) {
	t.Parallel()
	r, u := newRig(t), newMoody(t)
	next := newUpstream(t, answering(0))
	r.provider("p", u.URL, func(s *catalog.Spec) { s.Limits.Concurrent = 2 })
	r.provider("next", next.URL)
	r.route("r", "p", "next")
	letGo := u.hold()
	var under sync.WaitGroup
	for range 2 {
		under.Go(func() {
			if err := r.outcome(strings.Replace(plain, `"m"`, `"r"`, 1)).err; err != nil {
				t.Error(err)
			}
		})
		<-u.in
	}
	for range 3 {
		if err := r.outcome(strings.Replace(plain, `"m"`, `"r"`, 1)).err; err != nil {
			t.Error(err)
		}
	}
	if n := next.calls.Load(); n != 3 {
		t.Errorf("the next was asked %d times", n)
	}
	if err := r.outcome(strings.Replace(plain, `"m"`, `"p/m"`, 1)).err; core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "places are taken") {
		t.Errorf("with nobody else to ask: %v", err)
	}
	letGo()
	under.Wait()
	if err := r.outcome(strings.Replace(plain, `"m"`, `"p/m"`, 1)).err; err != nil {
		t.Errorf("once there is room: %v", err)
	}
}
