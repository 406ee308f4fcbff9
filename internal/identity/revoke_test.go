package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// What ends a credential ends it at once on the node where it happens, and within five
// seconds on another, whose caches know nothing of it.
func TestWhatIsTakenAwayIsRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		type creds struct {
			identity.Tokens
			key string
		}
		all := func(c creds) map[string]identity.Credential {
			return map[string]identity.Credential{"token": {Bearer: c.Access}, "cookie": {Cookie: c.Session}, "key": {Bearer: c.key}}
		}
		for name, c := range map[string]struct {
			take func(ctx context.Context, r *rig, c creds) error
			keep string // what stays good
		}{
			"a removed member": {take: func(ctx context.Context, r *rig, c creds) error {
				return r.RemoveMember(ctx, r.owner.Principal, c.User)
			}},
			"one who leaves": {take: func(ctx context.Context, r *rig, c creds) error {
				return r.RemoveMember(ctx, c.Principal, c.User)
			}},
			"a disabled user": {take: func(ctx context.Context, r *rig, c creds) error {
				return r.DisableUser(ctx, r.operator(), c.User)
			}},
			"a revoked session": {keep: "key", take: func(ctx context.Context, r *rig, c creds) error {
				return r.RevokeSession(ctx, c.Principal, c.Principal.Session)
			}},
			"one who signs out": {keep: "key", take: func(ctx context.Context, r *rig, c creds) error {
				return r.SignOut(ctx, c.Principal)
			}},
			"a set password": {keep: "key", take: func(ctx context.Context, r *rig, c creds) error {
				token, err := r.ResetPassword(ctx, r.operator(), c.User)
				if err != nil {
					return err
				}
				return r.FinishReset(ctx, token, "another good password", home)
			}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, on)
				other := r.node()
				who := creds{Tokens: r.member("mia", core.Member)}
				who.key = r.key(who.Principal, identity.NewKey{})
				for kind, cred := range all(who) {
					for _, node := range []*identity.Service{r.Service, other} {
						if _, err := node.Authenticate(t.Context(), cred); err != nil {
							t.Fatalf("%s before: %v", kind, err)
						}
					}
				}
				ok(t, c.take(t.Context(), r, who))
				for kind, cred := range all(who) {
					_, here := r.Authenticate(t.Context(), cred)
					_, there := other.Authenticate(t.Context(), cred)
					if kind == c.keep {
						ok(t, here)
					} else {
						wantCode(t, kind+" here", here, core.Unauthenticated)
					}
					ok(t, there) // it is as warm as it was: the test tests something
				}
				r.clock.Advance(5 * time.Second)
				for kind, cred := range all(who) {
					_, there := other.Authenticate(t.Context(), cred)
					if kind == c.keep {
						ok(t, there)
					} else {
						wantCode(t, kind+" elsewhere", there, core.Unauthenticated)
					}
				}
			})
		}
	})
}

func TestARevokedKeyIsRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		other := r.node()
		key, text, err := r.CreateKey(t.Context(), r.owner.Principal, identity.NewKey{Name: "ci", Scopes: []string{"tasks:read"}})
		ok(t, err)
		for _, node := range []*identity.Service{r.Service, other} {
			_, err := bearer(t.Context(), node, text)
			ok(t, err)
		}
		ok(t, r.RevokeKey(t.Context(), r.owner.Principal, key.ID))
		_, err = bearer(t.Context(), r.Service, text)
		wantCode(t, "here", err, core.Unauthenticated)
		_, err = bearer(t.Context(), other, text)
		ok(t, err)
		r.clock.Advance(5 * time.Second)
		_, err = bearer(t.Context(), other, text)
		wantCode(t, "elsewhere", err, core.Unauthenticated)
		wantCode(t, "again", r.RevokeKey(t.Context(), r.owner.Principal, key.ID), core.NotFound)
	})
}

