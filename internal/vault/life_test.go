package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault"
)

func TestRotationKeepsTheOldReadable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := r.start(t, openMaster(t, r.master)) // another process, with the old keys in its cache
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	wantTexts(t, other.store, orgA, "tsk_1", "one")
	ok(t, r.vault.Rotate(t.Context(), orgA))
	appendTo(t, r.store, orgA, "tsk_1", 1, "two")
	wantTexts(t, other.store, orgA, "tsk_1", "one", "two") // it looks for a key that it doesn't know
	appendTo(t, other.store, orgA, "tsk_1", 2, "three")
	wantTexts(t, r.store, orgA, "tsk_1", "one", "two", "three")

	again := r.start(t, openMaster(t, r.master))
	wantTexts(t, again.store, orgA, "tsk_1", "one", "two", "three")
	wantCode(t, "rotate an org without keys", r.vault.Rotate(t.Context(), orgB), core.NotFound)
}

// TestRotationsAtOnce loses none: each adds its key.
func TestRotationsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := r.start(t, openMaster(t, r.master))
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	var all sync.WaitGroup
	for _, v := range []*vault.Vault{r.vault, r.vault, other.vault, other.vault} {
		all.Go(func() {
			if err := v.Rotate(t.Context(), orgA); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if k, err := r.inner.Keyset(t.Context(), orgA); err != nil || k.Generation != 5 {
		t.Errorf("generation %d (%v), want the first and four more", k.Generation, err)
	}
	wantTexts(t, r.store, orgA, "tsk_1", "one")
}

// TestFirstWritesAtOnce lets several processes write an org's first events: one makes the
// keys, and all use them.
func TestFirstWritesAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var all sync.WaitGroup
	for i := range 16 {
		p := r.start(t, openMaster(t, r.master))
		all.Go(func() { appendTo(t, p.store, orgA, core.StreamID(fmt.Sprint("tsk_", i)), 0, "one") })
	}
	all.Wait()
	for i := range 16 {
		wantTexts(t, r.store, orgA, core.StreamID(fmt.Sprint("tsk_", i)), "one")
	}
	if k, err := r.inner.Keyset(t.Context(), orgA); err != nil || k.Generation != 1 {
		t.Errorf("generation %d, %v", k.Generation, err)
	}
}

// everything does each thing that touches an org's content.
func everything(ctx context.Context, p replica, org core.OrgID) map[string]error {
	_, appended := p.store.Append(ctx, scopeOf(org), store.Append{Stream: "tsk_1", Expected: 1, Events: []store.NewEvent{newEvent("two")}})
	_, fresh := p.store.Append(ctx, scopeOf(org), store.Append{Stream: "tsk_9", Events: []store.NewEvent{newEvent("new")}})
	_, stream := p.store.ReadStream(ctx, org, "tsk_1", 0, 10)
	_, empty := p.store.ReadStream(ctx, org, "tsk_none", 0, 10)
	_, all := p.store.ReadOrg(ctx, org, 0, 10)
	_, get := p.store.Get(ctx, org, "tasks", "tsk_1")
	_, list := p.store.List(ctx, org, "tasks", store.Query{})
	_, applied := p.store.Apply(ctx, org, "tasks", store.Mark{Stream: "tsk_1", Version: 9}, nil)
	_, buried := p.store.Buried(ctx, org, "", store.Letter{}, 10)
	_, record := p.store.Record(ctx, org, "user", "usr_1")
	_, none := p.store.Record(ctx, org, "user", "usr_none")
	_, records := p.store.Records(ctx, org, "user", "", "", 10)
	_, _, put := p.blobs.Put(ctx, org, strings.NewReader("x"), 10)
	_, opened := p.blobs.Open(ctx, org, "sha256:"+core.Digest(strings.Repeat("0", 64)))
	return map[string]error{
		"append": appended, "a new stream": fresh, "read a stream": stream, "read none": empty, "read the org": all,
		"get": get, "list": list, "apply": applied, "replace": p.store.Replace(ctx, org, "tasks", "tasks~beside"),
		"bury": p.store.Bury(ctx, org, store.Letter{Consumer: "c"}), "buried": buried, "put": put, "open": opened,
		"rotate": p.vault.Rotate(ctx, org), "record": record, "no record": none, "records": records,
		"write": p.store.Write(ctx, org, store.Change{Kind: "user", ID: core.NewID("usr"), Data: []byte(`{}`)}),
	}
}

func TestShreddingLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := r.start(t, openMaster(t, r.master))
	event := appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	appendTo(t, r.store, orgB, "tsk_1", 0, "theirs")
	apply(t, r.store, orgA, "tasks", store.Row{ID: "tsk_1", Data: []byte(`{}`)})
	user := store.Change{Kind: "user", ID: "usr_1", Data: []byte(`{}`)}
	ok(t, r.store.Write(t.Context(), orgA, user))
	d, _, err := r.blobs.Put(t.Context(), orgA, strings.NewReader("blob"), 10)
	ok(t, err)
	pending, err := r.store.Pending(t.Context(), 1)
	ok(t, err)
	wantTexts(t, other.store, orgA, "tsk_1", "one")
	old, err := r.inner.Keyset(t.Context(), orgA)
	ok(t, err)
	wantInFiles(t, r.dir, "the wrapped keys", old.Wrapped, true)

	ok(t, r.vault.Shred(t.Context(), orgA))
	wantInFiles(t, r.dir, "the wrapped keys", old.Wrapped, false)
	for name, err := range everything(t.Context(), r.replica, orgA) {
		wantCode(t, name, err, core.NotFound)
	}
	_, err = r.blobs.Open(t.Context(), orgA, d)
	wantCode(t, "open its blob", err, core.NotFound)

	// The other process heeds it when its cache is old.
	wantTexts(t, other.store, orgA, "tsk_1", "one")
	r.clock.Advance(10 * time.Second)
	for name, err := range everything(t.Context(), other, orgA) {
		wantCode(t, name+" in the other process", err, core.NotFound)
	}
	handled := r.vault.Handler(func(context.Context, core.Event) error { t.Error("an event of it was handed on"); return nil })
	ok(t, handled(t.Context(), pending[0].Event))
	ok(t, handled(t.Context(), event))

	// What removes works, and nobody else is touched.
	ok(t, r.store.Drop(t.Context(), orgA, "tasks"))
	user.Expected, user.Data = 1, nil
	ok(t, r.store.Write(t.Context(), orgA, user))
	ok(t, r.blobs.Delete(t.Context(), orgA, d))
	ok(t, r.vault.Shred(t.Context(), orgA))
	wantTexts(t, r.store, orgB, "tsk_1", "theirs")
	ok(t, r.vault.Check(t.Context()))
}

