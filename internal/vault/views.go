package vault

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Apply implements store.Views.
func (s *sealed) Apply(ctx context.Context, org core.OrgID, view string, of store.Mark, rows []store.Row) (applied bool, err error) {
	keys, err := s.vault.keysToWrite(ctx, org)
	if err != nil {
		return false, err
	}
	hidden := make([]store.Row, len(rows))
	for i, r := range rows {
		if !r.Deleted {
			if r.Data, err = keys.seal(r.Data, rowPlace(org, view, r)); err != nil {
				return false, err
			}
		}
		hidden[i] = r
	}
	return s.Store.Apply(ctx, org, view, of, hidden)
}

// Get implements store.Views.
func (s *sealed) Get(ctx context.Context, org core.OrgID, view, id string) (store.Row, error) {
	r, err := s.Store.Get(ctx, org, view, id)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return store.Row{}, err
	}
	o, e := s.vault.opener(ctx, org)
	if e != nil {
		return store.Row{}, e // that the org is gone says more than that the row isn't there
	}
	if err != nil {
		return store.Row{}, err
	}
	if r.Data, err = o.row(ctx, view, r); err != nil {
		return store.Row{}, err
	}
	return r, nil
}

// List implements store.Views.
func (s *sealed) List(ctx context.Context, org core.OrgID, view string, q store.Query) (store.Page, error) {
	page, err := s.Store.List(ctx, org, view, q)
	if err != nil {
		return store.Page{}, err
	}
	o, err := s.vault.opener(ctx, org)
	if err != nil {
		return store.Page{}, err
	}
	for i, r := range page.Rows {
		if page.Rows[i].Data, err = o.row(ctx, view, r); err != nil {
			return store.Page{}, err
		}
	}
	return page, nil
}

func (o *opening) row(ctx context.Context, view string, r store.Row) ([]byte, error) {
	plain, err := o.open(ctx, r.Data, rowPlace(o.org, view, r))
	if err != nil {
		return nil, unopened("row "+r.ID+" of view "+view, err)
	}
	return plain, nil
}

// Replace implements store.Views. A row is bound to its view, so by is a view that is
// built beside view.
func (s *sealed) Replace(ctx context.Context, org core.OrgID, view, by string) error {
	if baseView(view) != baseView(by) {
		return core.E(core.Invalid, "store.replace", "the rows of "+by+" aren't those of "+view)
	}
	if _, err := s.vault.keys(ctx, org); err != nil {
		return err
	}
	return s.Store.Replace(ctx, org, view, by)
}

// Bury implements store.Letters.
func (s *sealed) Bury(ctx context.Context, org core.OrgID, l store.Letter) error {
	keys, err := s.vault.keysToWrite(ctx, org)
	if err != nil {
		return err
	}
	reason, err := keys.seal([]byte(l.Reason), letterPlace(org, l))
	if err != nil {
		return err
	}
	l.Reason = encodeText(reason)
	return s.Store.Bury(ctx, org, l)
}

// Buried implements store.Letters.
func (s *sealed) Buried(ctx context.Context, org core.OrgID, consumer string, after store.Letter, limit int) ([]store.Letter, error) {
	letters, err := s.Store.Buried(ctx, org, consumer, after, limit)
	if err != nil {
		return nil, err
	}
	o, err := s.vault.opener(ctx, org)
	if err != nil {
		return nil, err
	}
	for i, l := range letters {
		reason, err := o.open(ctx, decodeText(l.Reason), letterPlace(org, l))
		if err != nil {
			return nil, unopened("the letter of event "+string(l.Event)+" of stream "+string(l.Stream), err)
		}
		letters[i].Reason = string(reason)
	}
	return letters, nil
}
