package credential_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestFiftyUsersRefreshOnce has them come at the same moment, on two nodes, to a provider
// that ends the grant when a refresh token is used twice.
func TestFiftyUsersRefreshOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		nodes := []*credential.Service{r.Service, r.node(t, nil)}
		for round := range 3 {
			r.clock.Advance(2 * time.Hour)
			var users sync.WaitGroup
			start := make(chan struct{})
			for i := range 50 {
				users.Go(func() {
					<-start
					v, err := nodes[i%2].Use(t.Context(), ann(orgA), "strict", credential.For{})
					if err != nil || v.Version != int64(round)+2 || !r.authority.good(v.Secret.Reveal()) {
						t.Errorf("user %d got token %d (%v)", i, v.Version, err)
					}
				})
			}
			close(start)
			users.Wait()
		}
		if _, refreshes, reuses, _ := r.authority.count(); refreshes != 3 || reuses != 0 {
			t.Errorf("there were %d refreshes, and %d of a used token", refreshes, reuses)
		}
		if n := len(r.book.of("connection.refresh")); n != 3 {
			t.Errorf("the audit log has %d refreshes", n)
		}
		if n := len(r.book.of("credential.use")); n != 150 {
			t.Errorf("the audit log has %d uses", n)
		}
	})
}

// TestATokenIsReplacedBeforeItEnds uses one in its last minute.
func TestATokenIsReplacedBeforeItEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(58 * time.Minute)
		if v := use(t, r.Service, credential.For{}); v.Version != 1 {
			t.Errorf("got token %d with two minutes left", v.Version)
		}
		r.clock.Advance(90 * time.Second)
		v := use(t, r.Service, credential.For{})
		if v.Version != 2 {
			t.Errorf("got token %d with half a minute left", v.Version)
		}
		r.wantGood(t, v)
	})
}

// TestARefreshTokenThatStays is kept when the answer has none.
func TestARefreshTokenThatStays(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.authority.set(func(a *authority) { a.keep = true })
		r.connect(t, ann(orgA))
		for range 3 {
			r.clock.Advance(2 * time.Hour)
			r.wantGood(t, use(t, r.Service, credential.For{}))
		}
	})
}

// TestARevokedGrantBreaks the connection, which stays so until it is connected again.
func TestARevokedGrantBreaks(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.authority.end()
		r.clock.Advance(2 * time.Hour)
		_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a revoked grant", err, core.Denied)
		asked, _, _, _ := r.authority.count()
		other := r.node(t, nil)
		for range 3 {
			_, err := other.Use(t.Context(), ann(orgA), "strict", credential.For{})
			wantCode(t, "a broken connection", err, core.Denied)
		}
		if again, _, _, _ := r.authority.count(); again != asked {
			t.Errorf("the provider was asked %d times more", again-asked)
		}
		c, err := r.Get(t.Context(), ann(orgA), "strict")
		ok(t, err)
		if !c.Connection.Broken || !strings.Contains(c.Connection.Hint, "connect again") {
			t.Errorf("it is shown as %+v", c.Connection)
		}
		if told := r.book.of("connection.break"); len(told) != 1 || told[0].Detail["reason"] != "invalid_grant" {
			t.Errorf("the audit log has %+v", told)
		}
		again := r.connect(t, ann(orgA))
		if again.ID != c.ID || again.Connection.Broken || again.Connection.Hint != "" {
			t.Errorf("connected again it is %+v", again)
		}
		v := use(t, other, credential.For{})
		r.wantGood(t, v)
		if v.Version <= 1 {
			t.Errorf("the number %d was given before", v.Version)
		}
	})
}

