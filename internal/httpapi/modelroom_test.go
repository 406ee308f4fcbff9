package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// TestRoomsOfCalls: nobody takes the room of others, and streams of tasks have their own.
func TestRoomsOfCalls(t *testing.T) {
	t.Parallel()
	who := func(org core.OrgID, user core.UserID) *identity.Principal {
		return &identity.Principal{Scope: core.Scope{Org: org}, User: user}
	}
	o := newOpenings()
	fill := func(p *identity.Principal, n int) (entered int, full *room) {
		for range n {
			_, full = o.enter(callRooms(nil, p)...)
			if full != nil {
				return entered, full
			}
			entered++
		}
		return entered, nil
	}
	if n, full := fill(who("org_a", "usr_a"), nodeCalls); n != userCalls || full.of != "user" {
		t.Errorf("a user has %d calls, then %+v", n, full)
	}
	if n, full := fill(who("org_a", "usr_b"), nodeCalls); n != orgCalls-userCalls || full.of != "user" && full.of != "org" {
		t.Errorf("another has %d calls, then %+v", n, full)
	}
	if n, full := fill(who("org_a", "usr_c"), 1); n != 0 || full.of != "org" {
		t.Errorf("a third has %d calls: %+v", n, full)
	}
	if leave, full := o.enter(streamRooms(nil, who("org_a", "usr_a"))...); full != nil {
		t.Errorf("a stream of a task finds %+v", full)
	} else {
		leave()
	}
	leave, full := o.enter(callRooms(nil, who("org_b", "usr_a"))...) // in another org, where there is room, it is the same user
	if full == nil {
		leave()
		t.Error("a user has more in another org")
	}
	boss := &identity.Principal{Operates: true}
	if n, full := fill(boss, nodeCalls); n != nodeCalls-orgCalls || full.of != "node" {
		t.Errorf("the node's owner has %d calls, then %+v", n, full)
	}
	if n, full := fill(who("org_b", "usr_d"), 1); n != 0 || full.of != "node" {
		t.Errorf("a node that is full takes %d more: %+v", n, full)
	}
}

// TestAFullRoomInADialect says when to try again, as the caller's client understands.
func TestAFullRoomInADialect(t *testing.T) {
	t.Parallel()
	setHumaError()
	mux := http.NewServeMux()
	who := identity.Principal{Scope: core.Scope{Org: "org_a"}, Role: core.Member, User: "usr_a"}
	s := &server{api: humago.New(mux, huma.DefaultConfig("test", "1")), waiting: usualPatience, open: newOpenings(), cfg: Config{
		Logger: slog.New(slog.DiscardHandler), Authenticate: func(context.Context, identity.Credential) (identity.Principal, error) { return who, nil },
	}}
	s.api.UseMiddleware(s.bound, s.authenticate, s.place)
	s.modelCalls()
	for range userCalls {
		if _, full := s.open.enter(callRooms(nil, &who)...); full != nil {
			t.Fatal(full)
		}
	}
	for _, c := range calls {
		r := httptest.NewRequest("POST", c.path, strings.NewReader("{}"))
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{}))
		r.Header.Set("X-Api-Key", "k")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if h := w.Header(); w.Code != 429 || h.Get("Retry-After") != "10" || h.Get("X-Should-Retry") != "" || !strings.Contains(w.Body.String(), `"type":"rate_limit_error"`) {
			t.Errorf("%s: %d %v %s", c.path, w.Code, w.Header(), w.Body)
		}
	}
}
