package identity_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// enrolled gives the owner a second factor, and returns its secret and recovery codes.
func enrolled(t *testing.T, r *rig) (secret string, recovery []string) {
	t.Helper()
	f, err := r.EnrolTOTP(t.Context(), r.owner.Principal, password)
	ok(t, err)
	if !strings.HasPrefix(f.URL, "otpauth://totp/Isekai:owner@example.org?") || !strings.Contains(f.URL, "secret="+f.Secret) {
		t.Fatalf("the URL is %s", f.URL)
	}
	recovery, err = r.ConfirmTOTP(t.Context(), r.owner.Principal, code(t, r, f.Secret))
	ok(t, err)
	r.clock.Advance(30 * time.Second) // that code was used
	return f.Secret, recovery
}

// code is what an authenticator app shows.
func code(t *testing.T, r *rig, secret string) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, r.clock.Now())
	ok(t, err)
	return c
}

func tryCode(r *rig, s *identity.Service, pass, code string) error {
	_, err := s.SignIn(r.t.Context(), identity.SignIn{Email: "owner@example.org", Password: pass, Code: code, Address: home})
	return err
}

func TestASecondFactorIsAskedFor(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		f, err := r.EnrolTOTP(t.Context(), r.owner.Principal, password)
		ok(t, err)
		ok(t, tryCode(r, r.Service, password, "")) // it isn't confirmed
		_, err = r.ConfirmTOTP(t.Context(), r.owner.Principal, "000000")
		wantCode(t, "confirming by a wrong code", err, core.Invalid)
		recovery, err := r.ConfirmTOTP(t.Context(), r.owner.Principal, code(t, r, f.Secret))
		ok(t, err)
		want(t, "recovery codes", len(recovery), 10)

		err = tryCode(r, r.Service, password, "")
		wantCode(t, "no code", err, core.Unauthenticated)
		want(t, "says so", errors.Is(err, identity.ErrCodeNeeded), true)
		err = tryCode(r, r.Service, "wrong password", "")
		want(t, "says nothing to who hasn't the password", errors.Is(err, identity.ErrCodeNeeded), false)
		wantCode(t, "the code that confirmed", tryCode(r, r.Service, password, code(t, r, f.Secret)), core.Unauthenticated)
		r.clock.Advance(30 * time.Second)
		ok(t, tryCode(r, r.Service, password, code(t, r, f.Secret)))
		wantCode(t, "the same code again", tryCode(r, r.Service, password, code(t, r, f.Secret)), core.Unauthenticated)
		wantCode(t, "a code alone", tryCode(r, r.Service, "", code(t, r, f.Secret)), core.Unauthenticated)
		_, err = r.EnrolTOTP(t.Context(), r.owner.Principal, password)
		wantCode(t, "a second one", err, core.Conflict)
	})
}

func TestACodeWorksOnceEvenAtTheSameTime(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		secret, recovery := enrolled(t, r)
		nodes := []*identity.Service{r.Service, r.node()}
		for _, c := range []string{code(t, r, secret), recovery[0]} {
			var in atomic.Int32
			var wait sync.WaitGroup
			for i := range 10 {
				from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
				wait.Go(func() {
					_, err := nodes[i%2].SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: password, Code: c, Address: from})
					if err == nil {
						in.Add(1)
					}
				})
			}
			wait.Wait()
			want(t, "sign-ins", in.Load(), 1)
		}
	})
}

func TestARecoveryCodeStandsInOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		_, recovery := enrolled(t, r)
		ok(t, tryCode(r, r.Service, password, recovery[3]))
		wantCode(t, "again", tryCode(r, r.Service, password, recovery[3]), core.Unauthenticated)
		ok(t, tryCode(r, r.Service, password, " "+strings.ToUpper(strings.ReplaceAll(recovery[4], "-", " "))))
	})
}

// Who has the password can't guess the code, and can't start over by leaving it out.
func TestCodesCanNotBeGuessed(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		_, recovery := enrolled(t, r)
		looked := 0
		for i := range 100 {
			from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
			_, err := r.SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: password, Code: "123456", Address: from})
			if core.CodeOf(err) == core.Unauthenticated {
				looked++
			}
		}
		if looked > 10 {
			t.Fatalf("%d codes were looked at", looked)
		}
		ok(t, tryCode(r, r.Service, password, recovery[0])) // the owner still gets in

		r.clock.Advance(10 * time.Minute)
		tries := 0
		for ; tries < 20; tries++ {
			if err := try(r, "owner@example.org", password, elsewhere); core.CodeOf(err) == core.Exhausted {
				break
			}
		}
		want(t, "tries without a code before there is a wait", tries, 5)
	})
}

func TestASecondFactorIsTakenAwayByWhoKnowsThePassword(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		enrolled(t, r)
		wantCode(t, "not knowing it", r.DisableTOTP(t.Context(), r.owner.Principal, "wrong password"), core.Unauthenticated)
		ok(t, r.DisableTOTP(t.Context(), r.owner.Principal, password))
		ok(t, tryCode(r, r.Service, password, ""))
		_, err := r.EnrolTOTP(t.Context(), r.owner.Principal, "wrong password")
		wantCode(t, "enrolling without it", err, core.Unauthenticated)
	})
}
