package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func testDraw(t *testing.T, open Open) {
	st, clock := start(t, open)
	rate := store.Rate{Burst: 5, Per: 10 * time.Second} // a token in two seconds
	for i, c := range []struct {
		pass time.Duration
		want int
		got  int
		left int
		wait time.Duration
	}{
		{0, 3, 3, 2, 0}, {0, 1, 1, 1, 0}, {0, 4, 1, 0, 2 * time.Second}, {0, 1, 0, 0, 2 * time.Second},
		{time.Second, 1, 0, 0, time.Second}, {time.Second - time.Microsecond, 1, 0, 0, time.Microsecond},
		{time.Microsecond, 1, 1, 0, 2 * time.Second}, {5 * time.Second, 1, 1, 1, 0}, {0, 1, 1, 0, time.Second},
		{time.Hour, 9, 5, 0, 2 * time.Second},
	} {
		clock.Advance(c.pass)
		got, left, wait, err := st.Draw(t.Context(), "org_a", "sign-in", c.want, rate)
		if err != nil || got != c.got || left != c.left || wait != c.wait {
			t.Errorf("step %d: %d, %d left, wait %v (%v); want %+v", i, got, left, wait, err, c)
		}
	}
	for _, other := range [][2]string{{"org_b", "sign-in"}, {"org_a", "sign-up"}} {
		if got, left, _, err := st.Draw(t.Context(), core.OrgID(other[0]), other[1], 1, rate); err != nil || got != 1 || left != 4 {
			t.Errorf("%v: %d, %d left (%v)", other, got, left, err)
		}
	}
	// A rate that is given anew counts at once, and a clock that goes back costs one Per at most.
	if got, _, _, err := st.Draw(t.Context(), "org_a", "sign-in", 1, store.Rate{Burst: 1000, Per: 20 * time.Second}); err != nil || got != 1 {
		t.Errorf("with a longer rate: %d (%v)", got, err)
	}
	clock.Advance(-time.Hour)
	if _, _, wait, err := st.Draw(t.Context(), "org_a", "sign-in", 1, rate); err != nil || wait != 2*time.Second {
		t.Errorf("after the clock went back: wait %v (%v)", wait, err)
	}
	for name, c := range map[string]func() error{
		"no org":    func() error { _, _, _, err := st.Draw(t.Context(), "", "b", 1, rate); return err },
		"no bucket": func() error { _, _, _, err := st.Draw(t.Context(), "org_a", "", 1, rate); return err },
		"nothing":   func() error { _, _, _, err := st.Draw(t.Context(), "org_a", "b", 0, rate); return err },
		"too fast": func() error {
			_, _, _, err := st.Draw(t.Context(), "org_a", "b", 1, store.Rate{Burst: 2, Per: time.Microsecond})
			return err
		},
		"no rate": func() error { _, _, _, err := st.Draw(t.Context(), "org_a", "b", 1, store.Rate{}); return err },
	} {
		wantCode(t, name, c(), core.Invalid)
	}
}

// testDrawOnce: of many who draw at once, as many get a token as there are.
func testDrawOnce(t *testing.T, open Open) {
	st, _ := start(t, open)
	var drawn atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			got, _, _, err := st.Draw(t.Context(), "org_a", "b", 3, store.Rate{Burst: 100, Per: time.Hour})
			if err != nil {
				t.Error(err)
			}
			drawn.Add(int64(got))
		})
	}
	all.Wait()
	if drawn.Load() != 100 {
		t.Errorf("%d tokens were drawn, want 100", drawn.Load())
	}
}

