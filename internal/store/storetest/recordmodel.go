package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
)

// place is where a record is.
type place struct {
	org      core.OrgID
	kind, id string
}

// recordModel is what records should be, in a map, with those that have expired.
type recordModel struct {
	t     *rapid.T
	st    store.Records
	clock *coretest.Clock
	orgs  []core.OrgID
	kept  map[place]store.Record
}

// testRecordModel runs random commands against the store and the model. Each run has orgs
// of its own and leaves nothing behind that expires.
func testRecordModel(t *testing.T, open Open) {
	st, clock := start(t, open)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &recordModel{t: rt, st: st, clock: clock, kept: map[place]store.Record{}}
		for i := range 2 {
			m.orgs = append(m.orgs, core.OrgID(fmt.Sprintf("org_%d_%c", runs, 'a'+i)))
		}
		defer func() {
			clock.Advance(time.Hour)
			_, _ = st.Sweep(rt.Context(), 10_000)
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"write":   func(*rapid.T) { m.write() },
			"list":    func(*rapid.T) { m.list() },
			"sweep":   func(*rapid.T) { m.sweep() },
			"advance": func(*rapid.T) { clock.Advance(time.Duration(rapid.IntRange(1, 20).Draw(rt, "s")) * time.Second) },
			"read":    func(*rapid.T) { m.compare() },
		})
		m.compare()
	})
}

// now returns the record at p, with version 0 if there is none.
func (m *recordModel) now(p place) store.Record {
	r, ok := m.kept[p]
	if !ok || !r.Expires.IsZero() && !r.Expires.After(m.clock.Now()) {
		return store.Record{}
	}
	return r
}

func (m *recordModel) place(org core.OrgID) place {
	return place{org, rapid.SampledFrom([]string{"user", "key"}).Draw(m.t, "kind"),
		rapid.SampledFrom([]string{"a", "b", "b/1", "b/2", "c"}).Draw(m.t, "id")}
}

func (m *recordModel) write() {
	org := rapid.SampledFrom(m.orgs).Draw(m.t, "org")
	var changes []store.Change
	fits, seen := true, map[place]bool{}
	for range rapid.IntRange(1, 4).Draw(m.t, "changes") {
		p := m.place(org)
		c := store.Change{Kind: p.kind, ID: p.id}
		c.Expected = max(0, m.now(p).Version+int64(rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1}).Draw(m.t, "off by")))
		if c.Expected == 0 || rapid.IntRange(0, 3).Draw(m.t, "remove") > 0 {
			c.Data = fmt.Appendf(nil, "%d", rapid.Int64().Draw(m.t, "data"))
		}
		if rapid.Bool().Draw(m.t, "expires") {
			c.Expires = m.clock.Now().Add(time.Duration(rapid.IntRange(-1, 20).Draw(m.t, "in")) * time.Second)
		}
		if seen[p] {
			continue
		}
		seen[p] = true
		fits = fits && c.Expected == m.now(p).Version
		changes = append(changes, c)
	}
	err := m.st.Write(m.t.Context(), org, changes...)
	if fits != (err == nil) || !fits && core.CodeOf(err) != core.Conflict {
		m.t.Fatalf("%+v: %v; they fit: %v", changes, err, fits)
	}
	for _, c := range changes {
		switch p := (place{org, c.Kind, c.ID}); {
		case err != nil:
		case c.Data == nil:
			delete(m.kept, p)
		default:
			m.kept[p] = store.Record{Kind: c.Kind, ID: c.ID, Version: c.Expected + 1, Expires: c.Expires, Data: c.Data}
		}
	}
}

// list reads a page.
func (m *recordModel) list() {
	p := m.place(rapid.SampledFrom(m.orgs).Draw(m.t, "org"))
	prefix := rapid.SampledFrom([]string{"", "b", "b/", "d"}).Draw(m.t, "prefix")
	after := rapid.SampledFrom([]string{"", "a", "b", "b/1", "c"}).Draw(m.t, "after")
	limit := rapid.IntRange(1, 6).Draw(m.t, "limit")
	var want []store.Record
	for at := range m.kept {
		if at.org == p.org && at.kind == p.kind && strings.HasPrefix(at.id, prefix) && at.id > after && m.now(at).Version > 0 {
			want = append(want, m.kept[at])
		}
	}
	slices.SortFunc(want, func(a, b store.Record) int { return strings.Compare(a.ID, b.ID) })
	want = want[:min(limit, len(want))]
	got, err := m.st.Records(m.t.Context(), p.org, p.kind, prefix, after, limit)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		m.t.Fatalf("%s of %s that begin with %q after %q: %v (-want +got):\n%s", p.kind, p.org, prefix, after, err, diff)
	}
}

func (m *recordModel) sweep() {
	expired := 0
	for p := range m.kept {
		if m.now(p).Version == 0 {
			expired++
		}
	}
	limit := rapid.IntRange(1, 5).Draw(m.t, "limit")
	if n, err := m.st.Sweep(m.t.Context(), limit); err != nil || n != min(limit, expired) {
		m.t.Fatalf("%d of %d expired records were swept, up to %d: %v", n, expired, limit, err)
	}
	for p := range m.kept { // which of them went is open; none may come back
		if m.now(p).Version == 0 && expired <= limit {
			delete(m.kept, p)
		}
	}
	if expired > limit {
		m.settle()
	}
}

// settle sweeps all that has expired.
func (m *recordModel) settle() {
	if _, err := m.st.Sweep(m.t.Context(), 1000); err != nil {
		m.t.Fatal(err)
	}
	for p := range m.kept {
		if m.now(p).Version == 0 {
			delete(m.kept, p)
		}
	}
}

// compare reads every record.
func (m *recordModel) compare() {
	for _, org := range m.orgs {
		for _, kind := range []string{"user", "key"} {
			for _, id := range []string{"a", "b", "b/1", "b/2", "c"} {
				want := m.now(place{org, kind, id})
				got, err := m.st.Record(m.t.Context(), org, kind, id)
				if want.Version == 0 && core.CodeOf(err) != core.NotFound || want.Version > 0 && err != nil || !cmp.Equal(want, got) {
					m.t.Fatalf("%s %s of %s is %+v (%v), want %+v", kind, id, org, got, err, want)
				}
			}
		}
	}
}
