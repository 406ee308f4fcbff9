package credential_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// all are the orgs of a rig.
func all(orgs ...core.OrgID) func(*credential.Config) {
	return func(c *credential.Config) {
		c.Orgs = func(context.Context) ([]core.OrgID, error) { return orgs, nil }
	}
}

// TestWhatIsDueIsToldOncePerPeriod: by two nodes that look at the same moment, again and
// again; with the next period it is told again, and a new value makes an end of it.
func TestWhatIsDueIsToldOncePerPeriod(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		nodes := []*credential.Service{r.node(t, all(orgA, orgB)), r.node(t, all(orgA, orgB))}
		look := func() {
			var both sync.WaitGroup
			for i, n := range nodes {
				both.Go(func() { ok(t, n.Tend(t.Context(), []string{"one", "two"}[i])) })
			}
			both.Wait()
		}
		told := func(want int) {
			t.Helper()
			for range 3 {
				look()
			}
			if got := r.book.of("secret.due"); len(got) != want {
				t.Fatalf("it was told %d times, want %d: %+v", len(got), want, got)
			}
		}
		month := credential.Put{Name: "deploy", Kind: credential.Token, Content: tokenOf("one"), Rotate: 30 * 24 * time.Hour}
		c := put(t, r.Service, ann(orgA), month)
		put(t, r.Service, ann(orgA), credential.Put{Name: "for-ever", Kind: credential.Token, Content: tokenOf("x")})
		told(0)
		r.clock.Advance(31 * 24 * time.Hour)
		told(1)
		e := r.book.of("secret.due")[0]
		if e.Org != orgA || e.Target != c.ID || e.Actor.Kind != core.ActorSystem || e.Project != "prj_one" || e.Detail["name"] != "deploy" || e.Detail["since"] == "" {
			t.Errorf("it is told as %+v", e)
		}
		r.clock.Advance(6 * 24 * time.Hour)
		told(1)
		r.clock.Advance(2 * 24 * time.Hour)
		told(2)
		put(t, r.Service, ann(orgA), month)
		r.clock.Advance(8 * 24 * time.Hour)
		told(2)
		r.clock.Advance(23 * 24 * time.Hour)
		told(3)
	})
}

// TestAReminderThatTheLogDoesntTake is told the next time.
func TestAReminderThatTheLogDoesntTake(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		n := r.node(t, all(orgA))
		put(t, r.Service, ann(orgA), credential.Put{Name: "deploy", Kind: credential.Token, Content: tokenOf("one"), Rotate: time.Hour})
		r.clock.Advance(2 * time.Hour)
		r.book.refuse(errors.New("the disk is full"))
		ok(t, n.Tend(t.Context(), "one"))
		r.book.refuse(nil)
		ok(t, n.Tend(t.Context(), "one"))
		ok(t, n.Tend(t.Context(), "one"))
		if got := r.book.of("secret.due"); len(got) != 1 {
			t.Errorf("it was told %d times", len(got))
		}
	})
}

// TestWhatWasntRevokedIsTriedAgain: a provider that was down when a connection was deleted
// forgets it when somebody looks again. An org that can't be looked at is in nobody's way.
func TestWhatWasntRevokedIsTriedAgain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgB))
		r.authority.set(func(a *authority) { a.down = true })
		ok(t, r.Delete(t.Context(), ann(orgB), "strict", false, 0))
		n := r.node(t, all("org_never", orgA, orgB))
		ok(t, n.Tend(t.Context(), "one"))
		if left := r.authority.left(); left != 1 {
			t.Fatalf("%d grants work", left)
		}
		r.authority.set(func(a *authority) { a.down = false })
		ok(t, n.Tend(t.Context(), "one"))
		if left := r.authority.left(); left != 0 {
			t.Errorf("%d grants work", left)
		}
		if left := r.count(t, orgB, "credential_revocation"); left != 0 {
			t.Errorf("%d revocations are left", left)
		}
	})
}

// TestOneNodeLooksAtATime, and another one goes on when that has stopped.
func TestOneNodeLooksAtATime(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var looked []string
		see := func(name string) func(*credential.Config) {
			return func(c *credential.Config) {
				c.Orgs = func(context.Context) ([]core.OrgID, error) { return []core.OrgID{orgA}, nil }
				c.Every = time.Millisecond
				c.Records = seen{c.Records, func() {
					mu.Lock()
					defer mu.Unlock()
					looked = append(looked, name)
				}}
			}
		}
		count := func(name string) (n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, l := range looked {
				if l == name {
					n++
				}
			}
			return n
		}
		stops := map[string]func(){}
		for _, name := range []string{"one", "two"} {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			n := r.node(t, see(name))
			go func() { done <- n.Run(ctx) }()
			stops[name] = func() { cancel(); ok(t, <-done) }
			if name == "one" {
				until(t, func() bool { return count("one") > 3 })
			}
		}
		until(t, func() bool { return count("one") > 20 })
		if n := count("two"); n != 0 {
			t.Errorf("the other node has looked %d times", n)
		}
		stops["one"]()
		until(t, func() bool { return count("two") > 3 })
		stops["two"]()
	})
}

// TestRunStartsAndStops, many times.
func TestRunStartsAndStops(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		put(t, r.Service, ann(orgA), credential.Put{Name: "deploy", Kind: credential.Token, Content: tokenOf("one"), Rotate: time.Hour})
		n := r.node(t, func(c *credential.Config) { all(orgA, orgB)(c); c.Every = time.Microsecond })
		for i := range 30 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- n.Run(ctx) }()
			if i%3 == 0 {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond) // at any point of a look
			}
			cancel()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestAnIssuersDocument is where the endpoints come from, and has to be the issuer's own.
func TestAnIssuersDocument(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		found := r.node(t, func(c *credential.Config) {
			p := r.authority.provider()
			p.AuthURL, p.TokenURL, p.RevokeURL = "", "", ""
			c.Providers = []credential.Provider{p}
		})
		begin := credential.Begin{Provider: "strict", Name: "found"}
		for name, document := range map[string]string{
			"none":                        "",
			"no JSON":                     "<html>",
			"another issuer's":            `{"issuer":"https://other.example","authorization_endpoint":"URL/authorize","token_endpoint":"URL/token"}`,
			"without a token's endpoint":  `{"issuer":"URL","authorization_endpoint":"URL/authorize"}`,
			"with one that others listen": `{"issuer":"URL","authorization_endpoint":"URL/authorize","token_endpoint":"http://other.example/token"}`,
		} {
			r.authority.set(func(a *authority) { a.document = document })
			_, err := found.Begin(t.Context(), ann(orgA), session, begin)
			wantCode(t, "a document that is "+name, err, core.Unavailable)
		}
		r.authority.set(func(a *authority) {
			a.document = `{"issuer":"URL","authorization_endpoint":"URL/authorize","token_endpoint":"URL/token","revocation_endpoint":"URL/revoke"}`
		})
		at, err := found.Begin(t.Context(), ann(orgA), session, begin)
		ok(t, err)
		_, err = found.Finish(t.Context(), ann(orgA), session, agree(t, at))
		ok(t, err)
		r.clock.Advance(2 * time.Hour)
		v, err := found.Use(t.Context(), ann(orgA), "found", credential.For{})
		ok(t, err)
		r.wantGood(t, v)
		ok(t, found.Delete(t.Context(), ann(orgA), "found", false, 0))
		if left := r.authority.left(); left != 0 {
			t.Errorf("%d grants work", left)
		}
		if !slices.Equal(found.Providers(), []string{"strict"}) {
			t.Errorf("the providers are %v", found.Providers())
		}
	})
}
