package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

type note struct{ Text string }

const notes store.Kind[note] = "note"

func openRecords(t *testing.T) store.Records {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{})
}

// TestADocComesBack with all that it was put with, can be changed from what was read, and goes.
func TestADocComesBack(t *testing.T) {
	t.Parallel()
	ctx, in := t.Context(), openRecords(t)
	write := func(c store.Change) error { return in.Write(ctx, "org_a", c) }
	d, err := notes.Find(ctx, in, "org_a", "x")
	if err != nil || d != (store.Doc[note]{ID: "x"}) {
		t.Fatalf("what isn't there is %+v (%v)", d, err)
	}
	_, err = notes.Get(ctx, in, "org_a", "x")
	wantCode(t, "what isn't there", err, core.NotFound)
	d.Expires, d.Data.Text = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), "one"
	if err := write(notes.Put(d)); err != nil {
		t.Fatal(err)
	}
	got, err := notes.Get(ctx, in, "org_a", "x")
	if err != nil || got.Version != 1 || got.Data != d.Data || !got.Expires.Equal(d.Expires) {
		t.Fatalf("got %+v (%v), want %+v", got, err, d)
	}
	wantCode(t, "a second creation", write(notes.Put(d)), core.Conflict)
	got.Data.Text, got.Expires = "two", time.Time{}
	if err := write(notes.Put(got)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a change of what was", write(notes.Put(got)), core.Conflict)
	wantCode(t, "a removal of what was", write(notes.Drop(got)), core.Conflict)
	if got, err = notes.Find(ctx, in, "org_a", "x"); err != nil || got.Data.Text != "two" || got.Version != 2 || !got.Expires.IsZero() {
		t.Fatalf("changed it is %+v (%v)", got, err)
	}
	if err := write(notes.Drop(got)); err != nil {
		t.Fatal(err)
	}
	_, err = notes.Get(ctx, in, "org_a", "x")
	wantCode(t, "what was removed", err, core.NotFound)
}

// TestAllPages reads across pages, up to a limit that may be at the end of one.
func TestAllPages(t *testing.T) {
	t.Parallel()
	ctx, in := t.Context(), openRecords(t)
	const there = 450
	var changes []store.Change
	for i := range there {
		id := fmt.Sprintf("b/%03d", i)
		changes = append(changes, notes.Put(store.Doc[note]{ID: id, Data: note{id}}))
		if len(changes) == store.MaxChanges || i == there-1 {
			if err := in.Write(ctx, "org_a", changes...); err != nil {
				t.Fatal(err)
			}
			changes = nil
		}
	}
	if err := in.Write(ctx, "org_a", notes.Put(store.Doc[note]{ID: "a/1"}), notes.Put(store.Doc[note]{ID: "c/1"})); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]int{1: 1, 199: 199, 200: 200, 201: 201, 400: 400, 450: 450, 1000: 450} {
		docs, err := notes.All(ctx, in, "org_a", "b/", limit)
		if err != nil || len(docs) != want {
			t.Fatalf("up to %d are %d (%v)", limit, len(docs), err)
		}
		for i, d := range docs {
			if id := fmt.Sprintf("b/%03d", i); d.ID != id || d.Data.Text != id || d.Version != 1 {
				t.Fatalf("up to %d: %d is %+v", limit, i, d)
			}
		}
	}
	docs, err := notes.List(ctx, in, "org_a", "b/", "b/447", 10)
	if err != nil || len(docs) != 2 || docs[0].ID != "b/448" {
		t.Errorf("after one: %+v (%v)", docs, err)
	}
}

// TestWhatCantBeRead is an internal error, which doesn't quote it, wherever it is read.
func TestWhatCantBeRead(t *testing.T) {
	t.Parallel()
	ctx, in := t.Context(), openRecords(t)
	if err := in.Write(ctx, "org_a", store.Change{Kind: "note", ID: "x", Data: []byte(`"MARKER"`)}); err != nil {
		t.Fatal(err)
	}
	_, get := notes.Get(ctx, in, "org_a", "x")
	_, find := notes.Find(ctx, in, "org_a", "x")
	_, list := notes.List(ctx, in, "org_a", "", "", 10)
	_, all := notes.All(ctx, in, "org_a", "", 10)
	for name, err := range map[string]error{"get": get, "find": find, "list": list, "all": all} {
		wantCode(t, name, err, core.Internal)
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), "MARKER") {
			t.Errorf("%s quotes it: %v", name, err)
		}
	}
}

// TestUpdateLooksAgain: many change one record at once, and none is lost.
func TestUpdateLooksAgain(t *testing.T) {
	t.Parallel()
	ctx, in := t.Context(), openRecords(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := store.Update(ctx, in, "org_a", func() ([]store.Change, error) {
				d, err := notes.Find(ctx, in, "org_a", "x")
				d.Data.Text += "+"
				return []store.Change{notes.Put(d)}, err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if d, err := notes.Get(ctx, in, "org_a", "x"); err != nil || d.Data.Text != "++++++++" {
		t.Errorf("it has %+v (%v)", d, err)
	}
}

type records = store.Records

// refusing are records that answer every write with an error.
type refusing struct {
	records
	err    error
	writes int
}

func (r *refusing) Write(context.Context, core.OrgID, ...store.Change) error {
	r.writes++
	return r.err
}

// TestUpdateEnds when there is nothing to change, when f fails, when the store does, and when
// others are quicker each time.
func TestUpdateEnds(t *testing.T) {
	t.Parallel()
	some := []store.Change{notes.Put(store.Doc[note]{ID: "x"})}
	conflict, away := core.E(core.Conflict, "test", "quicker"), core.E(core.Unavailable, "test", "away")
	for name, c := range map[string]struct {
		changes         []store.Change
		failure, answer error
		want            error
		looks, writes   int
	}{
		"nothing to change": {nil, nil, nil, nil, 1, 0},
		"f fails":           {some, away, nil, away, 1, 0},
		"f has a conflict":  {some, conflict, nil, conflict, 1, 0},
		"it is written":     {some, nil, nil, nil, 1, 1},
		"the store fails":   {some, nil, away, away, 1, 1},
		"others are always": {some, nil, conflict, conflict, 30, 30},
	} {
		in, looks := &refusing{err: c.answer}, 0
		err := store.Update(t.Context(), in, "org_a", func() ([]store.Change, error) {
			looks++
			return c.changes, c.failure
		})
		if !errors.Is(err, c.want) || looks != c.looks || in.writes != c.writes {
			t.Errorf("%s: %v after %d looks and %d writes, want %v after %d and %d", name, err, looks, in.writes, c.want, c.looks, c.writes)
		}
	}
}

func wantCode(t *testing.T, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Fatalf("%s: %q (%v), want %q", what, core.CodeOf(err), err, cmp.Or(code, "no error"))
	}
}
