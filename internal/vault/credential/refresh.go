package credential

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The bounds of a refresh. A term outlasts the flight that holds it, so nobody sends what
// another one has sent and may still hear of.
const (
	flightLife = 25 * time.Second
	termLife   = 30 * time.Second
)

// flight is a refresh that all of a process's users of a connection wait for.
type flight struct {
	done chan struct{}
	err  error // after done
}

// refreshed waits until the connection has another token than number seen, or nobody can
// have one. It doesn't wait long for who has a token that is still valid.
func (s *Service) refreshed(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], seen int64, valid bool) error {
	name := e.Data.Connection.Provider
	if p, err := s.provider(ctx, scope.Org, name); err != nil {
		return err
	} else if p == nil && byItself(name) {
		return core.E(core.Denied, "connection.refresh", name+" doesn't know us any more").WithHint("connect again")
	} else if p == nil {
		return core.E(core.Unavailable, "connection.refresh", "the provider "+name+" isn't configured any more").WithHint("an operator configures it")
	}
	f, err := s.fly(ctx, scope, e, seen)
	if err != nil {
		return err
	}
	var tired <-chan time.Time
	if valid {
		t := time.NewTimer(s.cfg.Patience)
		defer t.Stop()
		tired = t.C
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	case <-tired:
		return core.E(core.Unavailable, "connection.refresh", "the refresh takes long").WithHint("try again")
	}
}

// fly returns the flight that is under way, or starts one. It doesn't end with ctx, for the
// answer that its caller wouldn't wait for may hold the only token that still works.
func (s *Service) fly(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], seen int64) (*flight, error) {
	key := string(scope.Org) + "/" + e.Data.ID
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[key]; f != nil {
		return f, nil
	}
	if s.closed {
		return nil, core.E(core.Unavailable, "connection.refresh", "this node stops").WithHint("try again")
	}
	f := &flight{done: make(chan struct{})}
	s.flights[key] = f
	s.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightLife)
		defer cancel()
		f.err = s.refresh(ctx, scope, e, seen)
		s.mu.Lock()
		delete(s.flights, key)
		s.mu.Unlock()
		close(f.done)
	})
	return f, nil
}

// refresh takes the lead over all nodes and renews the token, unless somebody else has by
// then.
func (s *Service) refresh(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], seen int64) error {
	term, holder := "oauth/"+string(scope.Org)+"/"+e.Data.ID, s.cfg.IDs("ref")
	leads := false
	defer func() {
		if leads {
			s.resign(ctx, term, holder)
		}
	}()
	const most = 200 * time.Millisecond
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, most) {
		var err error
		if leads, err = s.cfg.Terms.Lead(ctx, term, holder, termLife); err != nil {
			leads = true // perhaps: its answer is lost
			return err
		}
		g, err := grants.Get(ctx, s.cfg.Records, scope.Org, e.Data.ID) // as it is now, after the lead
		switch now := s.cfg.Now(); {
		case err != nil:
			return absent(err)
		case g.Data.Number > seen || g.Data.Access.IsZero(): // there is another, or it is broken
			return nil
		case g.Data.resting(now):
			return core.E(core.Unavailable, "connection.refresh", "the provider didn't answer a moment ago").WithHint("try again in a minute")
		case leads:
			return s.renew(ctx, scope, e, g)
		}
		if !sleep(ctx, wait) {
			return core.E(core.Unavailable, "connection.refresh", "another node refreshes for long").WithHint("try again")
		}
	}
}

// resign lets another node lead before the term ends.
func (s *Service) resign(ctx context.Context, term, holder string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	if err := s.cfg.Terms.Resign(ctx, term, holder); err != nil {
		s.cfg.Log.WarnContext(ctx, "a refresh's term isn't given back", "term", term, "error", err)
	}
}

// renew sends the refresh token. That it will is stored before, with the grant's version as
// the fence: so whoever comes back after its term has ended sends nothing, and whoever comes
// after a crash knows that the token may be used up.
func (s *Service) renew(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], g store.Doc[grantDoc]) error {
	if g.Data.Refresh.IsZero() {
		return s.breakOff(ctx, scope, e, g.Version, "expired", "the token has ended, and the provider gave none to refresh it: connect again")
	}
	p, err := s.provider(ctx, scope.Org, e.Data.Connection.Provider) // it never changes while the credential's id stays
	if err == nil {
		p, err = s.known(ctx, p)
	}
	if err != nil {
		return s.failed(ctx, scope, e, g, g.Data.Lost, err)
	}
	asked, lost := s.cfg.Now(), g.Data.Lost
	g.Data.Lost = true
	if err := s.cfg.Records.Write(ctx, scope.Org, grants.Put(g)); err != nil {
		if core.CodeOf(err) == core.Conflict {
			return nil // another one was quicker: look again
		}
		return err
	}
	g.Version++
	got, err := p.renew(ctx, s.http, e.Data.Connection.Resource, g.Data.Refresh.Secret)
	if err != nil {
		return s.failed(ctx, scope, e, g, lost, s.forgotten(ctx, scope.Org, p, err))
	}
	g.Data.take(got, asked)
	if err := s.store(ctx, scope, e, g); err != nil {
		return err
	}
	return s.tell(ctx, scope, "connection.refresh", e.Data, "", "version", number(g.Data.Number))
}

// failed decides what becomes of a grant that wasn't refreshed.
func (s *Service) failed(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], g store.Doc[grantDoc], lost bool, err error) error {
	var no *refusal
	refused := errors.As(err, &no)
	if refused && no.final() {
		hint := "the provider has ended it, or its user has: connect again"
		if lost {
			hint = "the answer to an earlier refresh was lost, and the provider takes no token twice: connect again"
		}
		return s.breakOff(ctx, scope, e, g.Version, no.code, hint)
	}
	if refused {
		g.Data.Lost = lost // it has used nothing up
		err = core.E(core.Unavailable, "connection.refresh", "the provider doesn't take our refreshes").WithHint("an operator checks the client's id and secret").Because(no)
	}
	g.Data.Tried, g.Data.Failures = s.cfg.Now(), g.Data.Failures+1
	if e := s.cfg.Records.Write(ctx, scope.Org, grants.Put(g)); e != nil && core.CodeOf(e) != core.Conflict {
		s.cfg.Log.WarnContext(ctx, "a failed refresh isn't noted", "credential", g.ID, "error", e)
	}
	return err
}

// store keeps a new token. If the connection was deleted meanwhile, the provider is to
// forget the token; if it was connected anew, that one stays.
func (s *Service) store(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], g store.Doc[grantDoc]) error {
	err := s.settle(ctx, func() error { return s.cfg.Records.Write(ctx, scope.Org, grants.Put(g)) })
	if core.CodeOf(err) != core.Conflict {
		return err
	}
	now, err := grants.Find(ctx, s.cfg.Records, scope.Org, e.Data.ID)
	if err != nil || now.Version > 0 { // a write whose answer was lost looks so, too
		return err
	}
	rev, err := s.revocation(ctx, scope.Org, e.Data, g.Data)
	if err != nil {
		return err
	}
	if rev.ID == "" {
		return missing()
	}
	write := func() error { return s.cfg.Records.Write(ctx, scope.Org, revocations.Put(rev)) }
	if err := s.settle(ctx, write); err != nil && core.CodeOf(err) != core.Conflict {
		return err
	}
	rev.Version++
	if err := s.revoke(ctx, scope.Org, rev); err != nil {
		s.cfg.Log.WarnContext(ctx, "a connection isn't revoked yet", "provider", rev.Data.Provider, "credential", e.Data.ID, "error", err)
	}
	return missing()
}