// TestALostAnswer comes back from a provider that takes the token again, and says why it
// doesn't from one that doesn't.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	for _, lenient := range []bool{true, false} {
		r := newRig(t)
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		r.authority.set(func(a *authority) { a.mute, a.leeway = true, lenient })
		_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "no answer", err, core.Unavailable)
		r.authority.set(func(a *authority) { a.mute = false })
		r.clock.Advance(time.Minute)
		v, err := r.node(t, nil).Use(t.Context(), ann(orgA), "strict", credential.For{})
		if lenient {
			ok(t, err)
			r.wantGood(t, v)
			continue
		}
		wantCode(t, "the token again", err, core.Denied)
		_, err = r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		if hint := core.HintOf(err); !strings.Contains(hint, "lost") {
			t.Errorf("the hint is %q", hint)
		}
	}
}

// TestAProviderThatIsDown isn't needed while the old token is valid, isn't asked all the time,
// and is asked again later.
func TestAProviderThatIsDown(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.authority.set(func(a *authority) { a.down = true })
		r.clock.Advance(time.Hour - 20*time.Second)
		nodes := []*credential.Service{r.Service, r.node(t, nil)}
		for i := range 10 {
			if v := use(t, nodes[i%2], credential.For{}); v.Version != 1 {
				t.Fatalf("got token %d", v.Version)
			}
		}
		if asked, _, _, _ := r.authority.count(); asked != 2 { // for the code, and for a refresh
			t.Errorf("it was asked %d times", asked)
		}
		r.clock.Advance(time.Minute)
		for i := range 10 {
			_, err := nodes[i%2].Use(t.Context(), ann(orgA), "strict", credential.For{})
			wantCode(t, "after the token's end", err, core.Unavailable)
		}
		if asked, _, _, _ := r.authority.count(); asked != 3 {
			t.Errorf("it was asked %d times", asked)
		}
		r.authority.set(func(a *authority) { a.down = false })
		r.clock.Advance(time.Minute)
		r.wantGood(t, use(t, nodes[1], credential.For{}))
		if told := r.book.of("connection.break"); len(told) != 0 {
			t.Errorf("it broke: %+v", told)
		}
	})
}

// TestAnOperatorsMistake doesn't break the connection.
func TestAnOperatorsMistake(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		wrong := r.node(t, func(c *credential.Config) { c.Providers[0].ClientSecret = credential.NewSecret("MARKER-old-secret") })
		_, err := wrong.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a wrong client secret", err, core.Unavailable)
		without := r.node(t, func(c *credential.Config) { c.Providers = nil })
		r.clock.Advance(time.Minute)
		_, err = without.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "no provider", err, core.Unavailable)
		r.wantGood(t, use(t, r.Service, credential.For{}))
	})
}

// TestASlowProvider keeps nobody who has a valid token, and its answer isn't lost when those
// who wait hang up.
func TestASlowProvider(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		hasty := r.node(t, func(c *credential.Config) { c.Patience = 10 * time.Millisecond })
		r.connect(t, ann(orgA))
		stuck := make(chan struct{})
		r.authority.set(func(a *authority) { a.stuck = stuck })
		r.clock.Advance(time.Hour - 20*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		v, err := hasty.Use(ctx, ann(orgA), "strict", credential.For{})
		if err != nil || v.Version != 1 {
			t.Errorf("got token %d (%v)", v.Version, err)
		}
		cancel()
		r.clock.Advance(time.Minute)
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = hasty.Use(ctx, ann(orgA), "strict", credential.For{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who hangs up gets %v", err)
		}
		limit, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer done()
		wantCode(t, "a stop that may not take long", hasty.Shutdown(limit), core.Unavailable)
		close(stuck)
		ok(t, hasty.Shutdown(t.Context())) // waits for the refresh
		if _, refreshes, _, _ := r.authority.count(); refreshes != 1 {
			t.Errorf("there were %d refreshes", refreshes)
		}
		v = use(t, r.Service, credential.For{})
		r.wantGood(t, v)
		if _, refreshes, _, _ := r.authority.count(); refreshes != 1 || v.Version != 2 {
			t.Errorf("token %d after %d refreshes", v.Version, refreshes)
		}
		r.clock.Advance(2 * time.Hour)
		_, err = hasty.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a node that is closed", err, core.Unavailable)
	})
}

