package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// put is a change of a record that never expires.
func put(kind, id string, expected int64, data string) store.Change {
	return store.Change{Kind: kind, ID: id, Expected: expected, Data: json.RawMessage(data)}
}

// write makes changes and fails the test if that fails.
func write(t testing.TB, st store.Records, org core.OrgID, changes ...store.Change) {
	t.Helper()
	if err := st.Write(t.Context(), org, changes...); err != nil {
		t.Fatal(err)
	}
}

func testRecord(t *testing.T, open Open) {
	st, _ := start(t, open)
	_, err := st.Record(t.Context(), "org_a", "user", "u1")
	wantCode(t, "a record that isn't there", err, core.NotFound)
	for version, data := range []string{`{"name":"ann"}`, ``, `{"name":"bob"}`} {
		write(t, st, "org_a", put("user", "u1", int64(version), data))
		want := store.Record{Kind: "user", ID: "u1", Version: int64(version) + 1, Data: json.RawMessage(data)}
		if diff := cmp.Diff(want, must(st.Record(t.Context(), "org_a", "user", "u1"))(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, expected := range []int64{0, int64(version), int64(version) + 2} {
			wantCode(t, "an older version", st.Write(t.Context(), "org_a", put("user", "u1", expected, `{}`)), core.Conflict)
		}
	}
	for _, elsewhere := range []struct {
		org      core.OrgID
		kind, id string
	}{{"org_b", "user", "u1"}, {"org_a", "key", "u1"}, {"org_a", "user", "u"}, {"org_a", "user", "U1"}} {
		_, err := st.Record(t.Context(), elsewhere.org, elsewhere.kind, elsewhere.id)
		wantCode(t, fmt.Sprint(elsewhere), err, core.NotFound)
	}
	gone := store.Change{Kind: "user", ID: "u1", Expected: 3}
	write(t, st, "org_a", gone)
	_, err = st.Record(t.Context(), "org_a", "user", "u1")
	wantCode(t, "a record that went", err, core.NotFound)
	wantCode(t, "removing it again", st.Write(t.Context(), "org_a", gone), core.Conflict)
	write(t, st, "org_a", put("user", "u1", 0, `{}`))
	if r := must(st.Record(t.Context(), "org_a", "user", "u1"))(t); r.Version != 1 {
		t.Errorf("made again with version %d", r.Version)
	}
}

func testWriteRefusals(t *testing.T, open Open) {
	st, _ := start(t, open)
	long := strings.Repeat("x", store.MaxID+1)
	many := make([]store.Change, store.MaxChanges+1)
	for i := range many {
		many[i] = put("user", fmt.Sprint(i), 0, `{}`)
	}
	for name, changes := range map[string][]store.Change{
		"nothing": {}, "too many": many,
		"no kind": {put("", "u", 0, `{}`)}, "no id": {put("user", "", 0, `{}`)},
		"a long id": {put("user", long, 0, `{}`)}, "a NUL": {put("user", "a\x00b", 0, `{}`)}, "no UTF-8": {put("user", "a\xff", 0, `{}`)},
		"one twice":          {put("user", "u", 0, `{}`), put("user", "u", 1, `{}`)},
		"removal of nothing": {{Kind: "user", ID: "u"}}, "a negative version": {put("user", "u", -1, `{}`)},
		"too large": {put("user", "u", 0, strings.Repeat("x", store.MaxRecord+1))},
	} {
		wantCode(t, name, st.Write(t.Context(), "org_a", changes...), core.Invalid)
	}
	wantCode(t, "no org", st.Write(t.Context(), "", put("user", "u", 0, `{}`)), core.Invalid)
	_, err := st.Records(t.Context(), "org_a", "user", "", "", 0)
	wantCode(t, "no limit", err, core.Invalid)
	_, err = st.Sweep(t.Context(), 0)
	wantCode(t, "no limit of a sweep", err, core.Invalid)
	const sealing = 100 // bytes that a record may be longer by as it is stored
	large := put("user", strings.Repeat("i", store.MaxID), 0, strings.Repeat("x", store.MaxRecord-sealing))
	write(t, st, "org_a", large)
	if r := must(st.Record(t.Context(), "org_a", "user", large.ID))(t); string(r.Data) != string(large.Data) {
		t.Errorf("the largest came back with %d bytes", len(r.Data))
	}
}

// testWriteAtomic: one change that can't be made leaves all the others out.
func testWriteAtomic(t *testing.T, open Open) {
	st, _ := start(t, open)
	write(t, st, "org_a", put("user", "u1", 0, `1`), put("user", "u2", 0, `1`), put("key", "u1", 0, `1`))
	good := []store.Change{put("user", "u1", 1, `2`), {Kind: "user", ID: "u2", Expected: 1}, put("user", "u3", 0, `2`)}
	for name, bad := range map[string]store.Change{
		"not there": put("key", "u2", 1, `2`), "there": put("key", "u1", 0, `2`), "an older version": put("key", "u1", 2, `2`),
		"removal of an older version": {Kind: "key", ID: "u1", Expected: 2},
	} {
		for at := range len(good) + 1 {
			changes := append(append(append([]store.Change{}, good[:at]...), bad), good[at:]...)
			wantCode(t, name, st.Write(t.Context(), "org_a", changes...), core.Conflict)
		}
	}
	wantRecords(t, st, "user", "u1@1", "u2@1")
	write(t, st, "org_a", append(good, put("key", "u1", 1, `2`))...)
	wantRecords(t, st, "user", "u1@2", "u3@1")
	wantRecords(t, st, "key", "u1@2")
}

// wantRecords compares org_a's records of a kind, as id@version.
func wantRecords(t testing.TB, st store.Records, kind string, want ...string) {
	t.Helper()
	got := []string{}
	for _, r := range must(st.Records(t.Context(), "org_a", kind, "", "", 1000))(t) {
		got = append(got, fmt.Sprintf("%s@%d", r.ID, r.Version))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records of %s (-want +got):\n%s", kind, diff)
	}
}

func testRecordPages(t *testing.T, open Open) {
	st, _ := start(t, open)
	ids := []string{"A", "a", "a/", "a/1", "a/10", "a/2", "a0", "b", "é", "\U0010FFFF", "\U0010FFFFx"} // in bytewise order
	for i, id := range ids {
		write(t, st, "org_a", put("user", id, 0, fmt.Sprint(i)))
		write(t, st, "org_b", put("user", id+"0", 0, `{}`))
		write(t, st, "org_a", put("users", id+"1", 0, `{}`))
	}
	for _, prefix := range []string{"", "a", "a/", "a/1", "A", "c", "é", "\U0010FFFF"} {
		want := []string{}
		for _, id := range ids {
			if strings.HasPrefix(id, prefix) {
				want = append(want, id)
			}
		}
		for page := 1; page <= len(ids)+1; page += 3 {
			got, after := []string{}, ""
			for {
				records := must(st.Records(t.Context(), "org_a", "user", prefix, after, page))(t)
				for _, r := range records {
					got, after = append(got, r.ID), r.ID
				}
				if len(records) < page {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("those that begin with %q, in pages of %d (-want +got):\n%s", prefix, page, diff)
			}
		}
	}
	for after, want := range map[string]int{"Z": 2, "a/": 2, "a/1": 1, "a/10": 0, "zz": 0} {
		if got := must(st.Records(t.Context(), "org_a", "user", "a/1", after, 10))(t); len(got) != want {
			t.Errorf("%d after %s, want %d", len(got), after, want)
		}
	}
}

func testRecordExpiry(t *testing.T, open Open) {
	st, clock := start(t, open)
	expiring := put("session", "s1", 0, `{}`)
	expiring.Expires = clock.Now().Add(time.Minute)
	write(t, st, "org_a", expiring, put("session", "s2", 0, `{}`))
	other := expiring
	other.Expires = clock.Now().Add(2 * time.Minute)
	write(t, st, "org_b", other)
	if r := must(st.Record(t.Context(), "org_a", "session", "s1"))(t); !r.Expires.Equal(expiring.Expires) {
		t.Errorf("it expires at %v, want %v", r.Expires, expiring.Expires)
	}
	clock.Advance(time.Minute - time.Microsecond)
	wantRecords(t, st, "session", "s1@1", "s2@1")
	if n := must(st.Sweep(t.Context(), 10))(t); n != 0 {
		t.Errorf("%d were swept before they expired", n)
	}
	clock.Advance(time.Microsecond)
	_, err := st.Record(t.Context(), "org_a", "session", "s1")
	wantCode(t, "an expired record", err, core.NotFound)
	wantRecords(t, st, "session", "s2@1")
	again := expiring
	again.Expected = 1
	wantCode(t, "a change of an expired record", st.Write(t.Context(), "org_a", again), core.Conflict)
	wantCode(t, "removal of an expired record", st.Write(t.Context(), "org_a", store.Change{Kind: "session", ID: "s1", Expected: 1}), core.Conflict)
	write(t, st, "org_a", put("session", "s1", 0, `{"new":true}`)) // in its place, and it never expires
	clock.Advance(time.Hour)
	wantRecords(t, st, "session", "s1@1", "s2@1")
	for _, want := range []int{1, 0} { // org_b's alone
		if n := must(st.Sweep(t.Context(), 10))(t); n != want {
			t.Errorf("%d were swept, want %d", n, want)
		}
	}
	wantRecords(t, st, "session", "s1@1", "s2@1")
}

// testSweepStops: a sweep takes as many as it may, of all orgs.
func testSweepStops(t *testing.T, open Open) {
	st, clock := start(t, open)
	for i := range 10 {
		c := put("answer", fmt.Sprint(i), 0, `{}`)
		c.Expires = clock.Now().Add(time.Duration(i+1) * time.Second)
		write(t, st, core.OrgID(fmt.Sprint("org_", i%3)), c)
	}
	clock.Advance(8 * time.Second)
	for _, want := range []int{3, 3, 2, 0} {
		if n := must(st.Sweep(t.Context(), 3))(t); n != want {
			t.Errorf("%d were swept, want %d", n, want)
		}
	}
}

// testOneWriter lets many make, and then change, the same records.
func testOneWriter(t *testing.T, open Open) {
	st, _ := start(t, open)
	const writers, versions = 8, 10
	for v := range int64(versions) {
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				changes := []store.Change{put("user", "u1", v, fmt.Sprint(i)), put("user", "u2", v, fmt.Sprint(i))}
				if i%2 == 1 { // in any order
					changes[0], changes[1] = changes[1], changes[0]
				}
				switch err := st.Write(t.Context(), "org_a", changes...); core.CodeOf(err) {
				case "":
					won.Add(1)
				case core.Conflict:
					lost.Add(1)
				default:
					t.Errorf("writer %d at %d: %v", i, v, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != writers-1 {
			t.Fatalf("version %d: %d won and %d lost", v+1, won.Load(), lost.Load())
		}
		one, two := must(st.Record(t.Context(), "org_a", "user", "u1"))(t), must(st.Record(t.Context(), "org_a", "user", "u2"))(t)
		if one.Version != v+1 || two.Version != v+1 || string(one.Data) != string(two.Data) {
			t.Fatalf("%+v and %+v", one, two)
		}
	}
}
