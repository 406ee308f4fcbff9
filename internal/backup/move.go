package backup

import (
	"bytes"
	"context"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Source is a store that is moved from. Nobody may write to it meanwhile.
type Source interface {
	store.Outbox
	store.Letters
	store.Keysets
	store.Whole
	store.Exporter
}

// Destination is a store that is moved to. It holds nothing, or what an earlier Move
// brought there.
type Destination interface {
	store.Letters
	store.Keysets
	store.Whole
	store.Importer
}

const movePage = 1000

// Move carries everything but the views, which are built anew, and the quotas, which are
// full again, from one store to another: keys, events as they are, records, books and
// shares, what waits in the outbox, dead letters, and at last the work, so that nobody
// begins on a stream that isn't whole. Broken off at any
// moment it can be repeated and goes on where it was. progress, unless it is nil, is
// told how many events of an org are there. It returns what has been moved, after a
// comparison of all of it. conflict: the destination has something else.
func Move(ctx context.Context, from Source, to Destination, progress func(core.OrgID, int64)) ([]store.Sum, error) {
	orgs, err := from.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	if err := onlyThese(ctx, to, orgs); err != nil {
		return nil, err
	}
	var sums []store.Sum
	for _, org := range orgs {
		if err := moveKeys(ctx, from, to, org); err != nil {
			return nil, err
		}
		if err := moveEvents(ctx, from, to, org, progress); err != nil {
			return nil, err
		}
		if err := moveState(ctx, from, to, org); err != nil {
			return nil, err
		}
	}
	if err := movePending(ctx, from, to); err != nil {
		return nil, err
	}
	for _, org := range orgs {
		sum, err := moveRest(ctx, from, to, org)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// onlyThese refuses a destination that somebody uses already.
func onlyThese(ctx context.Context, to Destination, orgs []core.OrgID) error {
	there, err := to.Tenants(ctx)
	if err != nil {
		return err
	}
	known := map[core.OrgID]bool{}
	for _, org := range orgs {
		known[org] = true
	}
	for _, org := range there {
		if !known[org] {
			return core.E(core.Conflict, "move", "the destination has an org of its own: "+string(org)).WithHint("move to an empty store")
		}
	}
	return nil
}

func moveKeys(ctx context.Context, from Source, to Destination, org core.OrgID) error {
	want, err := from.Keyset(ctx, org)
	switch {
	case core.CodeOf(err) == core.NotFound: // it has nothing that is sealed: the vault makes keys first
		return nil
	case err != nil:
		return err
	case want.Shredded:
		return to.Shred(ctx, org)
	}
	got, err := to.Keyset(ctx, org)
	switch {
	case core.CodeOf(err) == core.NotFound:
		return to.SetKeyset(ctx, org, 0, want.Wrapped)
	case err != nil:
		return err
	case !bytes.Equal(got.Wrapped, want.Wrapped):
		return core.E(core.Conflict, "move", "the destination has other keys of "+string(org)).WithHint("move to an empty store")
	}
	return nil
}

func moveEvents(ctx context.Context, from Source, to Destination, org core.OrgID, progress func(core.OrgID, int64)) error {
	done, err := store.SumOrg(ctx, to, org, 0)
	if err != nil {
		return err
	}
	for at, n := done.Position, done.Events; ; {
		events, err := from.ReadOrg(ctx, org, at, movePage)
		if err != nil || len(events) == 0 {
			return err
		}
		if err := to.Import(ctx, org, events); err != nil {
			return err
		}
		at, n = events[len(events)-1].Position, n+int64(len(events))
		if progress != nil {
			progress(org, n)
		}
	}
}

// moveState moves what isn't a stream.
func moveState(ctx context.Context, from Source, to Destination, org core.OrgID) error {
	for after := (store.Record{}); ; {
		records, err := from.AllRecords(ctx, org, after, movePage)
		if err == nil && len(records) > 0 {
			err = to.ImportRecords(ctx, org, records)
		}
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		after = records[len(records)-1]
	}
	for q := (store.EntryQuery{Limit: movePage}); ; {
		entries, err := from.Entries(ctx, org, q)
		if err == nil && len(entries) > 0 {
			err = to.ImportEntries(ctx, org, entries)
		}
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		q.After = entries[len(entries)-1].Seq
	}
	share, err := from.Share(ctx, org)
	if err == nil && share != 1 {
		err = to.SetShare(ctx, org, share)
	}
	return err
}

// movePending moves the outbox, which is short: it is what a relay hasn't carried.
func movePending(ctx context.Context, from Source, to Destination) error {
	const all = 1 << 30
	pending, err := from.Pending(ctx, all)
	if err != nil {
		return err
	}
	marks := map[core.OrgID][]store.Mark{}
	for _, m := range pending {
		marks[m.Event.Org] = append(marks[m.Event.Org], store.Mark{Stream: m.Event.Stream, Version: m.Event.Version})
	}
	for org, list := range marks {
		if err := to.ImportPending(ctx, org, list); err != nil {
			return err
		}
	}
	return nil
}

// moveRest compares what is there and moves what comes after it.
func moveRest(ctx context.Context, from Source, to Destination, org core.OrgID) (store.Sum, error) {
	want, err := store.SumAll(ctx, from, org)
	if err != nil {
		return want, err
	}
	got, err := store.SumAll(ctx, to, org)
	if err != nil {
		return want, err
	}
	if got != want {
		return want, core.E(core.Conflict, "move", fmt.Sprintf("org %s has %s in the source and %s in the destination, or others", org, amounts(want), amounts(got))).
			WithHint("move to an empty store, and let nobody write to the source meanwhile")
	}
	if err := moveLetters(ctx, from, to, org); err != nil {
		return want, err
	}
	for after := core.StreamID(""); ; {
		items, err := from.WorkItems(ctx, org, after, movePage)
		if err != nil || len(items) == 0 {
			return want, err
		}
		if err := to.ImportWork(ctx, org, items); err != nil {
			return want, err
		}
		after = items[len(items)-1].Stream
	}
}

// amounts says how much a sum is of.
func amounts(s store.Sum) string {
	return fmt.Sprintf("%d events, %d records and %d entries of its books", s.Events, s.Records, s.Entries)
}

func moveLetters(ctx context.Context, from Source, to Destination, org core.OrgID) error {
	for after := (store.Letter{}); ; {
		letters, err := from.Buried(ctx, org, "", after, movePage)
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, l := range letters {
			before := store.Letter{Consumer: l.Consumer, Mark: store.Mark{Stream: l.Stream, Version: l.Version - 1}}
			there, err := to.Buried(ctx, org, l.Consumer, before, 1)
			if err == nil && (len(there) == 0 || there[0].Mark != l.Mark) { // burying twice would count its tries twice
				err = to.Bury(ctx, org, l)
			}
			if err != nil {
				return err
			}
		}
		after = letters[len(letters)-1]
	}
}
