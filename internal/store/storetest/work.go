package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func testClaim(t *testing.T, open Open) {
	st, clock := start(t, open)
	if got := claim(t, st, 5); len(got) != 0 {
		t.Errorf("an empty store gives %v", streams(got))
	}
	for _, stream := range []core.StreamID{"tsk_3", "tsk_1", "tsk_2"} {
		add(t, st, "org_a", stream, 0, 1, store.WorkReady)
		clock.Advance(time.Second)
	}
	got := claim(t, st, 2)
	if !cmp.Equal(streams(got), []string{"org_a/tsk_3", "org_a/tsk_1"}) {
		t.Errorf("claimed %v, want the oldest two", streams(got))
	}
	for _, l := range got {
		if l.Project != "prj_one" || l.Token < 1 || !l.Until.Equal(clock.Now().Add(time.Minute)) {
			t.Errorf("lease %+v", l)
		}
	}
	if got := streams(claim(t, st, 5)); !cmp.Equal(got, []string{"org_a/tsk_2"}) {
		t.Errorf("claimed %v, want the third", got)
	}
	if got := claim(t, st, 5); len(got) != 0 {
		t.Errorf("leased work was claimed again: %v", streams(got))
	}
	_, err := st.Claim(t.Context(), "worker", 0, time.Minute)
	wantCode(t, "claiming nothing", err, core.Invalid)
}

func testWorkChanges(t *testing.T, open Open) {
	st, clock := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkKeep)
	if got := claim(t, st, 1); len(got) != 0 {
		t.Errorf("WorkKeep made %v claimable", streams(got))
	}
	must(st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Expected: 1, Work: store.WorkReady}))(t)
	held := claim(t, st, 1)
	if len(held) != 1 {
		t.Fatal("WorkReady without an event made nothing claimable")
	}
	add(t, st, "org_a", "tsk_1", 1, 1, store.WorkReady)
	if got := claim(t, st, 1); len(got) != 0 {
		t.Errorf("WorkReady took a held lease away: %v", streams(got))
	}
	must(st.Renew(t.Context(), held[0], time.Minute))(t)
	add(t, st, "org_a", "tsk_1", 2, 1, store.WorkNone)
	_, err := st.Renew(t.Context(), held[0], time.Minute)
	if !store.LeaseLost(err) {
		t.Errorf("WorkNone left the lease: %v", err)
	}
	clock.Advance(time.Hour)
	if got := claim(t, st, 1); len(got) != 0 {
		t.Errorf("WorkNone left %v claimable", streams(got))
	}
	add(t, st, "org_a", "tsk_1", 3, 1, store.WorkReady)
	again := claim(t, st, 1)
	if len(again) != 1 || again[0].Token <= held[0].Token {
		t.Errorf("the second life of the work has lease %+v, want a token above %d", again, held[0].Token)
	}
}

func testLeaseExpiry(t *testing.T, open Open) {
	st, clock := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkReady)
	first := claim(t, st, 1)[0]
	clock.Advance(time.Minute - time.Millisecond)
	renewed := must(st.Renew(t.Context(), first, time.Minute))(t)
	if renewed.Token != first.Token || !renewed.Until.Equal(clock.Now().Add(time.Minute)) {
		t.Errorf("renewed %+v to %+v", first, renewed)
	}
	clock.Advance(time.Minute - time.Millisecond)
	if got := claim(t, st, 1); len(got) != 0 {
		t.Fatalf("a renewed lease was taken: %v", streams(got))
	}
	clock.Advance(time.Millisecond)
	_, err := st.Renew(t.Context(), renewed, time.Minute)
	if !store.LeaseLost(err) {
		t.Errorf("renewing an expired lease gives %v", err)
	}
	second := claim(t, st, 1)
	if len(second) != 1 || second[0].Token <= first.Token {
		t.Fatalf("takeover gives %+v, want a token above %d", second, first.Token)
	}
}

// testLeaseFence sees that a worker that lost its lease can neither append, nor
// renew, nor give the lease of its successor back.
func testLeaseFence(t *testing.T, open Open) {
	st, clock := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkReady)
	stale := claim(t, st, 1)[0]
	clock.Advance(time.Minute)
	appendWith := func(l store.Lease, after int64) error {
		_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{
			Stream: "tsk_1", Expected: after, Events: news("tsk_1", after, 1), Lease: &l,
		})
		return err
	}
	if err := appendWith(stale, 1); !store.LeaseLost(err) || core.CodeOf(err) != core.Conflict {
		t.Errorf("appending on an expired lease gives %v", err)
	}
	fresh := claim(t, st, 1)[0]
	if err := appendWith(stale, 1); !store.LeaseLost(err) {
		t.Errorf("appending on a stale lease gives %v", err)
	}
	if _, err := st.Renew(t.Context(), stale, time.Minute); !store.LeaseLost(err) || core.CodeOf(err) != core.Conflict {
		t.Errorf("renewing a stale lease gives %v", err)
	}
	if err := st.Release(t.Context(), stale, 0); err != nil {
		t.Errorf("releasing a stale lease gives %v", err)
	}
	if got := claim(t, st, 1); len(got) != 0 {
		t.Errorf("a stale release freed %v", streams(got))
	}
	if err := appendWith(fresh, 1); err != nil {
		t.Errorf("the successor can't append: %v", err)
	}
	if err := appendWith(fresh, 1); core.CodeOf(err) != core.Conflict || store.LeaseLost(err) {
		t.Errorf("a moved stream under a held lease gives %v", err)
	}
	if got := must(st.ReadStream(t.Context(), "org_a", "tsk_1", 0, 10))(t); len(got) != 2 {
		t.Errorf("%d events, want 2", len(got))
	}
}

