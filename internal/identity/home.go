package identity

import (
	"context"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Where a user signs in to, unless he says, is where he works: what he writes there is read
// by others. So it is an org that he has chosen: by accepting its invitation, by making it,
// or by naming it; or that an operator or an issuer gave him when he had none.

// claim tells apart who had a user before the owner of its address took it over, and after:
// what was chosen in another claim was another's choice. It begins with 1.
func (d userDoc) claim() int { return d.KeyEpoch + 1 }

// chooseOrg returns the org that a session begins in: the one that is asked for, which is
// chosen by that; or the user's home; or another one of his choice.
func (s *Service) chooseOrg(ctx context.Context, u store.Doc[userDoc], asked core.OrgID) (core.OrgID, error) {
	if asked != "" {
		return asked, s.choose(ctx, u, asked)
	}
	if home, err := s.homeOf(ctx, u); err != nil || home != "" {
		return home, err
	}
	var found core.OrgID
	var others []string
	err := s.eachSeat(ctx, core.UserID(u.ID), func(org core.OrgID, m store.Doc[memberDoc]) bool {
		if m.Data.Chosen == u.Data.claim() || m.Data.Source != "" {
			found = org
			return false
		}
		others = append(others, string(org))
		return true
	})
	switch {
	case err != nil || found != "":
	case len(others) > 0:
		err = core.E(core.Denied, "sign_in", "it isn't known which org the user wants").WithHint("name one of " + strings.Join(others[:min(len(others), 10)], ", "))
	default:
		err = core.E(core.Denied, "sign_in", "the user belongs to no org").WithHint("ask an admin of one for an invitation")
	}
	return found, err
}

// choose notes that a user wants to be in an org. not_found: he isn't a member.
func (s *Service) choose(ctx context.Context, u store.Doc[userDoc], org core.OrgID) error {
	user := core.UserID(u.ID)
	m, err := members.Get(ctx, s.cfg.Records, org, u.ID)
	if err != nil {
		return absent(err, "org")
	}
	if m.Data.Chosen == u.Data.claim() {
		return nil
	}
	if err := s.settle(ctx, u, org); err != nil {
		return err
	}
	return s.changeMember(ctx, org, user, func(now *memberDoc) (*memberDoc, error) {
		if now == nil {
			return nil, missing("org")
		}
		now.Chosen = u.Data.claim()
		return now, nil
	})
}

// present returns the user who asks, as he is now: not one whose session has ended since,
// on another node or because the owner of his address took the user over.
func (s *Service) present(ctx context.Context, p Principal) (store.Doc[userDoc], error) {
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(p.User))
	if err != nil {
		return u, absent(err, "user")
	}
	e, err := sessions.Get(ctx, s.cfg.Records, core.Installation, sessionID(p.User, p.Session))
	if err != nil {
		return u, refused(err)
	}
	if u.Data.Disabled || e.Data.Epoch != u.Data.SessionEpoch {
		return u, unknown()
	}
	return u, nil
}

// homeOf returns a user's home, or "" if he has none or isn't a member there.
func (s *Service) homeOf(ctx context.Context, u store.Doc[userDoc]) (core.OrgID, error) {
	if u.Data.Home == "" {
		return "", nil
	}
	m, err := members.Find(ctx, s.cfg.Records, u.Data.Home, u.ID)
	if err != nil || m.Version == 0 {
		return "", err
	}
	return u.Data.Home, nil
}

// settle makes an org a user's home if he has none.
func (s *Service) settle(ctx context.Context, u store.Doc[userDoc], org core.OrgID) error {
	home, err := s.homeOf(ctx, u)
	if err != nil || home != "" {
		return err
	}
	_, err = s.changeUser(ctx, core.UserID(u.ID), func(d *userDoc) error {
		if d.Home == u.Data.Home && d.claim() == u.Data.claim() {
			d.Home = org
		}
		return nil
	})
	return err
}

// eachSeat calls f with each org that a user is a member of, until it returns false.
func (s *Service) eachSeat(ctx context.Context, user core.UserID, f func(core.OrgID, store.Doc[memberDoc]) bool) error {
	prefix, after := string(user)+"/", ""
	for {
		page, err := seats.List(ctx, s.cfg.Records, core.Installation, prefix, after, pageSize)
		if err != nil {
			return err
		}
		for _, seat := range page {
			org := core.OrgID(strings.TrimPrefix(seat.ID, prefix))
			m, err := members.Get(ctx, s.cfg.Records, org, string(user))
			if core.CodeOf(err) == core.NotFound {
				continue // he was removed, or the org is gone
			}
			if err != nil {
				return err
			}
			if !f(org, m) {
				return nil
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}
