package httpapi

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway"
)

// Large requests are in memory as far as there is room for them; small ones always.
func TestLargeCallsHaveRooms(t *testing.T) {
	t.Parallel()
	s := &server{open: newOpenings()}
	ann := &request{who: identity.Principal{User: "usr_ann", Scope: core.Scope{Org: "org_a"}}}
	bob := &request{who: identity.Principal{User: "usr_bob", Scope: core.Scope{Org: "org_b"}}}
	// read is of a request that says its length, unless it is below 0, and sends a little more
	// than what any may without a room.
	read := func(rq *request, length int64, sent int) (leave func(), got int, err error) {
		r := httptest.NewRequest("POST", "/v1/chat/completions", io.LimitReader(strings.NewReader(strings.Repeat("x", sent)), int64(sent)))
		r.ContentLength = length
		var b callBody
		leave, err = s.readCall(&b, r, rq)
		return leave, b.Len(), err
	}
	var leaves []func()
	for range userLarge / 32 {
		leave, got, err := read(ann, -1, smallCall+1)
		if err != nil || got != smallCall+1 {
			t.Fatalf("%d bytes, error %v", got, err)
		}
		leaves = append(leaves, leave)
	}
	for _, length := range []int64{-1, 2 << 20, maxCall} {
		leave, _, err := read(ann, length, smallCall+1)
		leave()
		var wait gateway.Wait
		if core.CodeOf(err) != core.Exhausted || !errors.As(err, &wait) || time.Duration(wait) != fullWait*time.Second {
			t.Errorf("of %d bytes: %v", length, err)
		}
	}
	for _, c := range []struct {
		rq           *request
		length, sent int
	}{{ann, -1, smallCall - 1}, {ann, smallCall, smallCall}, {ann, 10, 10}, {bob, 3 << 20, 3 << 20}} {
		leave, got, err := read(c.rq, int64(c.length), c.sent)
		if err != nil || got != c.sent {
			t.Errorf("of %d bytes there are %d, error %v", c.sent, got, err)
		}
		leave()
	}
	for _, leave := range leaves {
		leave()
	}
	if len(s.open.open) != 0 {
		t.Errorf("nothing is in memory, and counted is %v", s.open.open)
	}
}
