package credential

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// tendOrg bounds an org's part of a look; what isn't done by then is by the next one.
	tendOrg  = time.Minute
	tendName = "credentials" // of the term
)

// Run looks after the credentials of all orgs (Config.Orgs) every Config.Every, on one node
// of the installation at a time, until ctx ends: see Tend.
func (s *Service) Run(ctx context.Context) error {
	holder := s.cfg.IDs("nod")
	defer s.resign(ctx, tendName, holder)
	for {
		if err := s.Tend(ctx, holder); err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "credentials aren't looked after", "error", err)
		}
		if !sleep(ctx, s.cfg.Every) {
			return nil
		}
	}
}

// Tend asks providers again to forget what they couldn't be asked to, and has the audit log
// of each org remind of what is due, once in Config.Remind for each value. It does nothing
// while another holder does. An org for which it can't doesn't keep it from the others.
func (s *Service) Tend(ctx context.Context, holder string) error {
	orgs, err := s.cfg.Orgs(ctx)
	if err != nil {
		return err
	}
	term := s.cfg.Every + tendOrg // it outlasts an org's part and the wait: the next look is this node's
	for _, org := range orgs {
		leads, err := s.cfg.Terms.Lead(ctx, tendName, holder, term)
		if err != nil || !leads {
			return err
		}
		if err := s.tendOrg(ctx, org); err != nil && core.CodeOf(err) != core.NotFound { // which it is once its keys are shredded
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.cfg.Log.WarnContext(ctx, "an org's credentials aren't looked after", "org", org, "error", err)
		}
	}
	return nil
}

func (s *Service) tendOrg(ctx context.Context, org core.OrgID) error {
	ctx, cancel := context.WithTimeout(ctx, tendOrg)
	defer cancel()
	if err := s.remind(ctx, org); err != nil {
		return err
	}
	_, err := s.Revoke(ctx, org)
	return err
}

// reminderDoc says that somebody was told; its record lasts until it is time again.
type reminderDoc struct{ At time.Time }

// remind tells of what is due. That it does is written before, so that two nodes don't both.
func (s *Service) remind(ctx context.Context, org core.OrgID) error {
	due, err := s.Due(ctx, org)
	if err != nil {
		return err
	}
	system := core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "secrets"}}
	for _, c := range due {
		now := s.cfg.Now()
		r := store.Doc[reminderDoc]{ID: valueID(c.ID, c.Version), Expires: now.Add(s.cfg.Remind), Data: reminderDoc{now}}
		err := s.cfg.Records.Write(ctx, org, reminders.Put(r))
		switch {
		case core.CodeOf(err) == core.Conflict: // somebody was told
			continue
		case err != nil:
			return err
		}
		doc := credentialDoc{ID: c.ID, Name: c.Name, Project: c.Project, Kind: c.Kind}
		err = s.tell(ctx, system, "secret.due", doc, "", "version", number(c.Version), "since", c.Due.UTC().Format(time.RFC3339))
		if err != nil {
			r.Version++
			if e := s.cfg.Records.Write(ctx, org, reminders.Drop(r)); e != nil {
				s.cfg.Log.WarnContext(ctx, "a reminder is lost until the next one", "credential", c.ID, "error", e)
			}
			return err
		}
	}
	return nil
}