// TestANodeThatDied while it led is waited for no longer than its term.
func TestANodeThatDied(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		c := r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		leads, err := r.st.Lead(t.Context(), "oauth/"+string(orgA)+"/"+c.ID, "dead", 30*time.Second)
		if err != nil || !leads {
			t.Fatal(leads, err)
		}
		got := make(chan error, 1)
		go func() {
			_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{})
			got <- err
		}()
		select {
		case err := <-got:
			t.Fatalf("it didn't wait: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		r.clock.Advance(31 * time.Second)
		ok(t, <-got)
	})
}

// TestARequestThatWasRefused gets the next token, once; and what has no next one stays as it was.
func TestARequestThatWasRefused(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(10 * time.Minute)
		r.authority.set(func(a *authority) { a.now = func() time.Time { return r.clock.Now().Add(55 * time.Minute) } })
		sent := func(name, address string) []string {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			ok(t, err)
			var all []string
			for range 2 {
				ok(t, r.Authorize(t.Context(), ann(orgA), name, credential.For{}, req))
				all = append(all, strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
			}
			return all
		}
		api := r.authority.URL + "/api"
		if got := sent("strict", api); r.authority.good(got[0]) || !r.authority.good(got[1]) {
			t.Errorf("the first is good: %t, the second: %t", r.authority.good(got[0]), r.authority.good(got[1]))
		}
		put(t, r.Service, ann(orgA), credential.Put{Name: "plain", Kind: credential.Token, Content: tokenOf("one")})
		if got := sent("plain", "https://x.example/"); got[0] != "one" || got[1] != "one" {
			t.Errorf("a token that nobody renews became %q", got)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api, nil)
		ok(t, err)
		ok(t, r.Authorize(t.Context(), ann(orgA), "strict", credential.For{}, req))
		wantCode(t, "a new token that is refused", r.Authorize(t.Context(), ann(orgA), "strict", credential.For{}, req), core.Denied)
		if _, refreshes, reuses, _ := r.authority.count(); refreshes != 1 || reuses != 0 {
			t.Errorf("there were %d refreshes, and %d of a used token", refreshes, reuses)
		}
	})
}

// TestARefusedToken is replaced once for all who were refused: the provider's clock may be
// ahead of ours. One that is new is blamed on something else.
func TestARefusedToken(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(10 * time.Minute)
		r.authority.set(func(a *authority) { a.now = func() time.Time { return r.clock.Now().Add(55 * time.Minute) } })
		v := use(t, r.Service, credential.For{})
		if r.authority.good(v.Secret.Reveal()) {
			t.Fatal("the provider's clock isn't ahead")
		}
		nodes := []*credential.Service{r.Service, r.node(t, nil)}
		var users sync.WaitGroup
		for i := range 20 {
			users.Go(func() {
				v, err := nodes[i%2].Use(t.Context(), ann(orgA), "strict", credential.For{Refused: v.Version})
				if err != nil || v.Version != 2 || !r.authority.good(v.Secret.Reveal()) {
					t.Errorf("got token %d (%v)", v.Version, err)
				}
			})
		}
		users.Wait()
		if _, refreshes, reuses, _ := r.authority.count(); refreshes != 1 || reuses != 0 {
			t.Errorf("there were %d refreshes, and %d of a used token", refreshes, reuses)
		}
		_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{Refused: 2})
		wantCode(t, "a new token that is refused", err, core.Denied)
	})
}

// TestClocksThatDiffer by half a minute between nodes cost nothing.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		behind := r.node(t, func(c *credential.Config) { c.Now = func() time.Time { return r.clock.Now().Add(-30 * time.Second) } })
		ahead := r.node(t, func(c *credential.Config) { c.Now = func() time.Time { return r.clock.Now().Add(30 * time.Second) } })
		r.connect(t, ann(orgA))
		nodes := []*credential.Service{behind, ahead, r.Service}
		for round := range 3 {
			r.clock.Advance(57 * time.Minute)
			for range 9 { // three minutes, in which the token ends
				for i, s := range nodes {
					if v := use(t, s, credential.For{}); !r.authority.good(v.Secret.Reveal()) {
						t.Fatalf("round %d: node %d gives token %d, which doesn't work", round, i, v.Version)
					}
				}
				r.clock.Advance(20 * time.Second)
			}
		}
		if _, refreshes, reuses, _ := r.authority.count(); refreshes != 3 || reuses != 0 {
			t.Errorf("there were %d refreshes, and %d of a used token", refreshes, reuses)
		}
	})
}

