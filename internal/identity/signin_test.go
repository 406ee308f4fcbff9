package identity_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

func try(r *rig, email, pass string, from netip.Addr) error {
	_, err := r.SignIn(r.t.Context(), identity.SignIn{Email: email, Password: pass, Address: from})
	return err
}

func TestFailuresSlowTheirAddressAlone(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		const email = "owner@example.org"
		for range 5 {
			wantCode(t, "a wrong password", try(r, email, "wrong password", elsewhere), core.Unauthenticated)
		}
		err := try(r, email, password, elsewhere)
		wantCode(t, "even the right one then", err, core.Exhausted)
		wait, is := identity.Wait(err)
		if !is || wait < time.Second || wait > 2*time.Second {
			t.Fatalf("the wait is %v", wait)
		}
		ok(t, try(r, email, password, home))
		ok(t, try(r, email, password, netip.MustParseAddr("198.51.100.7"))) // whence he never came before
		r.clock.Advance(wait)
		ok(t, try(r, email, password, elsewhere))
		wantCode(t, "the count begins anew", try(r, email, "wrong password", elsewhere), core.Unauthenticated)
		wantCode(t, "and has no wait", try(r, email, "wrong password", elsewhere), core.Unauthenticated)
	})
}

func TestTheWaitGrowsToAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		var waits []time.Duration
		for len(waits) < 14 {
			err := try(r, "owner@example.org", "wrong password", elsewhere)
			if wait, is := identity.Wait(err); is {
				waits = append(waits, wait)
				r.clock.Advance(wait)
			}
		}
		for i := 1; i < len(waits); i++ {
			if waits[i] < waits[i-1] || waits[i] > 15*time.Minute+time.Second {
				t.Fatalf("the waits are %v", waits)
			}
		}
		if last := waits[len(waits)-1]; last < 15*time.Minute {
			t.Fatalf("the last wait is %v", last)
		}
	})
}

// Many addresses at once fill the account's bucket: then no new address gets in, and one
// whence its owner came before does.
func TestNobodyIsLockedOutFromWhereHeWas(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		const email = "owner@example.org"
		ok(t, try(r, email, password, home))
		refused := 0
		for i := range 120 {
			err := try(r, email, "wrong password", netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}))
			if core.CodeOf(err) == core.Exhausted {
				refused++
			}
		}
		if refused < 15 || refused > 25 {
			t.Fatalf("%d of 120 were refused", refused)
		}
		wantCode(t, "from a new place", try(r, email, password, elsewhere), core.Exhausted)
		ok(t, try(r, email, password, home))
		r.clock.Advance(time.Minute)
		ok(t, try(r, email, password, netip.MustParseAddr("203.0.113.77")))
	})
}

func TestParallelTriesAreCounted(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		nodes := []*identity.Service{r.Service, r.node()}
		var looked atomic.Int32
		var wait sync.WaitGroup
		for i := range 40 {
			wait.Go(func() {
				_, err := nodes[i%2].SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: "wrong password", Address: elsewhere})
				if core.CodeOf(err) == core.Unauthenticated {
					looked.Add(1)
				}
			})
		}
		wait.Wait()
		if n := looked.Load(); n != 5 {
			t.Fatalf("%d of 40 tries at once were looked at, want 5", n)
		}
	})
}

func TestAnAddressInOneNetworkIsOne(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		for i := range 5 {
			from := netip.MustParseAddr("2001:db8:1:2::1")
			for range i {
				from = from.Next()
			}
			wantCode(t, "a wrong password", try(r, "owner@example.org", "wrong password", from), core.Unauthenticated)
		}
		wantCode(t, "the same /64", try(r, "owner@example.org", password, netip.MustParseAddr("2001:db8:1:2:ffff::1")), core.Exhausted)
		ok(t, try(r, "owner@example.org", password, netip.MustParseAddr("2001:db8:1:3::1")))
		for range 5 {
			wantCode(t, "a wrong password", try(r, "owner@example.org", "wrong password", netip.MustParseAddr("::ffff:203.0.113.5")), core.Unauthenticated)
		}
		wantCode(t, "IPv4 in IPv6", try(r, "owner@example.org", password, netip.MustParseAddr("203.0.113.5")), core.Exhausted)
	})
}

func TestAnUnknownUserBehavesLikeAKnownOne(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		var known, other []string
		for range 7 {
			known = append(known, try(r, "owner@example.org", "wrong password", elsewhere).Error())
			other = append(other, try(r, "nobody@example.org", "wrong password", elsewhere).Error())
		}
		want(t, "what is said", strings.Join(other, "\n"), strings.Join(known, "\n"))
		wantCode(t, "no address at all", try(r, "not an address", "wrong password", home), core.Unauthenticated)
		wantCode(t, "SQL", try(r, "' OR 1=1 --@x", "wrong password", home), core.Unauthenticated)
	})
}

