package vault

import (
	"context"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Record implements store.Records.
func (s *sealed) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	r, err := s.Store.Record(ctx, org, kind, id)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return store.Record{}, err
	}
	o, e := s.vault.opener(ctx, org)
	if e != nil {
		return store.Record{}, e // that the org is gone says more than that the record isn't there
	}
	if err != nil {
		return store.Record{}, err
	}
	if r.Data, err = o.record(ctx, r); err != nil {
		return store.Record{}, err
	}
	return r, nil
}

// Records implements store.Records.
func (s *sealed) Records(ctx context.Context, org core.OrgID, kind, prefix, after string, limit int) ([]store.Record, error) {
	records, err := s.Store.Records(ctx, org, kind, prefix, after, limit)
	if err != nil {
		return nil, err
	}
	o, err := s.vault.opener(ctx, org)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		if records[i].Data, err = o.record(ctx, r); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (o *opening) record(ctx context.Context, r store.Record) ([]byte, error) {
	plain, err := o.open(ctx, r.Data, recordPlace(o.org, r))
	if err != nil {
		return nil, unopened("the "+r.Kind+" "+r.ID, err)
	}
	if plain == nil {
		plain = []byte{} // a record's data is there, however short
	}
	return plain, nil
}

// Write implements store.Records. One that only removes needs no keys.
func (s *sealed) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	if err := store.CheckChanges(org, changes); err != nil {
		return err
	}
	if !slices.ContainsFunc(changes, func(c store.Change) bool { return c.Data != nil }) {
		return s.Store.Write(ctx, org, changes...)
	}
	keys, err := s.vault.keysToWrite(ctx, org)
	if err != nil {
		return err
	}
	hidden := make([]store.Change, len(changes))
	for i, c := range changes {
		if c.Data != nil {
			place := recordPlace(org, store.Record{Kind: c.Kind, ID: c.ID, Version: c.Expected + 1, Expires: c.Expires})
			if c.Data, err = keys.seal(c.Data, place); err != nil {
				return err
			}
		}
		hidden[i] = c
	}
	return s.Store.Write(ctx, org, hidden...)
}
