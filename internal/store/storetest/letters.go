package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func letterOf(consumer string, stream core.StreamID, version int64) store.Letter {
	return store.Letter{
		Consumer: consumer, Mark: store.Mark{Stream: stream, Version: version},
		Event: core.EventID(fmt.Sprintf("evt_%s_%d", stream, version)), Type: "thing.happened", Reason: "bad", Tries: 5,
	}
}

func testLetters(t *testing.T, open Open) {
	st, clock := start(t, open)
	var want []store.Letter
	for _, l := range []store.Letter{letterOf("a", "s1", 2), letterOf("a", "s1", 10), letterOf("a", "s2", 1), letterOf("b", "s1", 2)} {
		if err := st.Bury(t.Context(), "org_a", l); err != nil {
			t.Fatal(err)
		}
		l.At = clock.Now()
		want = append(want, l)
	}
	if err := st.Bury(t.Context(), "org_b", letterOf("a", "s1", 2)); err != nil {
		t.Fatal(err)
	}
	read := func(consumer string, page int) (all []store.Letter) {
		var after store.Letter
		for {
			letters := must(st.Buried(t.Context(), "org_a", consumer, after, page))(t)
			all = append(all, letters...)
			if len(letters) < page {
				return all
			}
			after = letters[page-1]
		}
	}
	for _, page := range []int{1, 3, 10} {
		if diff := cmp.Diff(want, read("", page)); diff != "" {
			t.Errorf("all, in pages of %d (-want +got):\n%s", page, diff)
		}
		if diff := cmp.Diff(want[:3], read("a", page)); diff != "" {
			t.Errorf("of one consumer, in pages of %d (-want +got):\n%s", page, diff)
		}
	}
	for m, blocked := range map[store.Mark]bool{
		{Stream: "s1", Version: 1}: false, {Stream: "s1", Version: 2}: true, {Stream: "s1", Version: 3}: true, {Stream: "s3", Version: 3}: false,
	} {
		if got := must(st.Blocked(t.Context(), "org_a", "a", m))(t); got != blocked {
			t.Errorf("%v blocked: %v", m, got)
		}
	}
	again := want[0]
	again.Reason, again.Tries = "worse", 2
	if err := st.Bury(t.Context(), "org_a", again); err != nil {
		t.Fatal(err)
	}
	if got := read("a", 10)[0]; got.Reason != "worse" || got.Tries != 7 {
		t.Errorf("buried again: %+v", got)
	}
	if err := st.Unbury(t.Context(), "org_a", "a", want[0].Mark); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "unbury twice", st.Unbury(t.Context(), "org_a", "a", want[0].Mark), core.NotFound)
	if diff := cmp.Diff(want[1:], read("", 10)); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
	if got := must(st.Buried(t.Context(), "org_b", "", store.Letter{}, 10))(t); len(got) != 1 {
		t.Errorf("another org has %v", got)
	}
	_, err := st.Buried(t.Context(), "org_a", "", store.Letter{}, 0)
	wantCode(t, "no limit", err, core.Invalid)
}
