package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

func TestChangesAreSeen(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		other := r.node(t, nil)
		has := func(c *catalog.Catalog, org core.OrgID, name string) bool {
			_, err := view(t, c, org).Resolve(name, dialect.OpChat)
			return err == nil
		}
		_ = has(other, orgA, "m") // it knows what was before
		before := view(t, other, orgA)
		p := r.put(t, orgA, of("one", catalog.OpenAI, "m"))
		if !has(r.Catalog, orgA, "m") {
			t.Error("the node that made it doesn't see it")
		}
		if r.clock.Advance(4 * time.Second); view(t, other, orgA) != before {
			t.Error("the other node reads before it has to")
		}
		if r.clock.Advance(time.Second); !has(other, orgA, "m") {
			t.Error("the other node doesn't see it after 5 s")
		}
		if view(t, other, orgB) == nil || has(other, orgB, "m") {
			t.Error("another org sees it")
		}
		r.put(t, house, of("all", catalog.OpenAI, "n"))
		r.clock.Advance(5 * time.Second)
		for _, org := range []core.OrgID{orgA, orgB, house} {
			if !has(other, org, "n") {
				t.Errorf("%s doesn't see the installation's", org)
			}
		}
		at := view(t, other, orgA)
		if r.clock.Advance(time.Minute); view(t, other, orgA) != at {
			t.Error("a view changes without a change")
		}
		ok(t, r.RemoveProvider(t.Context(), orgA, "one", p.Version))
		if r.clock.Advance(5 * time.Second); has(other, orgA, "m") || has(r.Catalog, orgA, "m") {
			t.Error("what was removed is still there")
		}
		if _, err := at.Resolve("m", dialect.OpChat); err != nil {
			t.Errorf("a view that somebody has changes: %v", err)
		}
	})
}

func TestTenants(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		r.put(t, orgB, of("theirs", catalog.OpenAI, "m"))
		r.put(t, house, of("all", catalog.OpenAI, "n"))
		r.route(t, orgB, "road", catalog.Leg{Provider: "theirs", Model: "m"})
		_, err := r.Provider(ctx, orgA, "theirs")
		refused(t, "another org's provider", err, core.NotFound)
		refused(t, "its removal", r.RemoveProvider(ctx, orgA, "theirs", 0), core.NotFound)
		refused(t, "its route's removal", r.RemoveRoute(ctx, orgA, "road", 0), core.NotFound)
		_, err = r.PutRoute(ctx, orgA, catalog.Route{Name: "road", Targets: []catalog.Leg{{Provider: "theirs", Model: "m"}}}, 0)
		refused(t, "a route to it", err, core.Invalid)
		_, err = r.Provider(ctx, orgA, "all")
		refused(t, "the installation's, as the org's", err, core.NotFound)
		refused(t, "its removal by an org", r.RemoveProvider(ctx, orgA, "all", 0), core.NotFound)
		r.put(t, orgA, of("all", catalog.Compatible, "own")) // one's own of the name
		if p, err := r.Provider(ctx, house, "all"); err != nil || p.Kind != catalog.OpenAI {
			t.Errorf("the installation's became %+v (%v)", p, err)
		}
		r.route(t, orgA, "out", catalog.Leg{Provider: "all", Model: "own"})
		_, err = r.PutRoute(ctx, house, catalog.Route{Name: "in", Targets: []catalog.Leg{{Provider: "theirs", Model: "m"}}}, 0)
		refused(t, "a route of the installation's to an org's", err, core.Invalid)
	})
}

