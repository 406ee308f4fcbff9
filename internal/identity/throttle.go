package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Guessing is slowed in three places, so that it is hopeless and locks nobody out:
//
//   - An address's failures at one account make that address wait longer and longer for
//     that account. Nobody else waits.
//   - All tries from an address, whatever the accounts.
//   - All tries at an account from addresses whence it never signed in. Whoever fills this
//     bucket from many addresses keeps its owner from signing in at a new place, not where
//     he did before.
//
// An account is what was typed, so that one that isn't there behaves like one that is.
const (
	freeFailures = 5 // before there is a wait
	longestWait  = 15 * time.Minute
	failureLife  = 24 * time.Hour      // without another one
	trustedLife  = 90 * 24 * time.Hour // of an address whence an account signed in
	trustedRenew = 7 * 24 * time.Hour
)

var (
	addressRate = store.Rate{Burst: 100, Per: 100 * time.Second} // one in a second
	accountRate = store.Rate{Burst: 100, Per: 100 * time.Minute} // one in a minute
	codeRate    = store.Rate{Burst: 10, Per: 15 * time.Minute}   // of second factors, for whoever has the password
)

// failureDoc is how often an address failed at an account in a row.
type failureDoc struct {
	Count int
	Until time.Time // it is refused
}

// WaitError is in the chain of an exhausted error: it says how long to wait.
type WaitError struct{ Wait time.Duration }

// Error implements error.
func (e *WaitError) Error() string { return "wait " + e.Wait.String() }

// Wait returns how long err says to wait.
func Wait(err error) (time.Duration, bool) {
	var e *WaitError
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.Wait, true
}

func tooMany(wait time.Duration) error {
	wait = wait.Truncate(time.Second) + time.Second
	return core.E(core.Exhausted, "sign_in", "too many tries").WithHint(fmt.Sprintf("try again in %s", wait)).Because(&WaitError{wait})
}

// attempt is one try at an account.
type attempt struct {
	*Service
	account, pair string // names of records
	known         bool   // the account has signed in from there before
}

func (s *Service) at(account, from string) attempt {
	return attempt{Service: s, account: nameOf(account), pair: nameOf(account, from)}
}

// attempt counts a try as a failure before its outcome is known, so that many at once are
// counted, too. exhausted: it has to wait.
func (s *Service) attempt(ctx context.Context, account, from string) (attempt, error) {
	a := s.at(account, from)
	if err := s.draw(ctx, "sign_in/address/"+nameOf(from), addressRate); err != nil {
		return a, err
	}
	err := again(func() error { return a.count(ctx) })
	if err != nil {
		return a, err
	}
	_, err = trusted.Get(ctx, s.cfg.Records, core.Installation, a.pair)
	if a.known = err == nil; core.CodeOf(err) == core.NotFound {
		err = s.draw(ctx, "sign_in/account/"+a.account, accountRate)
	}
	return a, err
}

func (s *Service) draw(ctx context.Context, bucket string, rate store.Rate) error {
	got, _, wait, err := s.cfg.Quotas.Draw(ctx, core.Installation, bucket, 1, rate)
	if err == nil && got == 0 {
		err = tooMany(wait)
	}
	return err
}

func (a attempt) count(ctx context.Context) error {
	e, err := failures.Find(ctx, a.cfg.Records, core.Installation, a.pair)
	if err != nil {
		return err
	}
	now := a.cfg.Now()
	if wait := e.Data.Until.Sub(now); wait > 0 {
		return tooMany(wait)
	}
	e.Data.Count++
	e.Data.Until = now.Add(backoff(e.Data.Count))
	e.Expires = now.Add(failureLife)
	return a.write(ctx, core.Installation, failures.Put(e))
}

// backoff is the wait after so many failures.
func backoff(failures int) time.Duration {
	if failures < freeFailures {
		return 0
	}
	return min(longestWait, time.Second<<min(failures-freeFailures, 20))
}

// code counts a try at a second factor's codes, from wherever.
func (a attempt) code(ctx context.Context) error {
	return a.draw(ctx, "sign_in/code/"+a.account, codeRate)
}

// succeeded forgets the address's failures, and remembers the address. That it can't is
// no reason to refuse who has proved who he is.
func (a attempt) succeeded(ctx context.Context) {
	err := again(func() error {
		f, err := failures.Find(ctx, a.cfg.Records, core.Installation, a.pair)
		if err != nil {
			return err
		}
		k, err := trusted.Find(ctx, a.cfg.Records, core.Installation, a.pair)
		if err != nil {
			return err
		}
		var changes []store.Change
		if f.Version > 0 {
			changes = append(changes, failures.Drop(f))
		}
		if until := a.cfg.Now().Add(trustedLife); until.Sub(k.Expires) > trustedRenew {
			k.Expires = until
			changes = append(changes, trusted.Put(k))
		}
		if len(changes) == 0 {
			return nil
		}
		return a.write(ctx, core.Installation, changes...)
	})
	if err != nil {
		a.cfg.Log.WarnContext(ctx, "a sign-in isn't kept", "error", err)
	}
}

// whence names where a try comes from: an IPv4 address, or the 64 bits of an IPv6 one that
// are somebody's.
func whence(a netip.Addr) string { return core.Line(a, 64) }