func TestWhichOrgASessionBeginsIn(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		acme := r.org("acme")
		_, err := r.SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: password, Org: acme.Scope.Org, Address: home})
		wantCode(t, "another's org", err, core.NotFound)
		mia := r.member("mia", core.Member)
		ok(t, r.AddMember(t.Context(), r.operator(), acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Viewer}))
		want(t, "the first one stays", r.signIn("mia@example.org", "").Scope.Org, core.DefaultOrg)
		ok(t, r.RemoveMember(t.Context(), r.owner.Principal, mia.User))
		err = try(r, "mia@example.org", password, home)
		wantCode(t, "then the other, which she never chose", err, core.Denied)
		want(t, "how to", core.HintOf(err), "name one of "+string(acme.Scope.Org))
		want(t, "which she names", r.signIn("mia@example.org", acme.Scope.Org).Scope.Org, acme.Scope.Org)
		want(t, "and has chosen by that", r.signIn("mia@example.org", "").Scope.Org, acme.Scope.Org)
		ok(t, r.RemoveMember(t.Context(), acme.Principal, mia.User))
		wantCode(t, "none", try(r, "mia@example.org", password, home), core.Denied)
	})
}

func TestSignInsAreToldToTheAuditLog(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		r.signIn("owner@example.org", "")
		_ = try(r, "owner@example.org", "wrong password", elsewhere)
		_ = try(r, "nobody@example.org", "wrong password", elsewhere)
		want(t, "good ones", r.heard("sign_in", "ok"), 1)
		want(t, "bad ones", r.heard("sign_in", "refused"), 2)
		for _, e := range r.events {
			if e.Outcome == "refused" && (e.Address != elsewhere.String() || e.Detail["code"] != string(core.Unauthenticated)) {
				t.Fatalf("told %+v", e)
			}
		}
	})
}

// Strangers don't fill the audit log: refused sign-ins are told up to thirty a minute, and
// the next one says how many there were besides.
func TestRefusedSignInsAreFolded(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		for i := range 50 {
			email := []string{"owner@example.org", fmt.Sprintf("n%d@example.org", i)}[i%2]
			wantCode(t, "a made-up one", try(r, email, "wrong password", netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})), core.Unauthenticated)
		}
		want(t, "told", r.heard("sign_in", "refused"), 30)
		r.clock.Advance(time.Minute)
		r.signIn("owner@example.org", "")
		want(t, "good ones", r.heard("sign_in", "ok"), 1)
		_ = try(r, "nobody@example.org", "wrong password", elsewhere)
		want(t, "told then", r.heard("sign_in", "refused"), 31)
		want(t, "and the others", r.events[len(r.events)-1].Detail["untold"], "20")
		_ = try(r, "nobody@example.org", "wrong password", elsewhere)
		want(t, "once", r.events[len(r.events)-1].Detail["untold"], "")
	})
}

// A sign-in that wasn't looked at, for there are too many or nobody waits for it, isn't told.
func TestWhatWasNotLookedAtIsNotTold(t *testing.T) {
	t.Parallel()
	for _, code := range []core.Code{core.Unavailable, core.Canceled, core.Exhausted} {
		r := newRig(t, onSQLite)
		cfg := r.cfg
		cfg.Quotas = refusing{r.store, code}
		s, err := identity.New(cfg)
		ok(t, err)
		_, err = s.SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: password, Address: home})
		wantCode(t, "it fails", err, code)
		want(t, "told of "+string(code), r.heard("sign_in", "refused"), 0)
	}
}

// refusing lets no address draw.
type refusing struct {
	backend
	code core.Code
}

func (f refusing) Draw(ctx context.Context, org core.OrgID, bucket string, n int, rate store.Rate) (int, int, time.Duration, error) {
	if strings.HasPrefix(bucket, "sign_in/address/") {
		return 0, 0, 0, core.E(f.code, "store.draw", "not now")
	}
	return f.backend.Draw(ctx, org, bucket, n, rate)
}

func TestPasswordsThatNobodyShouldHave(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on, func(c *identity.Config) {
			c.Breached = func(p string) bool { return p == "password1234" }
		})
		for name, bad := range map[string]string{
			"short": "123456789", "long": strings.Repeat("x", 1025), "no text": "\xff\xfe\xfd12345678", "the address": "Mia@example.org", "breached": "password1234",
		} {
			_, err := r.CreateUser(t.Context(), r.operator(), identity.NewUser{Email: "mia@example.org", Name: "Mia", Password: bad})
			wantCode(t, name, err, core.Invalid)
		}
		_, err := r.CreateUser(t.Context(), r.operator(), identity.NewUser{Email: "mia@example.org", Name: "Mia", Password: "пароль-пароль"})
		ok(t, err)
	})
}

// An old hash is replaced as soon as its password is known.
func TestAHashIsReplacedWhenItsParametersAreOld(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		r.cfg.Hashing = identity.Hashing{Memory: 128, Time: 2, Threads: 1}
		r.Service = r.node()
		hash := func(ctx context.Context) string {
			found, err := r.store.Records(ctx, core.Installation, "user", "", "", 10)
			ok(t, err)
			return string(found[0].Data)
		}
		if !strings.Contains(hash(t.Context()), "m=64,t=1,p=1") {
			t.Fatalf("the hash is %s", hash(t.Context()))
		}
		r.signIn("owner@example.org", "")
		if !strings.Contains(hash(t.Context()), "m=128,t=2,p=1") {
			t.Fatalf("the hash is %s", hash(t.Context()))
		}
		r.signIn("owner@example.org", "")
	})
}