// TestUnderFire has many use the connection on two nodes while the provider comes and goes
// and tokens end. It never sees a token twice, and the connection lives.
func TestUnderFire(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		nodes := []*credential.Service{r.Service, r.node(t, nil)}
		for round := range 4 {
			r.clock.Advance(time.Hour - 30*time.Second)
			r.authority.set(func(a *authority) { a.down = round%2 == 1 })
			var users sync.WaitGroup
			for i := range 8 {
				users.Go(func() {
					for range 5 {
						v, err := nodes[i%2].Use(t.Context(), ann(orgA), "strict", credential.For{})
						if err != nil && core.CodeOf(err) != core.Unavailable || err == nil && v.Secret.IsZero() {
							t.Errorf("round %d: %v", round, err)
						}
						r.clock.Advance(3 * time.Second)
					}
				})
			}
			r.authority.set(func(a *authority) { a.down = false })
			users.Wait()
		}
		r.clock.Advance(2 * time.Minute)
		r.wantGood(t, use(t, r.Service, credential.For{}))
		if _, refreshes, reuses, _ := r.authority.count(); refreshes > 5 || reuses != 0 {
			t.Errorf("there were %d refreshes, and %d of a used token", refreshes, reuses)
		}
	})
}

// records is the port by a name that isn't one of its methods.
type records = store.Records

// flaky is a store that can't write for a while after a provider has answered.
type flaky struct {
	records
	down atomic.Bool
	lost atomic.Bool // writes are made, and said not to be
	left atomic.Int32
}

func (f *flaky) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	if f.down.Load() && f.left.Add(-1) >= 0 {
		if f.lost.Load() {
			if err := f.records.Write(ctx, org, changes...); err != nil {
				return err
			}
		}
		return core.E(core.Unavailable, "store.write", "the disk is away")
	}
	return f.records.Write(ctx, org, changes...)
}

// after has f run when a request has been answered.
type after struct {
	http.RoundTripper
	f func()
}

func (a after) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.RoundTripper.RoundTrip(r)
	a.f()
	return resp, err
}

// TestAStoreThatFailsAfterTheAnswer is written to until it takes the token, which exists
// nowhere else; whether it has taken it may not be known.
func TestAStoreThatFailsAfterTheAnswer(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		r := newRig(t)
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		var disk *flaky
		s := r.node(t, func(c *credential.Config) {
			disk = &flaky{records: c.Records}
			disk.lost.Store(lost)
			disk.left.Store(3)
			c.Records = disk
			c.HTTP = &http.Client{Transport: after{&http.Transport{DisableKeepAlives: true}, func() { disk.down.Store(true) }}}
		})
		v := use(t, s, credential.For{})
		r.wantGood(t, v)
		r.clock.Advance(2 * time.Hour)
		r.wantGood(t, use(t, r.Service, credential.For{}))
		if _, refreshes, reuses, _ := r.authority.count(); refreshes != 2 || reuses != 0 {
			t.Errorf("lost %v: %d refreshes, and %d of a used token", lost, refreshes, reuses)
		}
	}
}

// TestDisconnectedInTheMidst has the provider forget what it gave after the connection was
// deleted.
func TestDisconnectedInTheMidst(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		s := r.node(t, func(c *credential.Config) {
			transport := &http.Transport{DisableKeepAlives: true}
			var once sync.Once
			c.HTTP = &http.Client{Transport: after{transport, func() {
				once.Do(func() {
					r.authority.set(func(a *authority) { a.down = true }) // so that the first revocation does nothing
					ok(t, r.Delete(context.Background(), ann(orgA), "strict", false, 0))
					r.authority.set(func(a *authority) { a.down = false })
				})
			}}}
		})
		_, err := s.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a use of what is deleted", err, core.NotFound)
		if r.authority.left() != 0 {
			t.Error("the provider still honours a token")
		}
	})
}

