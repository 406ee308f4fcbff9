package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
)

// key names a stream of the model.
type key struct {
	org    core.OrgID
	stream core.StreamID
}

// job is a stream's work in the model.
type job struct {
	due   time.Time
	token int64 // of the lease; 0: none
}

// model is what a store should be, in maps. It accepts each answer of the store
// or fails the test, so that answers may differ where the contract leaves it open.
type model struct {
	t      *rapid.T
	st     store.Store
	clock  *coretest.Clock
	orgs   []core.OrgID
	events map[core.OrgID][]core.Event
	heads  map[key]int64
	outbox []store.Message
	work   map[key]*job
	leases []store.Lease        // all that were ever given
	served map[core.OrgID]int64 // when an org's latest turn ended
	given  map[core.OrgID]int   // in its turn
	shares map[core.OrgID]int   // 0: never given
	turn   int64
	tokens map[key]int64
}

// testModel runs random commands against the store and the model. Each run has
// orgs of its own and leaves no work and no message behind.
func testModel(t *testing.T, open Open) {
	st, clock := start(t, open)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		var orgs []core.OrgID
		for i := range 3 {
			orgs = append(orgs, core.OrgID(fmt.Sprintf("org_%d_%c", runs, 'a'+i)))
		}
		m := &model{
			t: rt, st: st, clock: clock, orgs: orgs, events: map[core.OrgID][]core.Event{}, heads: map[key]int64{},
			work: map[key]*job{}, served: map[core.OrgID]int64{}, given: map[core.OrgID]int{}, shares: map[core.OrgID]int{}, tokens: map[key]int64{},
		}
		defer m.clear()
		rt.Repeat(map[string]func(*rapid.T){
			"append":  func(*rapid.T) { m.append() },
			"claim":   func(*rapid.T) { m.claim() },
			"renew":   func(*rapid.T) { m.renew() },
			"release": func(*rapid.T) { m.release() },
			"publish": func(*rapid.T) { m.publish() },
			"share":   func(*rapid.T) { m.share() },
			"advance": func(*rapid.T) { clock.Advance(m.duration("advance")) },
			"read":    func(*rapid.T) { m.compare() },
		})
		m.compare()
	})
}

// clear removes the run's work and messages, whatever became of it.
func (m *model) clear() {
	for k := range m.work {
		_, _ = m.st.Append(m.t.Context(), scopeOf(k.org), store.Append{Stream: k.stream, Expected: m.heads[k], Work: store.WorkNone})
	}
	pending, _ := m.st.Pending(m.t.Context(), 10_000)
	for _, msg := range pending {
		_ = m.st.Published(m.t.Context(), []int64{msg.Seq})
	}
}

func (m *model) duration(label string) time.Duration {
	return time.Duration(rapid.IntRange(1, 40).Draw(m.t, label)) * time.Second
}

func (m *model) key() key {
	return key{
		rapid.SampledFrom(m.orgs).Draw(m.t, "org"),
		rapid.SampledFrom([]core.StreamID{"tsk_1", "tsk_2"}).Draw(m.t, "stream"),
	}
}

// lease draws one of the leases that were given, held or not.
func (m *model) lease() (store.Lease, bool) {
	if len(m.leases) == 0 {
		return store.Lease{}, false
	}
	return rapid.SampledFrom(m.leases).Draw(m.t, "lease"), true
}

func (m *model) held(l store.Lease) bool {
	j := m.work[key{l.Org, l.Stream}]
	return j != nil && j.token == l.Token && j.due.After(m.clock.Now())
}

func (m *model) append() {
	k := m.key()
	a := store.Append{Stream: k.stream, Work: rapid.SampledFrom([]store.WorkChange{
		store.WorkKeep, store.WorkReady, store.WorkReady, store.WorkNone, store.WorkLater}).Draw(m.t, "work")}
	if a.Work == store.WorkLater {
		a.Delay = m.duration("delay")
	}
	if l, ok := m.lease(); ok && rapid.Bool().Draw(m.t, "with lease") {
		k = key{l.Org, l.Stream}
		a.Stream, a.Lease = l.Stream, &l
	}
	a.Expected = max(0, m.heads[k]+int64(rapid.SampledFrom([]int{0, 0, 0, -1, 1}).Draw(m.t, "off by")))
	a.Events = news(k.stream, a.Expected, rapid.IntRange(0, 3).Draw(m.t, "events"))
	got, err := m.st.Append(m.t.Context(), scopeOf(k.org), a)
	want, lost := core.Code(""), false
	switch {
	case a.Check(scopeOf(k.org)) != nil:
		want = core.Invalid
	case a.Lease != nil && !m.held(*a.Lease):
		want, lost = core.Conflict, true
	case a.Expected != m.heads[k]:
		want = core.Conflict
	}
	if core.CodeOf(err) != want || store.LeaseLost(err) != lost {
		m.t.Fatalf("append %+v: %v, want code %q, lease lost %v", a, err, want, lost)
	}
	if err == nil {
		m.keep(k, a, got)
	}
}

