package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Kind is a kind of record that holds a T, as JSON: how modules read and write records. T is
// of plain fields, which always encode. What is in a record is in no error.
type Kind[T any] string

// Doc is a Record with what is in it, and what it takes to change that.
type Doc[T any] struct {
	ID      string
	Version int64     // 0: it isn't there, and a Put creates it
	Expires time.Time // zero: never
	Data    T
}

// Get returns a record, or not_found.
func (k Kind[T]) Get(ctx context.Context, in Records, org core.OrgID, id string) (Doc[T], error) {
	r, err := in.Record(ctx, org, string(k), id)
	if err != nil {
		return Doc[T]{}, err
	}
	return k.decode(r)
}

// Find is Get, with an empty Doc for what isn't there.
func (k Kind[T]) Find(ctx context.Context, in Records, org core.OrgID, id string) (Doc[T], error) {
	d, err := k.Get(ctx, in, org, id)
	if core.CodeOf(err) == core.NotFound {
		return Doc[T]{ID: id}, nil
	}
	return d, err
}

// List returns up to limit records whose ids begin with prefix, after an id, by id.
func (k Kind[T]) List(ctx context.Context, in Records, org core.OrgID, prefix, after string, limit int) ([]Doc[T], error) {
	found, err := in.Records(ctx, org, string(k), prefix, after, limit)
	if err != nil {
		return nil, err
	}
	docs := make([]Doc[T], len(found))
	for i, r := range found {
		if docs[i], err = k.decode(r); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// All is List from the first on, in as many reads as it takes.
func (k Kind[T]) All(ctx context.Context, in Records, org core.OrgID, prefix string, limit int) ([]Doc[T], error) {
	const page = 200
	var all []Doc[T]
	for after := ""; ; {
		n := min(page, limit-len(all))
		docs, err := k.List(ctx, in, org, prefix, after, n)
		if err != nil {
			return nil, err
		}
		if all = append(all, docs...); len(docs) < n || len(all) == limit {
			return all, nil
		}
		after = docs[n-1].ID
	}
}

// decode returns what is in a record. internal: it can't be read.
func (k Kind[T]) decode(r Record) (Doc[T], error) {
	d := Doc[T]{ID: r.ID, Version: r.Version, Expires: r.Expires}
	if err := json.Unmarshal(r.Data, &d.Data); err != nil { // it may quote what is in there
		return d, core.E(core.Internal, "store", "a record of the kind "+string(k)+" can't be read")
	}
	return d, nil
}

// Put is the change that gives the record d's data, if it still has d's version.
func (k Kind[T]) Put(d Doc[T]) Change {
	data, err := json.Marshal(d.Data)
	if err != nil {
		panic("a record of the kind " + string(k) + " can't be written")
	}
	return Change{Kind: string(k), ID: d.ID, Expected: d.Version, Expires: d.Expires, Data: data}
}

// Drop is the change that removes the record, if it still has d's version.
func (k Kind[T]) Drop(d Doc[T]) Change {
	return Change{Kind: string(k), ID: d.ID, Expected: d.Version}
}

// updates bounds how often Update looks.
const updates = 30

// Update makes the changes that f finds in what it reads, all or none, and has f look again
// when somebody was quicker. No changes are fine. An error of f's is final. conflict:
// somebody was quicker each time.
func Update(ctx context.Context, in Records, org core.OrgID, f func() ([]Change, error)) error {
	for n := 1; ; n++ {
		changes, err := f()
		if err != nil || len(changes) == 0 {
			return err
		}
		err = in.Write(ctx, org, changes...)
		if core.CodeOf(err) != core.Conflict || n == updates {
			return err
		}
	}
}