// TestConnectedInTheMidst of a refresh that is refused: the new connection isn't broken by
// what was said of the old one.
func TestConnectedInTheMidst(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		r.authority.set(func(a *authority) { a.refuse = "invalid_grant" })
		s := r.node(t, func(c *credential.Config) {
			var once sync.Once
			c.HTTP = &http.Client{Transport: after{&http.Transport{DisableKeepAlives: true}, func() { once.Do(func() { r.connect(t, ann(orgA)) }) }}}
		})
		v := use(t, s, credential.For{})
		r.wantGood(t, v)
		if c, err := s.Get(t.Context(), ann(orgA), "strict"); err != nil || c.Connection.Broken || v.Version != 2 {
			t.Errorf("token %d of %+v (%v)", v.Version, c.Connection, err)
		}
	})
}

// TestNoRefreshToken uses a token to its end, or for as long as nobody says that it ended.
func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		s := r.node(t, func(c *credential.Config) {
			c.HTTP = &http.Client{Transport: edit{&http.Transport{DisableKeepAlives: true}}}
		})
		at, err := s.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
		ok(t, err)
		_, err = s.Finish(t.Context(), ann(orgA), session, agree(t, at))
		ok(t, err)
		r.clock.Advance(time.Hour - 10*time.Second)
		r.wantGood(t, use(t, s, credential.For{}))
		_, err = s.Use(t.Context(), ann(orgA), "strict", credential.For{Refused: 1})
		wantCode(t, "a refused token", err, core.Denied)
		r.clock.Advance(time.Minute)
		_, err = s.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a token that has ended", err, core.Denied)
		c, err := s.Get(t.Context(), ann(orgA), "strict")
		ok(t, err)
		if !c.Connection.Broken {
			t.Error("the connection isn't broken")
		}
	})
}

// edit takes the refresh token out of answers.
type edit struct{ http.RoundTripper }

func (e edit) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var said map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return nil, err
	}
	delete(said, "refresh_token")
	b, err := json.Marshal(said)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	return resp, err
}

// TestARefusalUsesNothingUp: a refresh that the provider refuses for our own mistake is no
// answer that was lost, which is what is said when the grant ends later.
func TestARefusalUsesNothingUp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		wrong := r.node(t, func(c *credential.Config) { c.Providers[0].ClientSecret = credential.NewSecret("MARKER-old-secret") })
		_, err := wrong.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a wrong client secret", err, core.Unavailable)
		r.authority.end()
		r.clock.Advance(time.Minute)
		_, err = r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a grant that has ended", err, core.Denied)
		if hint := core.HintOf(err); strings.Contains(hint, "lost") {
			t.Errorf("the hint is %q", hint)
		}
	})
}

// TestAClockThatWasAhead by an hour, and wrote times that are to come, holds nobody up: neither
// by a failure that seems new, nor by a token that does.
func TestAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		ahead := r.node(t, func(c *credential.Config) { c.Now = func() time.Time { return r.clock.Now().Add(time.Hour) } })
		at, err := ahead.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
		ok(t, err)
		_, err = ahead.Finish(t.Context(), ann(orgA), session, agree(t, at))
		ok(t, err)
		v, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{Refused: 1})
		if err != nil || v.Version != 2 {
			t.Fatalf("for a token of the hour to come it gets %d (%v)", v.Version, err)
		}
		r.clock.Advance(2 * time.Hour)
		r.authority.set(func(a *authority) { a.down = true })
		_, err = ahead.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a provider that is down", err, core.Unavailable)
		r.authority.set(func(a *authority) { a.down = false })
		r.wantGood(t, use(t, r.Service, credential.For{}))
	})
}
