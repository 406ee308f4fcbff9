package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Key is an API key without its text, which nobody can tell any more.
type Key struct {
	ID      core.KeyID
	Name    string
	User    core.UserID // whose it is: a person's, or a service's
	Role    core.Role   // at most
	Scopes  []string
	Project core.ProjectID // "": all that its user may use
	Budget  core.Credits   // 0: none of its own. The ledger sees to it
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // the last use, to useEvery; zero: never
	// Revoked is when it was ended; zero: it wasn't. RevokedBy is "" where it ended with its
	// user's place in the org.
	Revoked   time.Time
	RevokedBy core.UserID
}

// NewKey is a key to be. User is a service's id, or "" for a key of one's own. Role is at
// most the user's at the moment, which "" stands for.
type NewKey struct {
	Name    string
	User    core.UserID
	Role    core.Role
	Scopes  []string
	Project core.ProjectID
	Budget  core.Credits
	Expires time.Time
}

type keyDoc struct {
	Digest  []byte
	Name    string
	Role    core.Role
	Scopes  []string
	Project core.ProjectID
	Budget  core.Credits
	Epoch   int    // the user's
	Term    string // the member's
	By      core.UserID
	Created time.Time
	Used    time.Time
	Ended   bool // it is refused, and goes
	EndedAt time.Time
	EndedBy core.UserID
}

// homeDoc says where to look for a key.
type homeDoc struct {
	Org  core.OrgID
	User core.UserID
}

func keyID(user core.UserID, id core.KeyID) string { return string(user) + "/" + string(id) }

func keyOf(e store.Doc[keyDoc]) Key {
	user, id, _ := strings.Cut(e.ID, "/")
	d := e.Data
	return Key{
		ID: core.KeyID(id), Name: d.Name, User: core.UserID(user), Role: d.Role, Scopes: d.Scopes,
		Project: d.Project, Budget: d.Budget, Created: d.Created, Expires: e.Expires, Used: d.Used, Revoked: d.EndedAt, RevokedBy: d.EndedBy,
	}
}

// CreateKey makes a key and returns its text, which isn't shown again. A key speaks for
// its user, so that nobody makes one for another person; but who may write keys makes them
// for services of the org whose role isn't above his own. exhausted: the user has
// MostKeysOfUser in the org, or the org MostKeysOfOrg.
func (s *Service) CreateKey(ctx context.Context, p Principal, n NewKey) (Key, string, error) {
	own := n.User == "" || n.User == p.User
	action := KeyWrite
	if own {
		action, n.User = Self, p.User
	}
	if err := p.May(action); err != nil {
		return Key{}, "", err
	}
	name, err := normalName(n.Name, "a key")
	if err != nil {
		return Key{}, "", err
	}
	if err := s.checkKey(n); err != nil {
		return Key{}, "", err
	}
	if own && p.User == LocalUser {
		return Key{}, "", core.E(core.Unsupported, "key", "a key is a user's or a service's, and you are here as who owns the data directory").
			WithHint("isekai user service NAME makes a service, and --service its key; or make a user (isekai user setup, user create) and sign in: isekai login URL")
	}
	u, m, err := s.keyOwner(ctx, p, n, own)
	if err != nil {
		return Key{}, "", err
	}
	if n.Role == "" {
		n.Role = m.Data.Role
	}
	id, secret := core.KeyID(s.cfg.IDs("key")), newSecret()
	scopes := slices.Compact(slices.Sorted(slices.Values(n.Scopes)))
	e := store.Doc[keyDoc]{ID: keyID(n.User, id), Expires: n.Expires, Data: keyDoc{
		Digest: digest(secret), Name: name, Role: n.Role, Scopes: scopes, Project: n.Project, Budget: n.Budget,
		Epoch: u.Data.KeyEpoch, Term: m.Data.Term, By: p.User, Created: s.cfg.Now(),
	}}
	home := store.Doc[homeDoc]{ID: string(id), Expires: n.Expires, Data: homeDoc{p.Scope.Org, n.User}}
	if err := s.write(ctx, core.Installation, keyHomes.Put(home)); err != nil {
		return Key{}, "", err
	}
	if err := s.addKey(ctx, p.Scope.Org, n.User, e); err != nil {
		return Key{}, "", err
	}
	s.note(ctx, p, "key.create", string(id), "name", name, "user", string(n.User), "scopes", strings.Join(scopes, " "))
	return keyOf(e), text(keyForm, secret, string(id)), nil
}

