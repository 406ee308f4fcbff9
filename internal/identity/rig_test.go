package identity_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// cheap is argon2id for tests.
var cheap = identity.Hashing{Memory: 64, Time: 1, Threads: 1}

const password = "correct horse battery"

var (
	home      = netip.MustParseAddr("192.0.2.1")
	elsewhere = netip.MustParseAddr("203.0.113.9")
)

// backend is what a Service needs of a store.
type backend interface {
	store.Records
	store.Quotas
}

// rig is an installation with one node and its first user, who owns everything.
type rig struct {
	*identity.Service
	t     testing.TB
	clock *coretest.Clock
	store backend
	cfg   identity.Config

	mu     sync.Mutex
	events []identity.Event

	owner identity.Tokens
}

func newRig(t testing.TB, on kindOfStore, edit ...func(*identity.Config)) *rig {
	t.Helper()
	r := bare(t, on, edit...)
	token, needed, err := r.Setup(t.Context())
	if err != nil || !needed {
		t.Fatalf("set-up is needed: %v, %v", needed, err)
	}
	r.owner, err = r.FinishSetup(t.Context(), token, identity.NewUser{Email: "owner@example.org", Name: "Olga", Password: password, Address: home})
	ok(t, err)
	return r
}

// bare is newRig before its first start.
func bare(t testing.TB, on kindOfStore, edit ...func(*identity.Config)) *rig {
	t.Helper()
	r := &rig{t: t, clock: coretest.At(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))}
	s := on(t, r.clock.Now)
	r.store = s
	r.cfg = identity.Config{
		Records: s, Quotas: s, Now: r.clock.Now, Issuer: "http://localhost:8080", Hashing: cheap,
		Audit: func(_ context.Context, e identity.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	for _, f := range edit {
		f(&r.cfg)
	}
	r.Service = r.node()
	return r
}

// node starts another node of the installation.
func (r *rig) node() *identity.Service {
	r.t.Helper()
	s, err := identity.New(r.cfg)
	ok(r.t, err)
	return s
}

// heard returns how often the audit log was told of an action with an outcome.
func (r *rig) heard(action, outcome string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if e.Action == action && e.Outcome == outcome {
			n++
		}
	}
	return n
}

// operator is the first user in the installation's own org.
func (r *rig) operator() identity.Principal {
	r.t.Helper()
	return r.signIn("owner@example.org", core.Installation).Principal
}

func (r *rig) signIn(email string, org core.OrgID) identity.Tokens {
	r.t.Helper()
	t, err := r.SignIn(r.t.Context(), identity.SignIn{Email: email, Password: password, Org: org, Address: home})
	ok(r.t, err)
	return t
}

// member makes a user who is a member of DefaultOrg, signed in there.
func (r *rig) member(name string, role core.Role, held ...core.ProjectID) identity.Tokens {
	r.t.Helper()
	token, err := r.InviteUser(r.t.Context(), r.owner.Principal, identity.Invite{Email: name + "@example.org", Role: role, Projects: held})
	ok(r.t, err)
	t, err := r.Accept(r.t.Context(), token, identity.NewUser{Name: name, Password: password, Address: home})
	ok(r.t, err)
	return t
}

// org makes another org with an owner of its own.
func (r *rig) org(name string) identity.Tokens {
	r.t.Helper()
	_, token, err := r.CreateOrg(r.t.Context(), r.operator(), identity.NewOrg{Name: name, Invite: name + "@example.com"})
	ok(r.t, err)
	t, err := r.Accept(r.t.Context(), token, identity.NewUser{Name: name, Password: password, Address: home})
	ok(r.t, err)
	return t
}

// key makes an API key of one's own.
func (r *rig) key(p identity.Principal, n identity.NewKey) string {
	r.t.Helper()
	if n.Name == "" {
		n.Name = "test"
	}
	if n.Scopes == nil {
		n.Scopes = []string{"tasks:read"}
	}
	_, text, err := r.CreateKey(r.t.Context(), p, n)
	ok(r.t, err)
	return text
}

// bearer authenticates on a node.
func bearer(ctx context.Context, s *identity.Service, text string) (identity.Principal, error) {
	return s.Authenticate(ctx, identity.Credential{Bearer: text, Address: home})
}

func cookie(ctx context.Context, s *identity.Service, text string) (identity.Principal, error) {
	return s.Authenticate(ctx, identity.Credential{Cookie: text, Address: home})
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, core.HintOf(err))
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Fatalf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
