package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// testOneWinnerPerVersion lets appenders race for each version of one stream.
func testOneWinnerPerVersion(t *testing.T, open Open) {
	st, _ := start(t, open)
	const appenders, versions = 8, 12
	for v := range int64(versions) {
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for i := range appenders {
			all.Go(func() {
				e := store.NewEvent{ID: core.EventID(fmt.Sprintf("evt_%d_%d", v, i)), Type: "x.y", Data: []byte(`{}`)}
				_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Expected: v, Events: []store.NewEvent{e}})
				switch core.CodeOf(err) {
				case "":
					won.Add(1)
				case core.Conflict:
					lost.Add(1)
				default:
					t.Errorf("appender %d at %d: %v", i, v, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != appenders-1 {
			t.Fatalf("version %d: %d won and %d lost", v+1, won.Load(), lost.Load())
		}
	}
	if got := must(st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 100))(t); len(got) != versions {
		t.Errorf("%d events, want %d", len(got), versions)
	}
}

// testConcurrentStreams appends to many streams at once, with a refusal between
// any two appends, and sees that each has what it was told.
func testConcurrentStreams(t *testing.T, open Open) {
	st, _ := start(t, open)
	const appenders, each = 16, 20
	var all sync.WaitGroup
	for i := range appenders {
		all.Go(func() {
			stream := core.StreamID(fmt.Sprintf("tsk_%02d", i))
			for v := range int64(each) {
				if _, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: stream, Expected: v, Events: news(stream, v, 1), Work: store.WorkReady}); err != nil {
					t.Errorf("%s at %d: %v", stream, v, err)
					return
				}
				_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: stream, Expected: v, Events: news(stream, v, 1)})
				if core.CodeOf(err) != core.Conflict {
					t.Errorf("%s at %d again: %v", stream, v, err)
				}
			}
		})
	}
	all.Wait()
	got := must(st.ReadOrg(t.Context(), "org_a", 0, 2*appenders*each))(t)
	next := map[core.StreamID]int64{}
	for _, e := range got {
		if e.Version != next[e.Stream]+1 {
			t.Fatalf("%s has version %d after %d", e.Stream, e.Version, next[e.Stream])
		}
		next[e.Stream] = e.Version
	}
	if len(got) != appenders*each {
		t.Errorf("%d events, want %d", len(got), appenders*each)
	}
	if n := len(claim(t, st, 2*appenders)); n != appenders {
		t.Errorf("claimed %d streams, want %d", n, appenders)
	}
}

// testReadOrgSkipsNothing follows two orgs by position while others append to
// them, in small and in large transactions, and sees every event once.
func testReadOrgSkipsNothing(t *testing.T, open Open) {
	st, _ := start(t, open)
	const appenders, each = 6, 25
	orgs := []core.OrgID{"org_a", "org_b"}
	var writers, readers sync.WaitGroup
	total := map[core.OrgID]int{}
	for i := range appenders {
		org, size := orgs[i%2], 1+i*4
		total[org] += each * size
		writers.Go(func() {
			stream := core.StreamID(fmt.Sprintf("tsk_%d", i))
			for n := range int64(each) {
				v := n * int64(size)
				_, err := st.Append(t.Context(), scopeOf(org), store.Append{Stream: stream, Expected: v, Events: news(stream, v, size)})
				if err != nil {
					t.Errorf("%s: %v", stream, err)
					return
				}
			}
		})
	}
	var written atomic.Bool
	for _, org := range orgs {
		readers.Go(func() { follow(t, st, org, total[org], &written) })
	}
	writers.Wait()
	written.Store(true)
	readers.Wait()
}

// follow reads an org until it has seen want events, or everything is written
// and there is no more.
func follow(t *testing.T, st store.Store, org core.OrgID, want int, written *atomic.Bool) {
	var at int64
	seen := 0
	next := map[core.StreamID]int64{}
	for seen < want {
		last := written.Load()
		page, err := st.ReadOrg(t.Context(), org, at, 7)
		if err != nil {
			t.Errorf("%s: %v", org, err)
			return
		}
		if len(page) == 0 && last {
			break
		}
		for _, e := range page {
			if e.Version != next[e.Stream]+1 || e.Position <= at {
				t.Errorf("%s: %s version %d at %d came after version %d and position %d", org, e.Stream, e.Version, e.Position, next[e.Stream], at)
				return
			}
			next[e.Stream], at = e.Version, e.Position
			seen++
		}
	}
	if seen != want {
		t.Errorf("%s: followed %d events, want %d", org, seen, want)
	}
}