func TestChangesByVersion(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		p := r.put(t, orgA, of("one", catalog.OpenAI, "m"))
		if p.Version != 1 {
			t.Errorf("the first version is %d", p.Version)
		}
		s := of("one", catalog.OpenAI, "m", "n")
		q, err := r.PutProvider(ctx, orgA, s, 1)
		ok(t, err)
		if q.ID == p.ID || q.Version != 2 {
			t.Errorf("%s of version %d became %s of version %d", p.ID, p.Version, q.ID, q.Version)
		}
		again, err := r.Provider(ctx, orgA, "one")
		if ok(t, err); again.ID != q.ID {
			t.Errorf("it is %s when it is made, and %s when it is read", q.ID, again.ID)
		}
		_, err = r.PutProvider(ctx, orgA, s, 1)
		refused(t, "a stale change", err, core.Conflict)
		refused(t, "a stale removal", r.RemoveProvider(ctx, orgA, "one", 1), core.Conflict)
		_, err = r.PutProvider(ctx, orgA, of("two", catalog.OpenAI), 3)
		refused(t, "a change of nothing", err, core.Conflict)
		r.route(t, orgA, "road", catalog.Leg{Provider: "one", Model: "m"})
		refused(t, "removing what a route leads to", r.RemoveProvider(ctx, orgA, "one", 0), core.Conflict)
		refused(t, "a stale route's removal", r.RemoveRoute(ctx, orgA, "road", 7), core.Conflict)
		ok(t, r.RemoveRoute(ctx, orgA, "road", 1))
		ok(t, r.RemoveProvider(ctx, orgA, "one", 2))
		refused(t, "removing it again", r.RemoveProvider(ctx, orgA, "one", 0), core.NotFound)

		set := catalog.Settings{PromptDays: 7, CacheMinutes: 5, CacheKeys: []core.KeyID{"key_a"}}
		version, err := r.SetSettings(ctx, orgA, set, 0)
		ok(t, err)
		got, at, err := r.Settings(ctx, orgA)
		if ok(t, err); at != version || got.PromptDays != 7 || !got.Caches("key_a") || got.Caches("key_b") || got.Caches("") {
			t.Errorf("got %+v of version %d, want %+v of %d", got, at, set, version)
		}
		if got := view(t, r.Catalog, orgA).Settings(); got.PromptDays != 7 {
			t.Errorf("the view has %+v", got)
		}
		if got := view(t, r.Catalog, orgB).Settings(); got.PromptDays != 0 {
			t.Errorf("another org's view has %+v", got)
		}
		_, err = r.SetSettings(ctx, orgA, set, version+1)
		refused(t, "stale settings", err, core.Conflict)
	})
}