// TestTheInstallationIsntShredded: nobody could sign in any more.
func TestTheInstallationIsntShredded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ok(t, r.store.Write(t.Context(), core.Installation, store.Change{Kind: "user", ID: "usr_1", Data: []byte(`{}`)}))
	wantCode(t, "through the vault", r.vault.Shred(t.Context(), core.Installation), core.Invalid)
	wantCode(t, "through the store", r.store.Shred(t.Context(), core.Installation), core.Invalid)
	if _, err := r.start(t, openMaster(t, r.master)).store.Record(t.Context(), core.Installation, "user", "usr_1"); err != nil {
		t.Error(err)
	}
}

// TestAnOrgWithoutKeysIsShredded gets none any more.
func TestAnOrgWithoutKeysIsShredded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ok(t, r.vault.Shred(t.Context(), orgA))
	for name, err := range everything(t.Context(), r.start(t, openMaster(t, r.master)), orgA) {
		wantCode(t, name, err, core.NotFound)
	}
}

// TestWorkOfAnOrgThatIsGone isn't given out, and goes.
func TestWorkOfAnOrgThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ready := func(org core.OrgID) {
		_, err := r.store.Append(t.Context(), scopeOf(org), store.Append{Stream: "tsk_1", Events: []store.NewEvent{newEvent("x"), newEvent("y")}, Work: store.WorkReady})
		ok(t, err)
	}
	ready(orgA)
	ready(orgB)
	ok(t, r.vault.Shred(t.Context(), orgA))
	leases, err := r.store.Claim(t.Context(), "worker", 10, time.Minute)
	if err != nil || len(leases) != 1 || leases[0].Org != orgB {
		t.Errorf("claimed %v, %v", leases, err)
	}
	ok(t, r.store.Release(t.Context(), leases[0], 0))
	if left, err := r.inner.Claim(t.Context(), "worker", 10, time.Minute); err != nil || len(left) != 1 {
		t.Errorf("the store still has work of %v (%v)", left, err)
	}
}

