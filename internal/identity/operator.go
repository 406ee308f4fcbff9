package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// DisableUser ends a user's sessions and keeps him and his keys out, until EnableUser.
// denied: he is an operator whose role is above that of the one who asks.
func (s *Service) DisableUser(ctx context.Context, p Principal, id core.UserID) error {
	if err := p.May(Operate); err != nil {
		return err
	}
	return s.setDisabled(ctx, p, id, true, "user.disable")
}

// EnableUser lets a user sign in again.
func (s *Service) EnableUser(ctx context.Context, p Principal, id core.UserID) error {
	if err := p.May(OperatePeople); err != nil {
		return err
	}
	return s.setDisabled(ctx, p, id, false, "user.enable")
}

func (s *Service) setDisabled(ctx context.Context, p Principal, id core.UserID, disabled bool, action string) error {
	if id == p.User {
		return core.E(core.Invalid, "user", "nobody disables himself").WithHint("ask another operator")
	}
	concerned, err := s.outrank(ctx, p, id)
	if err != nil {
		return err
	}
	_, err = s.changeUser(ctx, id, func(d *userDoc) error {
		if disabled && !d.Disabled {
			d.SessionEpoch++
		}
		d.Disabled = disabled
		return nil
	})
	if err == nil {
		s.noteOperator(ctx, p, concerned, action, string(id))
	}
	return err
}

// outrank returns denied unless a user's role among the operators is at most that of the
// one who asks, and otherwise the orgs that are to know what becomes of the user.
func (s *Service) outrank(ctx context.Context, p Principal, id core.UserID) ([]core.OrgID, error) {
	role := p.Role
	if p.Operates {
		role = core.Owner
	}
	place, err := members.Find(ctx, s.cfg.Records, core.Installation, string(id))
	if err != nil {
		return nil, err
	}
	if place.Version > 0 && !role.Covers(place.Data.Role) {
		return nil, core.E(core.Denied, "user", "nobody does this to an operator with a role above his own").WithHint("ask an owner of the installation")
	}
	return s.orgsOf(ctx, id)
}

// orgsOf returns the orgs that a user is a member of.
func (s *Service) orgsOf(ctx context.Context, user core.UserID) (all []core.OrgID, err error) {
	err = s.eachSeat(ctx, user, func(org core.OrgID, _ store.Doc[memberDoc]) bool {
		all = append(all, org)
		return true
	})
	return all, err
}

// stillOutranks is outrank for the one who made a link, as he is now.
func (s *Service) stillOutranks(ctx context.Context, t ticketDoc) ([]core.OrgID, error) {
	role, err := s.operatorRole(ctx, t.By)
	if err != nil {
		return nil, err
	}
	if !role.Covers(core.Admin) {
		return nil, gone()
	}
	concerned, err := s.outrank(ctx, Principal{Role: role}, t.User)
	if core.CodeOf(err) == core.Denied {
		err = gone()
	}
	return concerned, err
}

// operatorRole returns what a user is among the operators; "" if he can't sign in, or is none.
func (s *Service) operatorRole(ctx context.Context, user core.UserID) (core.Role, error) {
	if user == LocalUser {
		return core.Owner, nil
	}
	u, err := users.Find(ctx, s.cfg.Records, core.Installation, string(user))
	if err != nil || u.Version == 0 || u.Data.Disabled {
		return "", err
	}
	m, err := members.Find(ctx, s.cfg.Records, core.Installation, string(user))
	return m.Data.Role, err
}