// TestThereIsRoomForSoMany has several nodes fill an org at once.
func TestThereIsRoomForSoMany(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		for i := range catalog.MaxProviders - 3 {
			r.put(t, orgA, of(fmt.Sprintf("p%d", i), catalog.OpenAI))
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		made, full := 0, 0
		for i := range 6 {
			node := r.node(t, nil)
			wg.Go(func() {
				_, err := node.PutProvider(t.Context(), orgA, of(fmt.Sprintf("more%d", i), catalog.OpenAI), 0)
				mu.Lock()
				defer mu.Unlock()
				switch core.CodeOf(err) {
				case "":
					made++
				case core.Exhausted:
					full++
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if made != 3 || full != 3 {
			t.Errorf("%d were made and %d refused, want 3 and 3", made, full)
		}
		r.put(t, orgA, of("p0", catalog.Compatible)) // a change takes no room
	})
}

func TestTheConfigurationsProvider(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	r.put(t, house, of("default", catalog.OpenAI, "stored"))
	r.put(t, house, of("aaa", catalog.OpenAI, "m"))
	c := r.node(t, func(cfg *catalog.Config) {
		s := of("default", catalog.Compatible, "m")
		s.Others = true
		cfg.Static = []catalog.Spec{s}
	})
	v := view(t, c, orgA)
	for name, want := range map[string]string{
		"m": "org_installation:default/m=i", "default/m": "org_installation:default/m=i", "stored": "org_installation:default/stored=i", "aaa/m": "org_installation:aaa/m=i",
	} {
		got, err := v.Resolve(name, dialect.OpChat)
		if ok(t, err); ways(got) != want {
			t.Errorf("%s leads to %s, want %s", name, ways(got), want)
		}
	}
	p, err := c.Provider(t.Context(), house, "default")
	if ok(t, err); !p.Static() || p.Kind != catalog.Compatible {
		t.Errorf("got %+v", p)
	}
	_, err = c.PutProvider(t.Context(), house, of("default", catalog.OpenAI), 0)
	refused(t, "a change of it", err, core.Conflict)
	refused(t, "its removal", c.RemoveProvider(t.Context(), house, "default", 0), core.Conflict)
	_, err = c.PutProvider(t.Context(), orgA, of("default", catalog.OpenAI, "m"), 0)
	ok(t, err)
	got, err := view(t, c, orgA).Resolve("m", dialect.OpChat)
	if ok(t, err); ways(got) != "org_a:default/m=i" {
		t.Errorf("the org's own comes after the configuration's: %s", ways(got))
	}
	_, err = catalog.New(catalog.Config{Records: r.st, Static: []catalog.Spec{{Name: "x", Kind: "nothing"}}})
	refused(t, "a configuration that is wrong", err, core.Invalid)
}

// TestARouteWhoseProvidersAreGone isn't found to lead anywhere, and says so.
func TestARouteWhoseProvidersAreGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	r.put(t, house, of("all", catalog.OpenAI, "m"))
	r.route(t, orgA, "road", catalog.Leg{Provider: "all", Model: "m"})
	ok(t, r.RemoveProvider(t.Context(), house, "all", 0)) // no route of the installation's leads there
	_, err := view(t, r.Catalog, orgA).Resolve("road", dialect.OpChat)
	refused(t, "the route", err, core.Unavailable)
	off := of("all", catalog.OpenAI, "m")
	off.Off = true
	r.put(t, house, off)
	_, err = view(t, r.Catalog, orgA).Resolve("road", dialect.OpChat)
	refused(t, "the route to what is off", err, core.Unavailable)
	_, err = view(t, r.Catalog, orgA).Resolve("all/m", dialect.OpChat)
	refused(t, "what is off", err, core.NotFound)
}

type records = store.Records

// counting counts what is read, and can be stopped.
type counting struct {
	records
	mu    sync.Mutex
	lists int
	stop  chan struct{} // reads wait for it; nil: they don't
}

func (c *counting) wait(ctx context.Context) error {
	c.mu.Lock()
	stop := c.stop
	c.mu.Unlock()
	if stop == nil {
		return nil
	}
	select {
	case <-stop:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *counting) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	c.mu.Lock()
	c.lists++
	c.mu.Unlock()
	if err := c.wait(ctx); err != nil {
		return store.Record{}, err
	}
	return c.records.Record(ctx, org, kind, id)
}

// TestOneReadsForAll: a crowd that comes when a view is too old has it read once; who goes
// away doesn't wait; and what is at hand is bounded.
func TestOneReadsForAll(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	in := &counting{records: r.st}
	c := r.node(t, func(cfg *catalog.Config) { cfg.Records, cfg.Orgs = in, 4 })
	r.put(t, orgA, of("one", catalog.OpenAI, "m"))
	_ = view(t, c, orgA)
	in.lists = 0
	r.clock.Advance(5 * time.Second)
	in.stop = make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Of(t.Context(), orgA); err != nil {
				t.Error(err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Of(gone, orgA)
	if core.CodeOf(err) != core.Canceled {
		t.Errorf("who has gone gets %v", err)
	}
	close(in.stop)
	wg.Wait()
	if in.lists > 4 { // a stamp of each of the two, and of who has gone perhaps
		t.Errorf("it was read %d times", in.lists)
	}
	for i := range 50 {
		_ = view(t, c, core.OrgID(fmt.Sprintf("org_%d", i)))
	}
	if got, err := view(t, c, orgA).Resolve("m", dialect.OpChat); err != nil || got.Name != "m" {
		t.Errorf("got %+v, %v after many others", got, err)
	}
}
