package identity

import (
	"net/netip"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// TestWhoWasHereBeforeHasAPlace while strangers, from however many addresses, have taken all
// that there are for them.
func TestWhoWasHereBeforeHasAPlace(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx := t.Context()
	home, elsewhere := netip.MustParseAddr("2001:db8:1:2::1"), netip.MustParseAddr("2001:db8:9:9::1")
	const email, password = "ann@example.org", "correct horse battery"
	token, _, err := s.Setup(ctx)
	if err == nil {
		_, err = s.FinishSetup(ctx, token, NewUser{Email: email, Name: "Ann", Password: password, Address: home})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.hasher.waiting.Store(int32(hashesWaiting + cap(s.hasher.turns)))
	for what, c := range map[string]struct {
		from netip.Addr
		want core.Code
	}{"at home": {home, ""}, "in the same network": {netip.MustParseAddr("2001:db8:1:2::77"), ""}, "elsewhere": {elsewhere, core.Unavailable}} {
		if _, err := s.SignIn(ctx, SignIn{Email: email, Password: password, Address: c.from}); core.CodeOf(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
}
