package identity_test

import (
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

func TestASignInGivesWhatAuthenticates(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		tokens := r.signIn("  Owner@EXAMPLE.org ", "")
		byToken, err := bearer(t.Context(), r.Service, tokens.Access)
		ok(t, err)
		byCookie, err := cookie(t.Context(), r.Service, tokens.Session)
		ok(t, err)
		for _, p := range []identity.Principal{byToken, byCookie, tokens.Principal} {
			want(t, "scope", p.Scope, core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: string(p.User)}})
			want(t, "role", p.Role, core.Owner)
			want(t, "session", p.Session, tokens.Principal.Session)
			want(t, "user", p.User, r.owner.User)
		}
		want(t, "expires", tokens.Expires, r.clock.Now().Add(identity.AccessLife))

		inOperators := r.signIn("owner@example.org", core.Installation)
		want(t, "org", inOperators.Scope.Org, core.Installation)
		ok(t, inOperators.May(identity.Operate))
	})
}

func TestAWrongCredentialIsUnauthenticatedInTheSameWords(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		key := r.key(r.owner.Principal, identity.NewKey{})
		flip := func(s string) string { // another last character but one: the very last has spare bits in base 64
			b := []byte(s)
			if b[len(b)-2] == 'b' {
				b[len(b)-2] = 'c'
			} else {
				b[len(b)-2] = 'b'
			}
			return string(b)
		}
		words := ""
		for name, c := range map[string]identity.Credential{
			"nothing":                    {},
			"a bad token":                {Bearer: "x.y.z"},
			"a token with another end":   {Bearer: flip(r.owner.Access)},
			"a key with another secret":  {Bearer: flip(key)},
			"a key that isn't there":     {Bearer: "isk_01jd2k3m4n5p6q7r8s9t0v1w2x" + key[len("isk_01jd2k3m4n5p6q7r8s9t0v1w2x"):]},
			"half a key":                 {Bearer: "isk_"},
			"SQL":                        {Bearer: "isk_' OR '1'='1_" + key[len(key)-52:]},
			"a cookie as a token":        {Bearer: r.owner.Session},
			"a refresh token as a token": {Bearer: r.owner.Refresh},
			"a refresh token as cookie":  {Cookie: r.owner.Refresh},
			"a key as cookie":            {Cookie: key},
			"a token as cookie":          {Cookie: r.owner.Access},
			"a cookie with another end":  {Cookie: flip(r.owner.Session)},
			"bad token, good cookie":     {Bearer: "x", Cookie: r.owner.Session},
			"capitals":                   {Cookie: "ISC" + r.owner.Session[3:]},
		} {
			_, err := r.Authenticate(t.Context(), c)
			wantCode(t, name, err, core.Unauthenticated)
			if words == "" {
				words = err.Error()
			}
			want(t, name, err.Error(), words)
		}
	})
}

func TestAnAccessTokenExpires(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		r.clock.Advance(identity.AccessLife + 4*time.Second) // another node's clock may be behind
		_, err := bearer(t.Context(), r.Service, r.owner.Access)
		ok(t, err)
		r.clock.Advance(3 * time.Second)
		_, err = bearer(t.Context(), r.Service, r.owner.Access)
		wantCode(t, "after its time", err, core.Unauthenticated)
		want(t, "hint", core.HintOf(err), "it has expired: sign in again")

		next, err := r.Refresh(t.Context(), r.owner.Refresh, home)
		ok(t, err)
		_, err = bearer(t.Context(), r.Service, next.Access)
		ok(t, err)
	})
}

func TestFiftyRefreshesOfOneTokenHaveOneSuccessor(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		nodes := []*identity.Service{r.Service, r.node()}
		var wait sync.WaitGroup
		got := make([]identity.Tokens, 50)
		errs := make([]error, len(got))
		for i := range got {
			wait.Go(func() { got[i], errs[i] = nodes[i%2].Refresh(t.Context(), r.owner.Refresh, home) })
		}
		wait.Wait()
		for i := range got {
			ok(t, errs[i])
			want(t, "successor", got[i].Refresh, got[0].Refresh)
			_, err := bearer(t.Context(), nodes[i%2], got[i].Access)
			ok(t, err)
		}
		want(t, "replays", r.heard("session.replayed", "refused"), 0)

		next, err := r.Refresh(t.Context(), got[0].Refresh, home)
		ok(t, err)
		if next.Refresh == got[0].Refresh {
			t.Fatal("a refresh token is its own successor")
		}
	})
}

func TestAReplayedRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		for name, replay := range map[string]func(r *rig, first, second string){
			"after the grace": func(r *rig, _, _ string) { r.clock.Advance(11 * time.Second) },
			"after its successor was used": func(r *rig, _, second string) {
				_, err := r.Refresh(r.t.Context(), second, home)
				ok(r.t, err)
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, on)
				second, err := r.Refresh(t.Context(), r.owner.Refresh, home)
				ok(t, err)
				replay(r, r.owner.Refresh, second.Refresh)
				_, err = r.Refresh(t.Context(), r.owner.Refresh, home)
				wantCode(t, "the replay", err, core.Unauthenticated)
				want(t, "replays", r.heard("session.replayed", "refused"), 1)
				_, err = r.Refresh(t.Context(), second.Refresh, home)
				wantCode(t, "the successor", err, core.Unauthenticated)
				_, err = bearer(t.Context(), r.Service, second.Access)
				wantCode(t, "its access token", err, core.Unauthenticated)
				_, err = cookie(t.Context(), r.Service, r.owner.Session)
				wantCode(t, "its cookie", err, core.Unauthenticated)
			})
		}
	})
}

// An answer that was lost is asked for again at a node whose clock is behind, as far as
// clocks may be; what is further off is a replay.
func TestALostAnswerIsGivenAgainByAClockThatIsBehind(t *testing.T) {
	t.Parallel()
	for behind, again := range map[time.Duration]bool{5 * time.Second: true, 5*time.Second + time.Millisecond: false} {
		r := newRig(t, onSQLite)
		r.clock.Advance(time.Minute)
		second, err := r.Refresh(t.Context(), r.owner.Refresh, home)
		ok(t, err)
		r.clock.Advance(-behind)
		got, err := r.Refresh(t.Context(), r.owner.Refresh, home)
		if !again {
			wantCode(t, "further behind", err, core.Unauthenticated)
			continue
		}
		ok(t, err)
		want(t, "the successor", got.Refresh, second.Refresh)
	}
}

// Who knows a session's id, as its user's other devices do, can't end it by guessing.
func TestAMadeUpRefreshTokenEndsNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		made := []byte(r.owner.Refresh)
		made[len(made)-104]++ // in what the family's tokens share
		if made[len(made)-104] > 'z' || made[len(made)-104] < 'a' {
			made[len(made)-104] = 'a'
		}
		_, err := r.Refresh(t.Context(), string(made), home)
		wantCode(t, "made up", err, core.Unauthenticated)
		_, err = r.Refresh(t.Context(), r.owner.Refresh, home)
		ok(t, err)
	})
}

func TestASessionEndsWhenItIsNotUsedAndAtLast(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		unused := r.signIn("owner@example.org", "")
		refresh := r.owner.Refresh
		for range 4 {
			r.clock.Advance(identity.SessionIdle - 2*time.Hour)
			next, err := r.Refresh(t.Context(), refresh, home)
			ok(t, err)
			refresh = next.Refresh
			_, err = cookie(t.Context(), r.Service, r.owner.Session)
			ok(t, err)
		}
		_, err := cookie(t.Context(), r.Service, unused.Session)
		wantCode(t, "one that wasn't used", err, core.Unauthenticated)
		r.clock.Advance(identity.SessionLife - 4*(identity.SessionIdle-2*time.Hour))
		_, err = r.Refresh(t.Context(), refresh, home)
		wantCode(t, "a refresh after its life", err, core.Unauthenticated)
		_, err = cookie(t.Context(), r.Service, r.owner.Session)
		wantCode(t, "a cookie after its life", err, core.Unauthenticated)
	})
}