// testDrawModel draws from random buckets: whatever the rates, no more comes out than a
// full bucket and what has come back since, and the store's arithmetic is Take's.
func testDrawModel(t *testing.T, open Open) {
	st, clock := start(t, open)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		rate := store.Rate{Per: time.Duration(rapid.Int64Range(1_000_000, int64(1000*time.Hour)).Draw(rt, "per"))}
		rate.Burst = rapid.OneOf(rapid.IntRange(1, 10), rapid.IntRange(1, int(rate.Per.Microseconds()))).Draw(rt, "burst")
		org, begin, drawn := core.OrgID(fmt.Sprint("org_", runs)), clock.Now(), int64(0)
		var full int64
		rt.Repeat(map[string]func(*rapid.T){
			"draw": func(*rapid.T) {
				want := rapid.IntRange(1, 2*rate.Burst).Draw(rt, "want")
				var mustGet, mustLeave int
				var mustWait time.Duration
				full, mustGet, mustLeave, mustWait = rate.Take(full, clock.Now().UnixNano(), want)
				got, left, wait, err := st.Draw(rt.Context(), org, "b", want, rate)
				if err != nil || got != mustGet || left != mustLeave || wait != mustWait {
					rt.Fatalf("%d of %d, %d left, wait %v (%v); want %d, %d left, wait %v", got, want, left, wait, err, mustGet, mustLeave, mustWait)
				}
				if (wait == 0) != (left > 0) {
					rt.Fatalf("%d are left, and a wait of %v", left, wait)
				}
				drawn += int64(got)
				passed := float64(clock.Now().Sub(begin)) / float64(rate.Per)
				if most := float64(rate.Burst)*(1+passed)*1.001 + 1; float64(drawn) > most {
					rt.Fatalf("%d were drawn, at most %g may be", drawn, most)
				}
			},
			"advance": func(*rapid.T) {
				clock.Advance(time.Duration(rapid.Int64Range(1, int64(rate.Per)/1000).Draw(rt, "us")) * time.Microsecond)
			},
			"wait": func(*rapid.T) {
				_, wait := rate.Left(full, clock.Now().UnixNano())
				clock.Advance(wait.Truncate(time.Microsecond) + time.Microsecond)
				if left, _ := rate.Left(full, clock.Now().UnixNano()); left < 1 {
					rt.Fatalf("after a wait of %v there is none", wait)
				}
			},
		})
	})
}

func testShares(t *testing.T, open Open) {
	st, _ := start(t, open)
	for _, share := range []int{1, 3, store.MaxShare, 2} {
		if share > 1 {
			if err := st.SetShare(t.Context(), "org_a", share); err != nil {
				t.Fatal(err)
			}
		}
		if got := must(st.Share(t.Context(), "org_a"))(t); got != share {
			t.Errorf("the share is %d, want %d", got, share)
		}
		if got := must(st.Share(t.Context(), "org_b"))(t); got != 1 {
			t.Errorf("another org's share is %d", got)
		}
	}
	for _, bad := range []int{-1, 0, store.MaxShare + 1} {
		wantCode(t, fmt.Sprint(bad), st.SetShare(t.Context(), "org_a", bad), core.Invalid)
	}
	wantCode(t, "no org", st.SetShare(t.Context(), "", 1), core.Invalid)
	if got := must(st.Orgs(t.Context()))(t); len(got) != 0 {
		t.Errorf("%v have events", got)
	}
}

// testSharedRound: in each turn of the round an org gets as many streams as its share says,
// whether they are claimed one by one or many at a time.
func testSharedRound(t *testing.T, open Open) {
	for _, n := range []int{1, 2, 5, 12} {
		st, _ := start(t, open)
		for i := range 6 {
			for _, org := range []core.OrgID{"org_a", "org_b", "org_c"} {
				add(t, st, org, core.StreamID(fmt.Sprint("tsk_", i)), 0, 1, store.WorkReady)
			}
		}
		if err := st.SetShare(t.Context(), "org_b", 3); err != nil {
			t.Fatal(err)
		}
		var got []core.OrgID
		for len(got) < 18 {
			leases := claim(t, st, n)
			if len(leases) == 0 {
				t.Fatalf("%d were claimed", len(got))
			}
			for _, l := range leases {
				got = append(got, l.Org)
			}
		}
		want := []core.OrgID{"org_a", "org_b", "org_b", "org_b", "org_c", "org_a", "org_b", "org_b", "org_b", "org_c"}
		want = append(want, "org_a", "org_c", "org_a", "org_c", "org_a", "org_c", "org_a", "org_c")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d at a time (-want +got):\n%s", n, diff)
		}
	}
}
