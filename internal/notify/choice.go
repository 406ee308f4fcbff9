package notify

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Channels say by which ways a user hears of a type of notice.
type Channels struct{ Inbox, Mail bool }

// Choice is what a user has chosen for a type of notice, in an org.
type Choice struct {
	Type
	Channels
	Chosen bool // by the user; else it is how it is for who hasn't
}

type choiceDoc struct{ Types map[string]Channels }

const choices store.Kind[choiceDoc] = "notify_choice" // by user

// of returns what holds for a type.
func (c choiceDoc) of(t Type) Channels {
	if chosen, ok := c.Types[t.Name]; ok {
		return chosen
	}
	return Channels{t.Inbox, t.Mail}
}

// Choices returns what a user has chosen in an org, for each type of notice.
func (s *Service) Choices(ctx context.Context, org core.OrgID, user core.UserID) ([]Choice, error) {
	d, err := choices.Find(ctx, s.cfg.Records, org, string(user))
	if err != nil {
		return nil, err
	}
	all := make([]Choice, len(types))
	for i, t := range types {
		_, chosen := d.Data.Types[t.Name]
		all[i] = Choice{t, d.Data.of(t), chosen}
	}
	return all, nil
}

// Choose sets what a user hears of some types of notice by in an org; nil is how it is for
// who hasn't chosen. invalid: there is no such type.
func (s *Service) Choose(ctx context.Context, org core.OrgID, user core.UserID, by map[string]*Channels) error {
	for name := range by {
		if _, ok := TypeOf(name); !ok {
			return core.E(core.Invalid, "notify.choose", "there is no type of notice "+name).WithHint("isekai notify show lists them")
		}
	}
	return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		d, err := choices.Find(ctx, s.cfg.Records, org, string(user))
		if err != nil {
			return nil, err
		}
		if d.Data.Types == nil {
			d.Data.Types = map[string]Channels{}
		}
		for name, c := range by {
			if c == nil {
				delete(d.Data.Types, name)
			} else {
				d.Data.Types[name] = *c
			}
		}
		return []store.Change{choices.Put(d)}, nil
	})
}
