package httpapi

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// TestRoomsFillUp, each by itself; who is refused by one has taken no place in another.
func TestRoomsFillUp(t *testing.T) {
	t.Parallel()
	o := newOpenings()
	in := func(user string) []room {
		return []room{{"user", roomName{"user", user}, 2}, {"org", roomName{"org", "o"}, 3}}
	}
	var leave []func()
	for _, c := range []struct{ user, full string }{{"a", ""}, {"a", ""}, {"a", "user"}, {"a", "user"}, {"b", ""}, {"b", "org"}, {"c", "org"}} {
		out, full := o.enter(in(c.user)...)
		if (full == nil) != (c.full == "") || full != nil && full.of != c.full {
			t.Fatalf("%+v: %+v", c, full)
		}
		if out != nil {
			leave = append(leave, out)
		}
	}
	leave[0]()
	if out, full := o.enter(in("c")...); full != nil {
		t.Errorf("a place that was left: %+v", full)
	} else {
		out()
	}
	for _, out := range leave[1:] {
		out()
	}
	if len(o.open) != 0 {
		t.Errorf("nothing is open, and counted is %v", o.open)
	}
}

// TestWhoseStreams: all of a user's keys and sessions are his, in each org; the owner of the
// data directory has as many as the node.
func TestWhoseStreams(t *testing.T) {
	t.Parallel()
	o := newOpenings()
	who := identity.Principal{User: "usr_a", Scope: core.Scope{Org: "org_a"}}
	for i := range 3 * userStreams {
		p := who
		p.Key = core.KeyID([]string{"", "key_a", "key_b"}[i%3])
		if _, full := o.enter(streamRooms(nil, &p)...); (full == nil) != (i < userStreams) {
			t.Fatalf("%d: %+v", i, full)
		}
	}
	for i := range orgStreams {
		p := who
		p.User = core.UserID(core.NewID("usr"))
		if _, full := o.enter(streamRooms(nil, &p)...); (full == nil) != (i < orgStreams-userStreams) {
			t.Fatalf("of the org, %d: %+v", i, full)
		}
	}
	local := identity.Local()
	for i := range nodeStreams {
		if _, full := o.enter(streamRooms(nil, &local)...); (full == nil) != (i < nodeStreams-orgStreams) {
			t.Fatalf("of the node, %d: %+v", i, full)
		}
	}
}