func testRelease(t *testing.T, open Open) {
	st, clock := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkReady)
	l := claim(t, st, 1)[0]
	if err := st.Release(t.Context(), l, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Renew(t.Context(), l, time.Minute); !store.LeaseLost(err) {
		t.Errorf("renewing a released lease gives %v", err)
	}
	clock.Advance(10*time.Second - time.Millisecond)
	if got := claim(t, st, 1); len(got) != 0 {
		t.Errorf("claimed %v before the delay was over", streams(got))
	}
	clock.Advance(time.Millisecond)
	l = claim(t, st, 1)[0]
	if err := st.Release(t.Context(), l, time.Hour); err != nil {
		t.Fatal(err)
	}
	add(t, st, "org_a", "tsk_1", 1, 1, store.WorkReady) // cuts the delay short
	if got := claim(t, st, 1); len(got) != 1 {
		t.Error("WorkReady didn't end the delay")
	}
}

// testWorkLater sees that putting work off, and a word of it, are one: who answers the word at
// once cuts the delay short, whatever the lease's holder does then.
func testWorkLater(t *testing.T, open Open) {
	st, clock := start(t, open)
	add(t, st, "org_a", "tsk_1", 0, 1, store.WorkReady)
	l := claim(t, st, 1)[0]
	later := func(after int64) error {
		_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{
			Stream: "tsk_1", Expected: after, Events: news("tsk_1", after, 1), Work: store.WorkLater, Delay: time.Hour, Lease: &l,
		})
		return err
	}
	if err := later(1); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Renew(t.Context(), l, time.Minute); !store.LeaseLost(err) {
		t.Errorf("renewing the lease of what was put off gives %v", err)
	}
	if err := later(2); !store.LeaseLost(err) {
		t.Errorf("putting it off again gives %v", err)
	}
	clock.Advance(time.Hour - time.Millisecond)
	if got := claim(t, st, 1); len(got) != 0 {
		t.Fatalf("claimed %v before the delay was over", streams(got))
	}
	clock.Advance(time.Millisecond)
	l = claim(t, st, 1)[0]
	if err := later(2); err != nil {
		t.Fatal(err)
	}
	add(t, st, "org_a", "tsk_1", 3, 1, store.WorkReady)
	if err := st.Release(t.Context(), l, time.Hour); err != nil { // the lease is gone: it says nothing
		t.Fatal(err)
	}
	if got := claim(t, st, 1); len(got) != 1 {
		t.Error("WorkReady didn't end the delay")
	}
	for _, a := range []store.Append{{Work: store.WorkLater, Delay: time.Hour}, {Work: store.WorkLater, Delay: -1, Lease: &l}} {
		a.Stream, a.Expected, a.Events = "tsk_1", 4, news("tsk_1", 4, 1)
		_, err := st.Append(t.Context(), scopeOf("org_a"), a)
		wantCode(t, "putting off without a lease, or to before", err, core.Invalid)
	}
}

// testFairness puts one org with a thousand items before two with one each.
func testFairness(t *testing.T, open Open) {
	st, clock := start(t, open)
	var all sync.WaitGroup
	for w := range 20 {
		all.Go(func() {
			for i := range 50 {
				add(t, st, "org_big", core.StreamID(fmt.Sprintf("tsk_%04d", w*50+i)), 0, 1, store.WorkReady)
			}
		})
	}
	all.Wait()
	clock.Advance(time.Second)
	add(t, st, "org_small", "tsk_1", 0, 1, store.WorkReady)
	add(t, st, "org_tiny", "tsk_1", 0, 1, store.WorkReady)
	got := streams(claim(t, st, 4))
	for _, want := range []string{"org_small/tsk_1", "org_tiny/tsk_1"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s isn't among the first four: %v", want, got)
		}
	}
	// Now org_big has been served last. A new item of org_small goes first again.
	add(t, st, "org_small", "tsk_2", 0, 1, store.WorkReady)
	if got := streams(claim(t, st, 1)); !cmp.Equal(got, []string{"org_small/tsk_2"}) {
		t.Errorf("claimed %v, want org_small's", got)
	}
	// And an org that keeps bringing work doesn't starve the big one.
	bigs := 0
	for i := range 10 {
		add(t, st, "org_small", core.StreamID(fmt.Sprintf("tsk_more_%d", i)), 0, 1, store.WorkReady)
		for _, l := range claim(t, st, 2) {
			if l.Org == "org_big" {
				bigs++
			}
		}
	}
	if bigs != 10 {
		t.Errorf("org_big got %d of 20 turns, want every second", bigs)
	}
}

// testOneClaimEach lets workers claim at once and sees that nobody shares.
func testOneClaimEach(t *testing.T, open Open) {
	st, _ := start(t, open)
	const items, workers = 60, 6
	for i := range items {
		add(t, st, core.OrgID(fmt.Sprintf("org_%d", i%3)), core.StreamID(fmt.Sprintf("tsk_%d", i)), 0, 1, store.WorkReady)
	}
	var mu sync.Mutex
	taken := map[string]int{}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for {
				leases, err := st.Claim(t.Context(), fmt.Sprintf("worker-%d", w), 3, time.Minute)
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				if len(leases) == 0 {
					return
				}
				mu.Lock()
				for _, s := range streams(leases) {
					taken[s]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for s, n := range taken {
		if n != 1 {
			t.Errorf("%s was claimed %d times", s, n)
		}
	}
	if len(taken) != items {
		t.Errorf("%d streams were claimed, want %d", len(taken), items)
	}
}
