package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Under an org: its own, its members, projects and keys.
const (
	orgs     store.Kind[orgDoc]     = "org"         // one, by the org's id; every change of members changes it, too
	members  store.Kind[memberDoc]  = "member"      // by user
	projects store.Kind[projectDoc] = "project"     // by project
	keys     store.Kind[keyDoc]     = "key"         // by user/key
	revoked  store.Kind[keyDoc]     = "key_revoked" // by user/key, for keepRevoked
	invites  store.Kind[inviteDoc]  = "invite"      // by invitation
)

// Under core.Installation.
const (
	users    store.Kind[userDoc]    = "user"     // by user
	emails   store.Kind[ownerDoc]   = "email"    // by nameOf the address
	subjects store.Kind[ownerDoc]   = "subject"  // by nameOf issuer and subject
	sessions store.Kind[sessionDoc] = "session"  // by user/session
	seats    store.Kind[struct{}]   = "seat"     // by user/org: where a user may be a member. The org says whether
	tenants  store.Kind[struct{}]   = "tenant"   // by org: the orgs there may be. The org says whether
	keyHomes store.Kind[homeDoc]    = "key_home" // by key: where it may be. The org says whether
	tickets  store.Kind[ticketDoc]  = "ticket"   // one-time links, by digest
	setups   store.Kind[setupDoc]   = "setup"    // one: the first start
	flows    store.Kind[flowDoc]    = "oidc"     // sign-ins under way at an issuer, by digest
	grants   store.Kind[grantDoc]   = "grant"    // sign-ins that are done but for their programs, by digest
	failures store.Kind[failureDoc] = "failure"  // failed sign-ins, by nameOf account and address
	trusted  store.Kind[struct{}]   = "trusted"  // whence an account signed in before, likewise
	signings store.Kind[signingDoc] = "signing"  // keys of access tokens, by period
)

type ownerDoc struct{ User core.UserID }

// recent is Get, of what was true at most maxAge ago.
func recent[T any](ctx context.Context, s *Service, k store.Kind[T], org core.OrgID, id string) (store.Doc[T], error) {
	return recentOf(ctx, s, k, org, id, new(span))
}

// span is for how long what several records say together may be taken for what it is.
type span struct {
	from  time.Time // when the first of them was read
	until time.Time // when the first of them expires; zero: none does
}

// with narrows the span to that of one more record.
func (p *span) with(read, expires time.Time) {
	if p.from.IsZero() || read.Before(p.from) {
		p.from = read
	}
	if !expires.IsZero() && (p.until.IsZero() || expires.Before(p.until)) {
		p.until = expires
	}
}

// recentOf is recent of one of several records.
func recentOf[T any](ctx context.Context, s *Service, k store.Kind[T], org core.OrgID, id string, of *span) (store.Doc[T], error) {
	key := recordKey{org, string(k), id}
	now := s.cfg.Now()
	if known, at, ok := s.cache.get(key, now); ok {
		d := known.(store.Doc[T])
		if !d.Expires.IsZero() && !now.Before(d.Expires) {
			return store.Doc[T]{}, core.E(core.NotFound, "identity", "there is no "+string(k)+" "+id)
		}
		of.with(at, d.Expires)
		return d, nil
	}
	reading := s.cache.reading()
	d, err := k.Get(ctx, s.cfg.Records, org, id)
	if err == nil {
		s.cache.put(key, d, now, reading)
		of.with(now, d.Expires)
	}
	return d, err
}

// create is the change that makes a record which must not be there.
func create[T any](k store.Kind[T], id string, data T) store.Change {
	return k.Put(store.Doc[T]{ID: id, Data: data})
}

// write makes the changes, and has this node forget how the records were: whatever came
// of it, for an error doesn't say that nothing did. Every write goes this way.
func (s *Service) write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	err := s.cfg.Records.Write(ctx, org, changes...)
	changed := make([]recordKey, len(changes))
	for i, c := range changes {
		changed[i] = recordKey{kind: c.Kind, id: c.ID}
	}
	s.cache.forget(org, changed)
	return err
}

// retries bounds how often a change is tried again that another one got ahead of.
const retries = 60

// again repeats f while it meets a conflict with another writer.
func again(f func() error) error {
	err := f()
	for i := 0; i < retries && core.CodeOf(err) == core.Conflict && !errors.Is(err, errFinal); i++ {
		err = f()
	}
	return err
}

// errFinal is in the chain of a conflict that repeating doesn't mend.
var errFinal = errors.New("final")

// nameOf is the id of a record that is found by something that people may not read in
// the database, or that is too long.
func nameOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}
