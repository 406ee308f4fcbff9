package identity

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Keys returns up to limit keys of the org after a place, by user and id, and the place
// to go on after, "" at the end: those of a user, one's own if it is oneself, or all for "".
func (s *Service) Keys(ctx context.Context, p Principal, user core.UserID, after string, limit int) ([]Key, string, error) {
	return s.listKeys(ctx, p, keys, user, after, limit)
}

// keepRevoked is how long it is known what a key was that has been revoked.
const keepRevoked = 90 * 24 * time.Hour

// RevokedKeys is Keys for those that were revoked in the last 90 days.
func (s *Service) RevokedKeys(ctx context.Context, p Principal, user core.UserID, after string, limit int) ([]Key, string, error) {
	return s.listKeys(ctx, p, revoked, user, after, limit)
}

func (s *Service) listKeys(ctx context.Context, p Principal, kind store.Kind[keyDoc], user core.UserID, after string, limit int) ([]Key, string, error) {
	action, prefix := KeyRead, ""
	if user == p.User && p.Session != "" {
		action = Self
	}
	if user != "" {
		prefix = string(user) + "/"
	}
	if err := p.May(action); err != nil {
		return nil, "", err
	}
	page, err := kind.List(ctx, s.cfg.Records, p.Scope.Org, prefix, after, limit)
	if err != nil {
		return nil, "", err
	}
	var all []Key
	for _, e := range page {
		k := keyOf(e)
		if kind == revoked { // whose record expires, not the key
			k.Expires = time.Time{}
		}
		all = append(all, k)
	}
	if len(page) < limit {
		return all, "", nil
	}
	return all, page[len(page)-1].ID, nil
}

// HasKey reports whether an org has a key that hasn't ended. It asks no principal: it is
// for who looks after what belongs to keys, and tells nothing else.
func (s *Service) HasKey(ctx context.Context, org core.OrgID, id core.KeyID) (bool, error) {
	home, err := keyHomes.Find(ctx, s.cfg.Records, core.Installation, string(id))
	if err != nil || home.Version == 0 || home.Data.Org != org {
		return false, err
	}
	e, err := keys.Find(ctx, s.cfg.Records, org, keyID(home.Data.User, id))
	return e.Version > 0 && !e.Data.Ended, err
}

// RevokeKey ends a key of the org: one's own, or anyone's for who may write keys.
func (s *Service) RevokeKey(ctx context.Context, p Principal, id core.KeyID) error {
	user := p.User
	if p.May(KeyWrite) == nil {
		home, err := keyHomes.Get(ctx, s.cfg.Records, core.Installation, string(id))
		if err != nil {
			return absent(err, "key")
		}
		user = home.Data.User // the key itself is looked for in the org of the one who asks
	} else if err := p.May(Self); err != nil {
		return err
	}
	err := again(func() error {
		e, err := keys.Get(ctx, s.cfg.Records, p.Scope.Org, keyID(user, id))
		if err != nil {
			return absent(err, "key")
		}
		return s.dropKey(ctx, p.Scope.Org, e, p.User)
	})
	if err == nil {
		s.note(ctx, p, "key.revoke", string(id))
	}
	return err
}

// dropKey ends a key, and removes what others keep for it, and the key. An ended one is
// listed until then, so that who repeats this finds it. Where to look for it says nothing
// without it: it may stay. What the key was is kept for keepRevoked, with who ended it.
func (s *Service) dropKey(ctx context.Context, org core.OrgID, e store.Doc[keyDoc], by core.UserID) error {
	if !e.Data.Ended {
		e.Data.Ended, e.Data.EndedAt, e.Data.EndedBy = true, s.cfg.Now(), by
		if err := s.write(ctx, org, keys.Put(e)); err != nil {
			return err
		}
		e.Version++
	}
	if err := s.cfg.KeyEnded(ctx, org, keyOf(e).ID); err != nil {
		return err
	}
	was := store.Doc[keyDoc]{ID: e.ID, Expires: s.cfg.Now().Add(keepRevoked), Data: e.Data}
	was.Data.Digest = nil
	if err := s.write(ctx, org, keys.Drop(e), revoked.Put(was)); err != nil {
		return err
	}
	home, err := keyHomes.Find(ctx, s.cfg.Records, core.Installation, string(keyOf(e).ID))
	if err == nil && home.Version > 0 {
		err = ignoreConflict(s.write(ctx, core.Installation, keyHomes.Drop(home)))
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "where a former key was is still kept", "key", home.ID, "error", err)
	}
	return nil
}

// dropKeys removes a user's keys in an org.
func (s *Service) dropKeys(ctx context.Context, org core.OrgID, user core.UserID) error {
	prefix, after := string(user)+"/", ""
	for {
		page, err := keys.List(ctx, s.cfg.Records, org, prefix, after, pageSize)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := ignoreConflict(s.dropKey(ctx, org, e, "")); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}
