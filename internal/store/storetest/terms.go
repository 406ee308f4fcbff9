package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

func testTerms(t *testing.T, open Open) {
	st, clock := start(t, open)
	lead := func(name, holder string) bool {
		return must(st.Lead(t.Context(), name, holder, time.Minute))(t)
	}
	resign := func(name, holder string) {
		if err := st.Resign(t.Context(), name, holder); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		do    func()
		name  string
		by    string
		leads bool
	}{
		{nil, "relay", "a", true}, {nil, "relay", "b", false}, {nil, "other", "b", true}, {nil, "relay", "a", true},
		{func() { clock.Advance(59 * time.Second) }, "relay", "b", false},
		{nil, "relay", "a", true}, // extended
		{func() { clock.Advance(59 * time.Second) }, "relay", "b", false},
		{func() { clock.Advance(time.Second) }, "relay", "b", true},
		{nil, "relay", "a", false},
		{func() { resign("relay", "a") }, "relay", "a", false}, // it held nothing
		{func() { resign("relay", "b") }, "relay", "a", true},
	} {
		if c.do != nil {
			c.do()
		}
		if got := lead(c.name, c.by); got != c.leads {
			t.Errorf("step %d: %s leads %s: %v", i, c.by, c.name, got)
		}
	}
}

// testOneLeader lets many ask at once.
func testOneLeader(t *testing.T, open Open) {
	st, _ := start(t, open)
	var leaders atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			leads, err := st.Lead(t.Context(), "relay", fmt.Sprint("holder", i), time.Minute)
			if err != nil {
				t.Error(err)
			}
			if leads {
				leaders.Add(1)
			}
		})
	}
	all.Wait()
	if leaders.Load() != 1 {
		t.Errorf("%d leaders", leaders.Load())
	}
}

func testKeysets(t *testing.T, open Open) {
	st, _ := start(t, open)
	_, err := st.Keyset(t.Context(), "org_a")
	wantCode(t, "no keyset", err, core.NotFound)
	wantCode(t, "change of nothing", st.SetKeyset(t.Context(), "org_a", 1, []byte("x")), core.Conflict)
	for i, wrapped := range []string{"one", "two", "three"} {
		for _, org := range []core.OrgID{"org_a", "org_b"} {
			if err := st.SetKeyset(t.Context(), org, int64(i), []byte(wrapped)); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "the same change twice", st.SetKeyset(t.Context(), org, int64(i), []byte("x")), core.Conflict)
		}
		k := must(st.Keyset(t.Context(), "org_a"))(t)
		if string(k.Wrapped) != wrapped || k.Generation != int64(i)+1 || k.Shredded {
			t.Errorf("%+v after %s", k, wrapped)
		}
	}
	for _, org := range []core.OrgID{"org_a", "org_a", "org_new"} {
		if err := st.Shred(t.Context(), org); err != nil {
			t.Fatal(err)
		}
		k := must(st.Keyset(t.Context(), org))(t)
		if len(k.Wrapped) != 0 || !k.Shredded {
			t.Errorf("%s was shredded and is %+v", org, k)
		}
		for g := range int64(6) {
			wantCode(t, "keys after shredding", st.SetKeyset(t.Context(), org, g, []byte("x")), core.Conflict)
		}
	}
	for _, org := range []core.OrgID{core.Installation, ""} {
		wantCode(t, "shredding what isn't an org's", st.Shred(t.Context(), org), core.Invalid)
	}
	if got := must(st.KeysetOrgs(t.Context()))(t); len(got) != 1 || got[0] != "org_b" {
		t.Errorf("%v have keys, want org_b", got)
	}
	if k := must(st.Keyset(t.Context(), "org_b"))(t); string(k.Wrapped) != "three" {
		t.Errorf("the other org has %+v", k)
	}
}

// testOneFirstKeyset lets many make the first: one does, and all read the same.
func testOneFirstKeyset(t *testing.T, open Open) {
	st, _ := start(t, open)
	var firsts atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			err := st.SetKeyset(t.Context(), "org_a", 0, []byte(fmt.Sprint(i)))
			if err == nil {
				firsts.Add(1)
			} else if core.CodeOf(err) != core.Conflict {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if k := must(st.Keyset(t.Context(), "org_a"))(t); firsts.Load() != 1 || k.Generation != 1 {
		t.Errorf("%d made the first, which is %+v", firsts.Load(), k)
	}
}
