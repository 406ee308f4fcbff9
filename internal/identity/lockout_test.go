package identity_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// Somebody who has a whole network tries passwords of one account for hours, from a new
// address each time. He gets as many looked at as the account's bucket holds and refills
// with. Meanwhile its owner signs in from where he did before, whenever he likes, even
// right after a mistake; and what is signed in stays so.
func TestAnAttackFromEverywhereLocksNobodyOut(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		const email = "owner@example.org"
		device := r.signIn(email, "")
		refresh := device.Refresh
		const hours, each = 4, 150 // guesses in an hour, which is more than are looked at
		looked, from := 0, netip.MustParseAddr("198.18.0.0")
		guess := func() (refused bool) {
			from = from.Next()
			err := try(r, email, "wrong password", from)
			if core.CodeOf(err) == core.Exhausted {
				return true
			}
			wantCode(t, "a guess", err, core.Unauthenticated)
			looked++
			return false
		}
		for range hours {
			for range each {
				guess()
				r.clock.Advance(time.Hour / each)
			}
			for !guess() {
				continue
			}
			wantCode(t, "from a new place", try(r, email, password, elsewhere), core.Exhausted)
			wantCode(t, "a mistake at home", try(r, email, "korrect horse battery", home), core.Unauthenticated)
			ok(t, try(r, email, password, home))
			next, err := r.Refresh(t.Context(), refresh, elsewhere) // a device that moves about
			ok(t, err)
			refresh = next.Refresh
			_, err = cookie(t.Context(), r.Service, device.Session)
			ok(t, err)
		}
		if bound := 100 + 60*hours; looked > bound+1 || looked < 60*hours {
			t.Fatalf("%d guesses were looked at in %d hours, want at most %d", looked, hours, bound)
		}
		r.clock.Advance(3 * time.Minute) // the attack is over
		ok(t, try(r, email, password, elsewhere))
	})
}

// Nor does one who guesses from few addresses, which wait for longer and longer; and other
// accounts know nothing of it.
func TestAnAttackFromOnePlaceIsSlow(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	r.member("mia", core.Member)
	looked := 0
	for range 12 * 60 {
		if err := try(r, "owner@example.org", "wrong password", elsewhere); core.CodeOf(err) == core.Unauthenticated {
			looked++
		}
		r.clock.Advance(time.Minute)
	}
	if looked > 65 { // one in a quarter of an hour, and those before that
		t.Fatalf("%d guesses of half a day were looked at", looked)
	}
	ok(t, try(r, "owner@example.org", password, home))
	ok(t, try(r, "mia@example.org", password, elsewhere))
	_, err := r.SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: password, Address: netip.MustParseAddr("203.0.113.10")})
	ok(t, err)
}