func TestADemotionIsKnown(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		other := r.node()
		mia := r.member("mia", core.Admin)
		for _, node := range []*identity.Service{r.Service, other} {
			p, err := bearer(t.Context(), node, mia.Access)
			ok(t, err)
			ok(t, p.May(identity.MemberWrite))
		}
		ok(t, r.SetRole(t.Context(), r.owner.Principal, identity.NewMember{User: mia.User, Role: core.Viewer}))
		p, err := bearer(t.Context(), r.Service, mia.Access)
		ok(t, err)
		want(t, "here", p.Role, core.Viewer)
		r.clock.Advance(5 * time.Second)
		p, err = bearer(t.Context(), other, mia.Access)
		ok(t, err)
		want(t, "elsewhere", p.Role, core.Viewer)
	})
}

// Keys of a membership that ended don't come back with the member.
func TestAMemberWhoComesBackHasNoOldKeys(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia := r.member("mia", core.Member)
		text := r.key(mia.Principal, identity.NewKey{})
		ok(t, r.RemoveMember(t.Context(), r.owner.Principal, mia.User))
		ok(t, r.AddMember(t.Context(), r.operator(), core.DefaultOrg, identity.NewMember{User: mia.User, Role: core.Member}))
		_, err := bearer(t.Context(), r.Service, text)
		wantCode(t, "an old key", err, core.Unauthenticated)
		found, _, err := r.Keys(t.Context(), r.owner.Principal, "", "", 100)
		ok(t, err)
		want(t, "keys", len(found), 0)
	})
}

// And not either if the node died before it could remove them.
func TestOldKeysEndThoughNobodyTidied(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia := r.member("mia", core.Member)
		text := r.key(mia.Principal, identity.NewKey{})
		cfg := r.cfg
		cfg.Records = &failingRecords{backend: r.store, left: 1}
		dying, err := identity.New(cfg)
		ok(t, err)
		ok(t, dying.RemoveMember(t.Context(), r.owner.Principal, mia.User))
		found, _, err := r.Keys(t.Context(), r.owner.Principal, "", "", 100)
		ok(t, err)
		want(t, "keys", len(found), 1)
		r.clock.Advance(5 * time.Second)
		_, err = bearer(t.Context(), r.Service, text)
		wantCode(t, "the key of nobody", err, core.Unauthenticated)
		ok(t, r.AddMember(t.Context(), r.operator(), core.DefaultOrg, identity.NewMember{User: mia.User, Role: core.Member}))
		_, err = bearer(t.Context(), r.Service, text)
		wantCode(t, "an old key", err, core.Unauthenticated)
	})
}

func TestADisabledUserComesBack(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia := r.member("mia", core.Member)
		key := r.key(mia.Principal, identity.NewKey{})
		operator := r.operator()
		ok(t, r.DisableUser(t.Context(), operator, mia.User))
		_, err := r.SignIn(t.Context(), identity.SignIn{Email: "mia@example.org", Password: password, Address: home})
		wantCode(t, "signing in", err, core.Unauthenticated)
		_, err = r.Refresh(t.Context(), mia.Refresh, home)
		wantCode(t, "refreshing", err, core.Unauthenticated)
		ok(t, r.EnableUser(t.Context(), operator, mia.User))
		_, err = bearer(t.Context(), r.Service, key)
		ok(t, err)
		_, err = bearer(t.Context(), r.Service, mia.Access)
		wantCode(t, "an old session", err, core.Unauthenticated)
		r.signIn("mia@example.org", "")
		wantCode(t, "oneself", r.DisableUser(t.Context(), operator, operator.User), core.Invalid)
	})
}

func TestChangingThePasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		other := r.signIn("owner@example.org", "")
		ok(t, r.ChangePassword(t.Context(), r.owner.Principal, password, "something else entirely"))
		_, err := bearer(t.Context(), r.Service, r.owner.Access)
		ok(t, err)
		_, err = r.Refresh(t.Context(), r.owner.Refresh, home)
		ok(t, err)
		_, err = bearer(t.Context(), r.Service, other.Access)
		wantCode(t, "another session", err, core.Unauthenticated)
		_, err = r.SignIn(t.Context(), identity.SignIn{Email: "owner@example.org", Password: password, Address: home})
		wantCode(t, "the old password", err, core.Unauthenticated)
		err = r.ChangePassword(t.Context(), r.owner.Principal, password, "and yet another one")
		wantCode(t, "without knowing it", err, core.Unauthenticated)
	})
}
