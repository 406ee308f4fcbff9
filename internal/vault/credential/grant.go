package credential

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// grantDoc is what a provider gave for a connection. Times are of the clock of the node
// that asked: lifetimes count from before the question, so the provider's clock is no matter.
type grantDoc struct {
	Number            int64 // of the access token, from 1
	Access, Refresh   kept
	Obtained, Expires time.Time // Expires is zero if the provider doesn't say
	// Lost says that a refresh was sent, and that it isn't known what it gave.
	Lost bool
	// The refreshes that failed in a row, and when the last did.
	Failures int
	Tried    time.Time
}

// take makes g what a provider has answered to a question of then.
func (g *grantDoc) take(a answer, then time.Time) {
	refresh := g.Refresh
	if !a.refresh.IsZero() {
		refresh = keep(a.refresh)
	}
	*g = grantDoc{Number: g.Number + 1, Access: keep(a.access), Refresh: refresh, Obtained: then}
	if a.lifetime > 0 {
		g.Expires = then.Add(a.lifetime)
	}
}

// The margins of time.
const (
	early  = time.Minute      // before its end a token is replaced, so that it lasts for what it is used for
	proven = 10 * time.Second // a token that is refused this soon won't get better by another
	// The bounds of the pause after a provider didn't answer.
	pauseMin, pauseMax = time.Second, time.Minute
)

// retries bounds how often a use looks at what another one changes meanwhile.
const retries = 30

// valid reports whether the token can be used.
func (g *grantDoc) valid(now time.Time) bool {
	return !g.Access.IsZero() && (g.Expires.IsZero() || now.Before(g.Expires))
}

// fresh reports whether it need not be replaced yet. The margin covers the difference of
// the nodes' clocks, too.
func (g *grantDoc) fresh(now time.Time) bool {
	margin := min(early, g.Expires.Sub(g.Obtained)/4)
	return g.valid(now) && (g.Expires.IsZero() || now.Before(g.Expires.Add(-margin)))
}

// resting reports whether the provider didn't answer a moment ago. A time to come is another
// node's clock, which counts as well as one gone by.
func (g *grantDoc) resting(now time.Time) bool {
	if g.Failures == 0 {
		return false
	}
	pause := min(pauseMin<<min(g.Failures-1, 10), pauseMax)
	return now.Sub(g.Tried).Abs() < pause
}

// token returns the connection's access token, after a refresh if it takes one.
func (s *Service) token(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], f For) (Value, error) {
	if f.Version != 0 {
		return Value{}, core.E(core.Invalid, "credential.use", "a connection has no versions")
	}
	for range retries {
		switch {
		case !f.fits(e.Data.Hosts):
			return Value{}, f.refuses(e.Data)
		case e.Data.Connection.Broken:
			return Value{}, broken(e.Data)
		}
		g, err := grants.Get(ctx, s.cfg.Records, scope.Org, e.Data.ID)
		if err != nil {
			return Value{}, absent(err)
		}
		refused, now := f.Refused > 0 && f.Refused >= g.Data.Number, s.cfg.Now()
		switch {
		case refused && now.Sub(g.Data.Obtained).Abs() < proven:
			return Value{}, core.E(core.Denied, "credential.use", "the service refuses a token that is new").WithHint("connect again, with the scopes that it takes")
		case refused && g.Data.Refresh.IsZero():
			return Value{}, core.E(core.Denied, "credential.use", "the service refuses the token, and the provider gave none to refresh it").WithHint("connect again")
		case !refused && (g.Data.fresh(now) || g.Data.Refresh.IsZero() && g.Data.valid(now)):
			return valueOf(e.Data, g.Data), nil
		}
		err = s.refreshed(ctx, scope, e, g.Data.Number, !refused && g.Data.valid(now))
		switch {
		case err != nil && !refused && g.Data.valid(s.cfg.Now()) && core.CodeOf(err) == core.Unavailable && ctx.Err() == nil:
			return valueOf(e.Data, g.Data), nil
		case err != nil:
			return Value{}, err
		}
		again, err := credentials.Get(ctx, s.cfg.Records, scope.Org, e.ID)
		switch {
		case err != nil:
			return Value{}, absent(err)
		case again.Data.ID != e.Data.ID: // another credential has its name
			return Value{}, missing()
		}
		e = again
	}
	return Value{}, core.E(core.Unavailable, "credential.use", "the connection changes all the time").WithHint("try again")
}

func valueOf(c credentialDoc, g grantDoc) Value {
	return Value{Kind: OAuth, Version: g.Number, Until: g.Expires, Content: Content{Secret: g.Access.Secret}, hosts: c.Hosts, resource: c.Connection.Resource}
}

// absent says that a connection that was there isn't any more.
func absent(err error) error {
	if core.CodeOf(err) == core.NotFound {
		return missing()
	}
	return err
}

func broken(c credentialDoc) error {
	return core.E(core.Denied, "credential.use", "the connection "+c.Name+" is broken").WithHint(c.Connection.Hint)
}

// breakOff marks the connection as broken, and forgets its tokens, which are dead. It does
// nothing if the grant isn't the one that the provider refused.
func (s *Service) breakOff(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], refused int64, reason, hint string) error {
	done := false
	err := s.settle(ctx, func() error {
		return store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
			c, err := credentials.Get(ctx, s.cfg.Records, scope.Org, e.ID)
			if err != nil {
				return nil, err
			}
			g, err := grants.Get(ctx, s.cfg.Records, scope.Org, e.Data.ID)
			if done = false; err != nil || g.Version != refused || c.Data.ID != e.Data.ID {
				return nil, err
			}
			done = true
			c.Data.Connection.Broken, c.Data.Connection.Hint = true, hint
			g.Data = grantDoc{Number: g.Data.Number}
			return []store.Change{credentials.Put(c), grants.Put(g)}, nil
		})
	})
	if err != nil || !done {
		return absent(err)
	}
	return s.tell(ctx, scope, "connection.break", e.Data, "failed", "reason", reason)
}

// settle repeats f while the store can't be had and ctx lasts: what a provider has done
// can't be undone, and must not be lost.
func (s *Service) settle(ctx context.Context, f func() error) error {
	const most = time.Second
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, most) {
		err := f()
		switch core.CodeOf(err) {
		case core.Unavailable, core.Internal, core.Exhausted:
		default:
			return err
		}
		if !sleep(ctx, wait) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// sleep waits, and reports whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
