package deadletter_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// TestAppliedOnceInOrderOrBuried holds the law of the package under any sequence of
// deliveries, duplicates, failures of every kind, replays and drops.
func TestAppliedOnceInOrderOrBuried(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(st, rapid.Bool().Draw(t, "wait"))
		const versions = 6
		streams := []core.StreamID{"s0", "s1"}
		events := map[core.StreamID][]core.Event{}
		for _, s := range streams {
			events[s] = r.append(t, s, versions)
		}
		taken := map[core.StreamID]int{} // what the bus is done with
		dropped := map[core.StreamID][]int64{}
		bad := map[core.EventID]bool{}
		draw := func(e core.Event) error {
			switch {
			case bad[e.ID]:
				return errBad
			case rapid.IntRange(0, 9).Draw(t, "passing") == 0:
				return core.E(core.Unavailable, "test", "not now")
			}
			return nil
		}
		r.fail, r.ack = draw, func(core.Event) error { // the effect is there, its success isn't heard of
			if rapid.IntRange(0, 9).Draw(t, "ack lost") == 0 {
				return core.E(core.Unavailable, "test", "connection lost")
			}
			return nil
		}
		stream := rapid.SampledFrom(streams)
		version := rapid.Int64Range(1, versions)
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(t *rapid.T) {
				s := stream.Draw(t, "stream")
				n := taken[s]
				if n > 0 && rapid.IntRange(0, 3).Draw(t, "again") == 0 {
					n = rapid.IntRange(0, n-1).Draw(t, "from") // a rebalance goes back
				}
				for ; n < versions; n++ {
					err := r.guard.Handle(context.Background(), events[s][n])
					if err != nil && core.CodeOf(err) != core.Unavailable {
						t.Fatal(err)
					}
					if err != nil {
						return
					}
					if taken[s] = max(taken[s], n+1); rapid.Bool().Draw(t, "stop") && n >= taken[s]-1 {
						return
					}
				}
			},
			"break": func(t *rapid.T) { bad[events[stream.Draw(t, "stream")][version.Draw(t, "version")-1].ID] = true },
			"mend":  func(t *rapid.T) { clear(bad) },
			"replay": func(t *rapid.T) {
				s, v := stream.Draw(t, "stream"), version.Draw(t, "version")
				_, err := r.service.Replay(context.Background(), r.scope, "one", s, v)
				if c := core.CodeOf(err); c == core.NotFound && slices.Contains(r.letters(t)[s], v) {
					t.Fatal(err)
				}
			},
			"drop": func(t *rapid.T) {
				s, v := stream.Draw(t, "stream"), version.Draw(t, "version")
				if r.guard.Wait { // its handler relies on every version
					return
				}
				if _, err := r.service.Drop(context.Background(), r.scope, "one", s, v); err == nil {
					dropped[s] = append(dropped[s], v)
				}
			},
			"": func(t *rapid.T) { r.check(t, taken, dropped) },
		})
		clear(bad)
		r.fail, r.ack = nil, nil
		for _, s := range streams {
			r.deliver(t, events[s][taken[s]:]...)
			taken[s] = versions
		}
		r.replayAll(t)
		r.check(t, taken, dropped)
		if left := r.letters(t); len(left) > 0 {
			t.Fatalf("%v are left", left)
		}
	})
}

// check holds the law for what the bus is done with.
func (r *rig) check(t rapid.TB, taken map[core.StreamID]int, dropped map[core.StreamID][]int64) {
	t.Helper()
	if r.fault != "" {
		t.Fatal(r.fault)
	}
	buried := r.letters(t)
	for s, n := range taken {
		done := r.applied[s]
		if sorted := slices.Sorted(slices.Values(done)); len(slices.Compact(sorted)) != len(done) {
			t.Fatalf("%s was applied as %v", s, done)
		}
		for v := int64(1); v <= int64(n); v++ {
			if !slices.Contains(done, v) && !slices.Contains(buried[s], v) && !slices.Contains(dropped[s], v) {
				t.Fatalf("version %d of %s was lost: applied %v, buried %v", v, s, done, buried[s])
			}
		}
	}
}

// replayAll replays until no letter is left.
func (r *rig) replayAll(t rapid.TB) {
	t.Helper()
	for {
		letters, err := r.service.List(context.Background(), r.scope, "one", store.Letter{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(letters) == 0 {
			return
		}
		if _, err := r.service.Replay(context.Background(), r.scope, "one", letters[0].Stream, letters[0].Version); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplaysBesideDeliveries lets operators replay everything all the time, while
// events come and fail at random.
func TestReplaysBesideDeliveries(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	for _, wait := range []bool{false, true} {
		t.Run(fmt.Sprint("wait=", wait), func(t *testing.T) {
			t.Parallel()
			r := newRig(st, wait)
			random := rand.New(rand.NewPCG(1, 2)) // under r.mu
			r.fail = func(core.Event) error {
				switch random.IntN(4) {
				case 0:
					return core.E(core.Unavailable, "test", "not now")
				case 1, 2:
					return errBad
				}
				return nil
			}
			const streams, versions = 4, 25
			taken := map[core.StreamID]int{}
			deliveries, replays := sync.WaitGroup{}, sync.WaitGroup{}
			over := make(chan struct{})
			for i := range streams {
				s := core.StreamID(fmt.Sprint("s", i))
				taken[s] = versions
				events := r.append(t, s, versions)
				deliveries.Go(func() {
					for i := range events {
						for _, e := range events[max(0, i-1) : i+1] { // the last one again, and the next
							for r.guard.Handle(t.Context(), e) != nil {
							}
						}
					}
				})
			}
			for range 3 {
				replays.Go(func() {
					for {
						letters, err := r.service.List(t.Context(), r.scope, "", store.Letter{}, 100)
						if err != nil {
							t.Error(err)
							return
						}
						for _, l := range letters { // one that fails is tried in the next round
							_, _ = r.service.Replay(t.Context(), r.scope, "one", l.Stream, l.Version)
						}
						select {
						case <-over:
							return
						default:
						}
					}
				})
			}
			deliveries.Wait()
			close(over)
			replays.Wait()
			r.check(t, taken, nil)
			r.fail = nil
			r.replayAll(t)
			r.check(t, taken, nil)
			for s := range taken {
				if len(r.applied[s]) != versions {
					t.Errorf("%s was applied as %v", s, r.applied[s])
				}
			}
		})
	}
}