// addKey stores a new key if there is room for it. It changes the org's record, too, so
// that of two that take the last place one looks again.
func (s *Service) addKey(ctx context.Context, org core.OrgID, user core.UserID, e store.Doc[keyDoc]) error {
	return again(func() error {
		o, err := orgs.Get(ctx, s.cfg.Records, org, string(org))
		if err != nil {
			return absent(err, "org")
		}
		for _, bound := range []struct {
			of, prefix string
			most       int
		}{{"the user", string(user) + "/", MostKeysOfUser}, {"the org", "", MostKeysOfOrg}} {
			full, err := s.keysReach(ctx, org, bound.prefix, bound.most)
			if err != nil {
				return err
			}
			if full {
				return core.E(core.Exhausted, "key", fmt.Sprintf("%s has %d API keys", bound.of, bound.most)).
					WithHint("revoke those that nobody uses: isekai key list shows each one's last use")
			}
		}
		return s.write(ctx, org, orgs.Put(o), keys.Put(e))
	})
}

// keysReach reports whether there are so many keys whose ids begin with prefix.
func (s *Service) keysReach(ctx context.Context, org core.OrgID, prefix string, most int) (bool, error) {
	after := ""
	for most > 0 {
		page, err := keys.List(ctx, s.cfg.Records, org, prefix, after, min(most, pageSize))
		if err != nil || len(page) < min(most, pageSize) {
			return false, err
		}
		most -= len(page)
		after = page[len(page)-1].ID
	}
	return true, nil
}

// checkKey returns invalid for what no key can be.
func (s *Service) checkKey(n NewKey) error {
	const op = "key"
	known := Scopes()
	for _, scope := range n.Scopes {
		if !slices.Contains(known, scope) {
			return core.E(core.Invalid, op, "there is no scope "+scope).WithHint("there are " + strings.Join(known, ", "))
		}
	}
	switch {
	case len(n.Scopes) == 0:
		return core.E(core.Invalid, op, "a key without a scope can do nothing").WithHint("there are " + strings.Join(known, ", "))
	case !n.Expires.IsZero() && !n.Expires.After(s.cfg.Now()):
		return core.E(core.Invalid, op, "the key would have expired")
	case n.Budget < 0 || n.Budget > core.MaxCredits:
		return core.E(core.Invalid, op, "no such budget")
	case n.Role != "" && n.Role.Rank() == 0:
		return core.E(core.Invalid, op, "there is no such role").WithHint("viewer, member, admin or owner")
	}
	return nil
}

// keyOwner returns the user whose key it will be, and his place in the org.
func (s *Service) keyOwner(ctx context.Context, p Principal, n NewKey, own bool) (store.Doc[userDoc], store.Doc[memberDoc], error) {
	const op = "key"
	m, err := members.Get(ctx, s.cfg.Records, p.Scope.Org, string(n.User))
	if err != nil {
		return store.Doc[userDoc]{}, m, absent(err, "member")
	}
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(n.User))
	if err != nil {
		return u, m, absent(err, "member")
	}
	role := n.Role
	if role == "" {
		role = m.Data.Role
	}
	switch {
	case !own && !u.Data.Service:
		return u, m, core.E(core.Denied, op, "nobody makes a key for another person").WithHint("make a service, and a key for it")
	case !m.Data.Role.Covers(role) || !p.Role.Covers(role):
		return u, m, core.E(core.Denied, op, "the key's role would be above its user's, or yours").WithHint("give it a lesser role")
	}
	if n.Project != "" {
		held := Principal{Projects: m.Data.Projects}
		if !held.MayUse(n.Project) || !p.MayUse(n.Project) {
			return u, m, missing("project")
		}
		_, err = projects.Get(ctx, s.cfg.Records, p.Scope.Org, string(n.Project))
	}
	return u, m, absent(err, "project")
}
