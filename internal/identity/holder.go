package identity

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// holder is whom an API key stands for, as four records said: with it at hand a request that
// has the key takes one look, and not five. It is never changed.
type holder struct {
	principal Principal
	use       keyUse
	used      time.Time // the last use that is written down
	span
	reading uint64 // recordCache.reading, before the records were looked at
}

// stands reports whether the records may still be taken for what they said: this node has
// changed none since, and none has to be read anew yet.
func (h *holder) stands(now time.Time, reading uint64) bool {
	age := now.Sub(h.from)
	return h.reading == reading && age >= 0 && age < renewAge && (h.until.IsZero() || now.Before(h.until))
}

// holderOf reads whom a key stands for. It is found by its id, which is no secret.
func (s *Service) holderOf(ctx context.Context, text string) (holder, error) {
	h := holder{reading: s.cache.reading()}
	id, secret, ok := parseKey(text)
	if !ok {
		return h, unknown()
	}
	home, err := recentOf(ctx, s, keyHomes, core.Installation, string(id), &h.span)
	if err != nil {
		return h, refused(err)
	}
	org, user := home.Data.Org, home.Data.User
	k, err := recentOf(ctx, s, keys, org, keyID(user, id), &h.span)
	if err != nil {
		return h, refused(err)
	}
	if !matches(secret, k.Data.Digest) || k.Data.Ended {
		return h, unknown()
	}
	u, err := recentOf(ctx, s, users, core.Installation, string(user), &h.span)
	if err != nil {
		return h, refused(err)
	}
	if u.Data.Disabled || u.Data.KeyEpoch != k.Data.Epoch {
		return h, unknown()
	}
	m, err := recentOf(ctx, s, members, org, string(user), &h.span)
	if err != nil {
		return h, refused(err)
	}
	if k.Data.Term != m.Data.Term { // of a membership that has ended
		return h, unknown()
	}
	h.principal, h.use, h.used = k.Data.principal(org, id, user, m.Data), keyUse{org, k.ID}, k.Data.Used
	return h, nil
}
