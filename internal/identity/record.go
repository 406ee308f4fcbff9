package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// kind is a kind of record that holds a T.
type kind[T any] string

// Under an org: its own, its members, projects and keys.
const (
	orgs     kind[orgDoc]     = "org"     // one, by the org's id; every change of members changes it, too
	members  kind[memberDoc]  = "member"  // by user
	projects kind[projectDoc] = "project" // by project
	keys     kind[keyDoc]     = "key"     // by user/key
	invites  kind[inviteDoc]  = "invite"  // by invitation
)

// Under core.Installation.
const (
	users    kind[userDoc]    = "user"     // by user
	emails   kind[ownerDoc]   = "email"    // by nameOf the address
	subjects kind[ownerDoc]   = "subject"  // by nameOf issuer and subject
	sessions kind[sessionDoc] = "session"  // by user/session
	seats    kind[struct{}]   = "seat"     // by user/org: where a user may be a member. The org says whether
	tenants  kind[struct{}]   = "tenant"   // by org: the orgs there may be. The org says whether
	keyHomes kind[homeDoc]    = "key_home" // by key: where it may be. The org says whether
	tickets  kind[ticketDoc]  = "ticket"   // one-time links, by digest
	setups   kind[setupDoc]   = "setup"    // one: the first start
	flows    kind[flowDoc]    = "oidc"     // sign-ins under way at an issuer, by digest
	grants   kind[grantDoc]   = "grant"    // sign-ins that are done but for their programs, by digest
	failures kind[failureDoc] = "failure"  // failed sign-ins, by nameOf account and address
	trusted  kind[struct{}]   = "trusted"  // whence an account signed in before, likewise
	signings kind[signingDoc] = "signing"  // keys of access tokens, by period
)

type ownerDoc struct{ User core.UserID }

// entry is a record's content, and what takes to change it.
type entry[T any] struct {
	ID      string
	Version int64
	Expires time.Time
	Doc     T
}

// read returns a record as it is in the store, or not_found.
func (k kind[T]) read(ctx context.Context, s *Service, org core.OrgID, id string) (entry[T], error) {
	r, err := s.cfg.Records.Record(ctx, org, string(k), id)
	if err != nil {
		return entry[T]{}, err
	}
	if !r.Expires.IsZero() && !s.cfg.Now().Before(r.Expires) {
		return entry[T]{}, core.E(core.NotFound, "identity", "there is no "+string(k)+" "+id)
	}
	return decode[T](r)
}

// find is read, with the zero entry for a record that isn't there: its version is 0, as
// the one that creates it must expect.
func (k kind[T]) find(ctx context.Context, s *Service, org core.OrgID, id string) (entry[T], error) {
	e, err := k.read(ctx, s, org, id)
	if core.CodeOf(err) == core.NotFound {
		return entry[T]{ID: id}, nil
	}
	return e, err
}

// recent is read, of what was true at most maxAge ago.
func (k kind[T]) recent(ctx context.Context, s *Service, org core.OrgID, id string) (entry[T], error) {
	key := recordKey{org, string(k), id}
	now := s.cfg.Now()
	if known, ok := s.cache.get(key, now); ok {
		e := known.(entry[T])
		if !e.Expires.IsZero() && !now.Before(e.Expires) {
			return entry[T]{}, core.E(core.NotFound, "identity", "there is no "+string(k)+" "+id)
		}
		return e, nil
	}
	reading := s.cache.reading()
	e, err := k.read(ctx, s, org, id)
	if err == nil {
		s.cache.put(key, e, now, reading)
	}
	return e, err
}

// list returns up to limit records whose ids begin with prefix, after an id.
func (k kind[T]) list(ctx context.Context, s *Service, org core.OrgID, prefix, after string, limit int) ([]entry[T], error) {
	found, err := s.cfg.Records.Records(ctx, org, string(k), prefix, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]entry[T], 0, len(found))
	for _, r := range found {
		e, err := decode[T](r)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func decode[T any](r store.Record) (entry[T], error) {
	e := entry[T]{ID: r.ID, Version: r.Version, Expires: r.Expires}
	if err := json.Unmarshal(r.Data, &e.Doc); err != nil {
		return e, core.E(core.Internal, "identity", "a "+r.Kind+" that can't be read").Because(err)
	}
	return e, nil
}

// put is the change that gives e's record e's content.
func (k kind[T]) put(e entry[T]) store.Change {
	data, err := json.Marshal(e.Doc)
	if err != nil { // plain fields always encode
		panic(err)
	}
	return store.Change{Kind: string(k), ID: e.ID, Expected: e.Version, Expires: e.Expires, Data: data}
}

// create is the change that makes a record which must not be there.
func (k kind[T]) create(id string, doc T) store.Change { return k.put(entry[T]{ID: id, Doc: doc}) }

// drop is the change that removes e's record.
func (k kind[T]) drop(e entry[T]) store.Change {
	return store.Change{Kind: string(k), ID: e.ID, Expected: e.Version}
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
