package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// setupDoc says how far the first start has come.
type setupDoc struct {
	Owner core.UserID // who the first user will be, or is
	Done  bool
}

const setupID = "first"

// Setup makes DefaultOrg and the installation's own, unless they are there, and the token
// of a one-time link for the first user as long as there is none. Call it at each start;
// the links of several nodes and starts work until one of them is used, or SetupLife is over.
func (s *Service) Setup(ctx context.Context) (token string, needed bool, err error) {
	if err := s.makeOrg(ctx, core.Installation, "Installation"); err != nil {
		return "", false, err
	}
	if err := s.makeOrg(ctx, core.DefaultOrg, "Default"); err != nil {
		return "", false, err
	}
	e, err := setups.Find(ctx, s.cfg.Records, core.Installation, setupID)
	if err == nil && e.Version == 0 {
		e.Data.Owner = core.UserID(s.cfg.IDs("usr"))
		err = ignoreConflict(s.write(ctx, core.Installation, setups.Put(e)))
	}
	if err != nil || e.Data.Done {
		return "", false, err
	}
	token, err = s.newTicket(ctx, ticketDoc{Purpose: setupTicket}, SetupLife)
	return token, true, err
}

// NeedsSetup reports whether there is no first user yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	e, err := setups.Find(ctx, s.cfg.Records, core.Installation, setupID)
	return !e.Data.Done, err
}

// FinishSetup makes the first user: the owner of DefaultOrg and of the installation. It
// can be repeated if it failed.
func (s *Service) FinishSetup(ctx context.Context, token string, n NewUser) (Tokens, error) {
	t, err := s.ticket(ctx, token, setupTicket)
	if err != nil {
		return Tokens{}, err
	}
	first, err := setups.Get(ctx, s.cfg.Records, core.Installation, setupID)
	if err != nil {
		return Tokens{}, err
	}
	over := core.E(core.Unauthenticated, "setup", "the first user is there").WithHint("sign in")
	if first.Data.Done {
		return Tokens{}, over
	}
	e, err := s.newUser(ctx, n)
	if err != nil {
		return Tokens{}, err
	}
	user := first.Data.Owner
	e.ID, e.Data.Verified, e.Data.Home = string(user), true, core.DefaultOrg
	for _, org := range []core.OrgID{core.DefaultOrg, core.Installation} { // nobody's place until there is the user
		if err := ignoreConflict(s.join(ctx, org, user, memberDoc{Role: core.Owner, By: user, Chosen: e.Data.claim()})); err != nil {
			return Tokens{}, err
		}
	}
	first.Data.Done = true
	err = s.write(ctx, core.Installation, users.Put(e), create(emails, nameOf(e.Data.Email), ownerDoc{user}), setups.Put(first), tickets.Drop(t))
	if core.CodeOf(err) == core.Conflict {
		return Tokens{}, over
	}
	if err != nil {
		return Tokens{}, err
	}
	s.tell(ctx, Event{Action: "setup", Actor: core.Actor{Kind: core.ActorUser, ID: e.ID}, Org: core.Installation, Target: e.ID, Outcome: "ok"}, n.Address)
	return s.beginNew(ctx, e, core.DefaultOrg, n.Address)
}