// TestHandler hands on what was appended, and the handler's own error.
func TestHandler(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	want := appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	pending, err := r.store.Pending(t.Context(), 1)
	ok(t, err)
	if string(pending[0].Event.Data) == "one" {
		t.Error("the outbox is plain")
	}
	mine := core.E(core.NotFound, "x", "a row isn't there")
	err = r.vault.Handler(func(_ context.Context, e core.Event) error {
		if string(e.Data) != "one" || e.ID != want.ID {
			t.Errorf("handed %+v", e)
		}
		return mine
	})(t.Context(), pending[0].Event)
	if !errors.Is(err, mine) {
		t.Errorf("the handler's error came back as %v", err)
	}
	forged := pending[0].Event
	forged.Stream = "tsk_2"
	err = r.vault.Handler(func(context.Context, core.Event) error { t.Error("handed on"); return nil })(t.Context(), forged)
	wantUnopened(t, "a forged event", err)
	forged = pending[0].Event
	forged.Org = "org_unknown"
	ok(t, r.vault.Handler(func(context.Context, core.Event) error { t.Error("handed on"); return nil })(t.Context(), forged))
	if orgs, err := r.inner.KeysetOrgs(t.Context()); err != nil || len(orgs) != 1 {
		t.Errorf("a forged event made keys for its org: %v (%v)", orgs, err)
	}
}

// TestAnEventOfNoOrg is dropped and told of: as a dead letter it would be one that nobody
// can list, and its org would get keys. Keys that can't be looked for are another matter.
func TestAnEventOfNoOrg(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, log := &counted{Keysets: r.inner}, &bytes.Buffer{}
	v := vault.New(vault.Config{Keysets: c, Master: openMaster(t, r.master), Log: slog.New(slog.NewTextHandler(log, nil))})
	handle := v.Handler(func(context.Context, core.Event) error { t.Error("handed on"); return nil })
	forged := core.Event{ID: "evt_forged", Org: "org_none", Stream: "tsk_1", Version: 1, Data: []byte("x")}
	ok(t, handle(t.Context(), forged))
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "evt_forged") {
		t.Errorf("the log has %q", log)
	}
	var down error = core.E(core.Unavailable, "x", "down")
	c.fail.Store(&down)
	wantCode(t, "an event while keys can't be looked for", handle(t.Context(), forged), core.Unavailable)
}

// counted counts the looks at keysets, and can fail.
type counted struct {
	store.Keysets
	looks atomic.Int64
	fail  atomic.Pointer[error]
}

func (c *counted) Keyset(ctx context.Context, org core.OrgID) (store.Keyset, error) {
	c.looks.Add(1)
	if err := c.fail.Load(); err != nil {
		return store.Keyset{}, *err
	}
	return c.Keysets.Keyset(ctx, org)
}

// TestTheCache asks the store again when its time is over, and not before; when it can't
// ask, it doesn't go on with what it had.
func TestTheCache(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := &counted{Keysets: r.inner}
	p := r.over(c, openMaster(t, r.master))
	for v := range int64(100) {
		appendTo(t, p.store, orgA, "tsk_1", v, "x")
	}
	first := c.looks.Load()
	if first > 2 {
		t.Errorf("%d looks for 100 events", first)
	}
	r.clock.Advance(9 * time.Second)
	wantTexts(t, p.store, orgA, "tsk_2")
	if c.looks.Load() != first {
		t.Error("looked before the time")
	}
	r.clock.Advance(time.Second)
	wantTexts(t, p.store, orgA, "tsk_2")
	if c.looks.Load() != first+1 {
		t.Error("didn't look when the time was over")
	}
	r.clock.Advance(10 * time.Second)
	var down error = core.E(core.Unavailable, "x", "down")
	c.fail.Store(&down)
	_, err := p.store.ReadOrg(t.Context(), orgA, 0, 1)
	wantCode(t, "read while the keys can't be looked at", err, core.Unavailable)
}

// TestTheCacheIsBounded uses more orgs than it holds.
func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := &counted{Keysets: r.inner}
	v := vault.New(vault.Config{Keysets: c, Master: openMaster(t, r.master), Now: r.clock.Now, CacheOrgs: 2})
	s := v.Store(r.inner)
	for round := range int64(2) {
		for _, org := range []core.OrgID{"org_1", "org_2", "org_3"} {
			appendTo(t, s, org, "tsk_1", round, "x")
		}
	}
	before := c.looks.Load()
	wantTexts(t, s, "org_2", "tsk_1", "x", "x")
	wantTexts(t, s, "org_3", "tsk_1", "x", "x")
	if c.looks.Load() != before {
		t.Error("the orgs that were used last were looked up again")
	}
	wantTexts(t, s, "org_1", "tsk_1", "x", "x")
	if c.looks.Load() != before+1 {
		t.Error("an org that was dropped was still there")
	}
}
