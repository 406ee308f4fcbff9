package notify

import (
	"context"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Entry is a notice in a user's inbox.
type Entry struct {
	Notice Notice
	Read   time.Time // zero: not yet
}

type entryDoc struct {
	Notice Notice
	Read   time.Time
}

const inboxes store.Kind[entryDoc] = "notify_inbox" // by user, and the notice's id turned around

const (
	keepEntry = 30 * 24 * time.Hour
	markPage  = 50
)

func entryID(user core.UserID, notice string) string { return string(user) + "/" + backwards(notice) }

// tellPeople puts a notice into the inboxes of those whom it concerns, and has those written to
// who want that. Who has chosen neither hears nothing.
func (s *Service) tellPeople(ctx context.Context, n Notice) error {
	users, err := s.audience(ctx, n)
	if err != nil {
		return err
	}
	t, _ := TypeOf(n.Type)
	for _, user := range users {
		c, err := choices.Find(ctx, s.cfg.Records, n.Org, string(user))
		if err != nil {
			return err
		}
		by := c.Data.of(t)
		if by.Inbox {
			d := store.Doc[entryDoc]{ID: entryID(user, n.ID), Expires: s.now().Add(keepEntry), Data: entryDoc{Notice: n}}
			if err := s.cfg.Records.Write(ctx, n.Org, inboxes.Put(d)); err != nil && core.CodeOf(err) != core.Conflict {
				return err
			}
		}
		if by.Mail && s.cfg.Mailer != nil {
			if err := s.mail(ctx, n.Org, mailDoc{User: user, Notice: n.plain()}, string(user)+"/"+n.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// audience returns whom a notice concerns.
func (s *Service) audience(ctx context.Context, n Notice) ([]core.UserID, error) {
	if s.cfg.People == nil {
		return nil, nil
	}
	var users []core.UserID
	if n.to != "" {
		users = append(users, n.to)
	}
	if n.who.ID != "" {
		user, err := s.cfg.People.PersonOf(ctx, n.Org, n.who)
		if err != nil {
			return nil, err
		}
		if user != "" {
			users = append(users, user)
		}
	}
	if t, _ := TypeOf(n.Type); t.Admins {
		admins, err := s.cfg.People.AdminsOf(ctx, n.Org)
		if err != nil {
			return nil, err
		}
		users = append(users, admins...)
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

// Inbox returns up to limit of a user's notices in an org that may be seen, the newest first,
// after one, and the id to go on after, "" at the end.
func (s *Service) Inbox(ctx context.Context, org core.OrgID, user core.UserID, may func(Notice) bool, unread bool, after string, limit int) ([]Entry, string, error) {
	if after != "" {
		after = entryID(user, after)
	}
	found := []Entry{}
	for {
		page, err := inboxes.List(ctx, s.cfg.Records, org, string(user)+"/", after, limit)
		if err != nil {
			return nil, "", err
		}
		for _, d := range page {
			after = d.ID
			if e := d.Data; may(e.Notice) && (!unread || e.Read.IsZero()) {
				found = append(found, Entry(e))
			}
			if len(found) == limit {
				return found, d.Data.Notice.ID, nil
			}
		}
		if len(page) < limit {
			return found, "", nil
		}
	}
}

// MarkRead marks a notice of a user's as read. not_found: he has none of the id.
func (s *Service) MarkRead(ctx context.Context, org core.OrgID, user core.UserID, notice string) error {
	return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		d, err := inboxes.Get(ctx, s.cfg.Records, org, entryID(user, notice))
		if core.CodeOf(err) == core.NotFound {
			return nil, core.E(core.NotFound, "notify.inbox", "there is no such notice").WithHint("isekai notify list shows those of the last 30 days")
		}
		if err != nil || !d.Data.Read.IsZero() {
			return nil, err
		}
		d.Data.Read = s.now()
		return []store.Change{inboxes.Put(d)}, nil
	})
}

// MarkAllRead marks all notices of a user's as read that are there now.
func (s *Service) MarkAllRead(ctx context.Context, org core.OrgID, user core.UserID) error {
	for after := ""; ; {
		page, err := inboxes.List(ctx, s.cfg.Records, org, string(user)+"/", after, markPage)
		if err != nil {
			return err
		}
		var changes []store.Change
		for _, d := range page {
			after = d.ID
			if d.Data.Read.IsZero() {
				d.Data.Read = s.now()
				changes = append(changes, inboxes.Put(d))
			}
		}
		if len(changes) > 0 {
			if err := s.cfg.Records.Write(ctx, org, changes...); err != nil && core.CodeOf(err) != core.Conflict {
				return err
			}
		}
		if len(page) < markPage {
			return nil
		}
	}
}