// keep takes an append that the store accepted into the model.
func (m *model) keep(k key, a store.Append, got []core.Event) {
	if len(got) != len(a.Events) {
		m.t.Fatalf("%d events came back of %d", len(got), len(a.Events))
	}
	for i, e := range got {
		last := int64(0)
		if n := len(m.events[k.org]); n > 0 {
			last = m.events[k.org][n-1].Position
		}
		if e.Version != a.Expected+int64(i)+1 || e.Position <= last || e.ID != a.Events[i].ID {
			m.t.Fatalf("event %d of %+v came back as %+v after position %d", i, a, e, last)
		}
		m.events[k.org] = append(m.events[k.org], e)
		m.outbox = append(m.outbox, store.Message{Event: e})
		m.heads[k] = e.Version
	}
	now := m.clock.Now()
	switch j := m.work[k]; {
	case a.Work == store.WorkNone:
		delete(m.work, k)
	case a.Work == store.WorkLater:
		j.due, j.token = now.Add(a.Delay), 0
	case a.Work == store.WorkReady && j == nil:
		m.work[k] = &job{due: now}
	case a.Work == store.WorkReady && j.token == 0 && j.due.After(now):
		j.due = now
	}
}

func (m *model) claim() {
	n, ttl, now := rapid.IntRange(1, 4).Draw(m.t, "n"), m.duration("ttl"), m.clock.Now()
	leases, err := m.st.Claim(m.t.Context(), "worker", n, ttl)
	if err != nil {
		m.t.Fatalf("claim: %v", err)
	}
	for _, l := range leases {
		k := key{l.Org, l.Stream}
		j := m.work[k]
		if j == nil || j.due.After(now) || !l.Until.Equal(now.Add(ttl)) || l.Token <= m.tokens[k] {
			m.t.Fatalf("claimed %+v of %+v; the stream's last token is %d", l, j, m.tokens[k])
		}
		for other, o := range m.work {
			if o.due.After(now) {
				continue
			}
			if other.org == k.org && o.due.Before(j.due) {
				m.t.Fatalf("claimed %v before the older %v", k, other)
			}
			if m.served[other.org] < m.served[k.org] {
				m.t.Fatalf("served %s before %s, which has waited longer", k.org, other.org)
			}
		}
		m.turn++
		m.tokens[k] = l.Token
		if m.given[k.org]++; m.given[k.org] >= max(1, m.shares[k.org]) {
			m.served[k.org], m.given[k.org] = m.turn, 0
		}
		j.due, j.token = l.Until, l.Token
		m.leases = append(m.leases, l)
	}
	if len(leases) < n {
		for k, j := range m.work {
			if !j.due.After(now) {
				m.t.Fatalf("claimed %d of %d, but %v is due", len(leases), n, k)
			}
		}
	}
}

func (m *model) share() {
	org, share := rapid.SampledFrom(m.orgs).Draw(m.t, "org"), rapid.IntRange(1, 4).Draw(m.t, "share")
	if err := m.st.SetShare(m.t.Context(), org, share); err != nil {
		m.t.Fatal(err)
	}
	m.shares[org] = share
	if got, err := m.st.Share(m.t.Context(), org); err != nil || got != share {
		m.t.Fatalf("a share of %d, want %d (%v)", got, share, err)
	}
}

func (m *model) renew() {
	l, ok := m.lease()
	if !ok {
		return
	}
	ttl, held := m.duration("ttl"), m.held(l)
	got, err := m.st.Renew(m.t.Context(), l, ttl)
	if held != (err == nil) || store.LeaseLost(err) == held {
		m.t.Fatalf("renew %+v, held %v: %v", l, held, err)
	}
	if held {
		l.Until = m.clock.Now().Add(ttl)
		if !cmp.Equal(got, l) {
			m.t.Fatalf("renewed to %+v, want %+v", got, l)
		}
		m.work[key{l.Org, l.Stream}].due = l.Until
	}
}

func (m *model) release() {
	l, ok := m.lease()
	if !ok {
		return
	}
	delay := time.Duration(rapid.IntRange(0, 20).Draw(m.t, "delay")) * time.Second
	if err := m.st.Release(m.t.Context(), l, delay); err != nil {
		m.t.Fatalf("release: %v", err)
	}
	if m.held(l) {
		*m.work[key{l.Org, l.Stream}] = job{due: m.clock.Now().Add(delay)}
	}
}

// publish removes some of what is pending.
func (m *model) publish() {
	pending := m.pending()
	var seqs []int64
	var rest []store.Message
	for i, msg := range pending {
		if rapid.Bool().Draw(m.t, fmt.Sprintf("publish %d", i)) {
			seqs = append(seqs, msg.Seq)
		} else {
			rest = append(rest, msg)
		}
	}
	if err := m.st.Published(m.t.Context(), seqs); err != nil {
		m.t.Fatalf("published: %v", err)
	}
	m.outbox = rest
}

func (m *model) pending() []store.Message {
	got, err := m.st.Pending(m.t.Context(), len(m.outbox)+1)
	if err != nil {
		m.t.Fatalf("pending: %v", err)
	}
	if len(got) != len(m.outbox) {
		m.t.Fatalf("%d messages are pending, want %d", len(got), len(m.outbox))
	}
	for i, msg := range got {
		if diff := cmp.Diff(m.outbox[i].Event, msg.Event); diff != "" {
			m.t.Fatalf("message %d (-want +got):\n%s", i, diff)
		}
	}
	return got
}

// compare reads everything back.
func (m *model) compare() {
	m.pending()
	for _, org := range m.orgs {
		got, err := m.st.ReadOrg(m.t.Context(), org, 0, len(m.events[org])+1)
		if err != nil {
			m.t.Fatalf("read %s: %v", org, err)
		}
		if diff := cmp.Diff(m.events[org], got); diff != "" {
			m.t.Fatalf("events of %s (-want +got):\n%s", org, diff)
		}
	}
	for k, head := range m.heads {
		got, err := m.st.ReadStream(m.t.Context(), k.org, k.stream, 0, int(head)+1)
		if err != nil || int64(len(got)) != head {
			m.t.Fatalf("%v has %d events (%v), want %d", k, len(got), err, head)
		}
	}
}