func TestUseKeepsASession(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		for range 6 {
			r.clock.Advance(3 * 24 * time.Hour)
			_, err := cookie(t.Context(), r.Service, r.owner.Session)
			ok(t, err)
		}
		p, err := cookie(t.Context(), r.Service, r.owner.Session)
		ok(t, err)
		mine, err := r.Sessions(t.Context(), p)
		ok(t, err)
		want(t, "sessions", len(mine), 1)
		want(t, "seen", mine[0].Seen, r.clock.Now())
		want(t, "current", mine[0].Current, true)
		want(t, "address", mine[0].Address, home.String())
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		other := r.signIn("owner@example.org", core.Installation)
		stranger := r.member("mia", core.Admin)
		mine, err := r.Sessions(t.Context(), r.owner.Principal)
		ok(t, err)
		want(t, "sessions", len(mine), 2)

		err = r.RevokeSession(t.Context(), stranger.Principal, other.Principal.Session)
		wantCode(t, "another's", err, core.NotFound)
		ok(t, r.RevokeSession(t.Context(), r.owner.Principal, other.Principal.Session))
		_, err = cookie(t.Context(), r.Service, other.Session)
		wantCode(t, "a revoked one", err, core.Unauthenticated)
		_, err = r.Refresh(t.Context(), other.Refresh, home)
		wantCode(t, "its refresh", err, core.Unauthenticated)
		ok(t, r.SignOut(t.Context(), r.owner.Principal))
		_, err = cookie(t.Context(), r.Service, r.owner.Session)
		wantCode(t, "after signing out", err, core.Unauthenticated)
		wantCode(t, "signing out again", r.SignOut(t.Context(), r.owner.Principal), core.NotFound)
	})
}

func TestASessionGoesOnInAnotherOrg(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		foreign := r.org("acme")
		wantCode(t, "an org that isn't his", r.Enter(t.Context(), r.owner.Principal, foreign.Scope.Org), core.NotFound)
		ok(t, r.Enter(t.Context(), r.owner.Principal, core.Installation))
		p, err := cookie(t.Context(), r.Service, r.owner.Session)
		ok(t, err)
		want(t, "the cookie's org", p.Scope.Org, core.Installation)
		p, err = bearer(t.Context(), r.Service, r.owner.Access)
		ok(t, err)
		want(t, "the token's org", p.Scope.Org, core.DefaultOrg)
		next, err := r.Refresh(t.Context(), r.owner.Refresh, home)
		ok(t, err)
		want(t, "the next token's org", next.Scope.Org, core.Installation)
	})
}

func TestNobodyHasMoreThanAHundredSessions(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		for range 99 {
			r.signIn("owner@example.org", "")
		}
		_, err := cookie(t.Context(), r.Service, r.owner.Session)
		ok(t, err)
		last := r.signIn("owner@example.org", "")
		_, err = cookie(t.Context(), r.Service, r.owner.Session)
		wantCode(t, "the oldest", err, core.Unauthenticated)
		mine, err := r.Sessions(t.Context(), last.Principal)
		ok(t, err)
		want(t, "sessions", len(mine), 100)
	})
}

// A thief who replays a token while its owner refreshes ends the session, whoever is first.
func TestAReplayAmidRefreshesEndsTheSession(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		for range 4 {
			r := newRig(t, on)
			nodes := []*identity.Service{r.Service, r.node()}
			second, err := r.Refresh(t.Context(), r.owner.Refresh, home)
			ok(t, err)
			r.clock.Advance(11 * time.Second)
			var wait sync.WaitGroup
			replayed := make([]error, 6)
			var mu sync.Mutex
			got := []identity.Tokens{second}
			for i := range replayed {
				wait.Go(func() { _, replayed[i] = nodes[i%2].Refresh(t.Context(), r.owner.Refresh, elsewhere) })
				wait.Go(func() {
					next, err := nodes[i%2].Refresh(t.Context(), second.Refresh, home)
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						got = append(got, next)
					}
				})
			}
			wait.Wait()
			for _, err := range replayed {
				wantCode(t, "a replay", err, core.Unauthenticated)
			}
			want(t, "the session is ended", r.heard("session.replayed", "refused"), 1)
			for _, tokens := range got {
				_, err = r.node().Refresh(t.Context(), tokens.Refresh, home)
				wantCode(t, "a refresh after it", err, core.Unauthenticated)
				_, err = bearer(t.Context(), r.node(), tokens.Access)
				wantCode(t, "an access token after it", err, core.Unauthenticated)
			}
		}
	})
}
