// Package storetest is the contract of package store as tests. Every driver
// runs it from its own test file, and so does every fake; it is the definition
// of what a store does, and no part of the product.
package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
)

// Open opens an empty store on the clock now; the test's cleanup closes what is
// open at its end. reopen closes the store and opens it again on the same data.
// Open is called from parallel tests, and each call is a store of its own.
type Open func(t testing.TB, now func() time.Time) (st store.Store, reopen func() store.Store)

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"Append", testAppend},
		{"AppendRefusals", testAppendRefusals},
		{"AppendAtomic", testAppendAtomic},
		{"ReadPages", testReadPages},
		{"Head", testHead},
		{"OrgIsolation", testOrgIsolation},
		{"BigEvents", testBigEvents},
		{"CanceledContext", testCanceledContext},
		{"OneWinnerPerVersion", testOneWinnerPerVersion},
		{"ConcurrentStreams", testConcurrentStreams},
		{"ReadOrgSkipsNothing", testReadOrgSkipsNothing},
		{"Outbox", testOutbox},
		{"Claim", testClaim},
		{"WorkChanges", testWorkChanges},
		{"LeaseExpiry", testLeaseExpiry},
		{"LeaseFence", testLeaseFence},
		{"Release", testRelease},
		{"WorkLater", testWorkLater},
		{"Fairness", testFairness},
		{"OneClaimEach", testOneClaimEach},
		{"ViewApply", testViewApply},
		{"ViewList", testViewList},
		{"ViewCursor", testViewCursor},
		{"ViewDrop", testViewDrop},
		{"ViewReplace", testViewReplace},
		{"Letters", testLetters},
		{"Terms", testTerms},
		{"OneLeader", testOneLeader},
		{"Keysets", testKeysets},
		{"OneFirstKeyset", testOneFirstKeyset},
		{"Rebuild", testRebuild},
		{"Reopen", testReopen},
		{"Close", testClose},
		{"Wake", testWake},
		{"Model", testModel},
		{"ViewModel", testViewModel},
		{"Record", testRecord},
		{"WriteRefusals", testWriteRefusals},
		{"WriteAtomic", testWriteAtomic},
		{"RecordPages", testRecordPages},
		{"RecordExpiry", testRecordExpiry},
		{"SweepStops", testSweepStops},
		{"OneWriter", testOneWriter},
		{"RecordModel", testRecordModel},
		{"Post", testPost},
		{"PostRefusals", testPostRefusals},
		{"PostShort", testPostShort},
		{"BookPages", testBookPages},
		{"Holds", testHolds},
		{"OnePosting", testOnePosting},
		{"BookModel", testBookModel},
		{"Draw", testDraw},
		{"DrawOnce", testDrawOnce},
		{"DrawModel", testDrawModel},
		{"Shares", testShares},
		{"SharedRound", testSharedRound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}

func newClock() *coretest.Clock { return coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)) }

// start opens a store on a new clock.
func start(t testing.TB, open Open) (store.Store, *coretest.Clock) {
	c := newClock()
	st, _ := open(t, c.Now)
	return st, c
}

func scopeOf(org core.OrgID) core.Scope {
	return core.Scope{Org: org, Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}
}

// news returns n new events whose ids and data name the stream and the version
// that follows after.
func news(stream core.StreamID, after int64, n int) []store.NewEvent {
	out := make([]store.NewEvent, n)
	for i := range out {
		v := after + int64(i) + 1
		out[i] = store.NewEvent{
			ID: core.EventID(fmt.Sprintf("evt_%s_%d", stream, v)), Type: "thing.happened",
			Data: json.RawMessage(fmt.Sprintf(`{"stream":%q,"version":%d}`, stream, v)),
		}
	}
	return out
}

// add appends n events to a stream at version after, and fails the test if that
// fails.
func add(t testing.TB, st store.Store, org core.OrgID, stream core.StreamID, after int64, n int, work store.WorkChange) []core.Event {
	t.Helper()
	events, err := st.Append(t.Context(), scopeOf(org), store.Append{
		Stream: stream, Expected: after, Events: news(stream, after, n), Work: work,
	})
	if err != nil {
		t.Fatalf("append to %s at %d: %v", stream, after, err)
	}
	return events
}

// must fails the test on an error.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantCode fails the test unless err has the code.
func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Fatalf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

// claim claims up to n streams for a minute.
func claim(t testing.TB, st store.Store, n int) []store.Lease {
	t.Helper()
	return must(st.Claim(t.Context(), "worker", n, time.Minute))(t)
}

// streams lists what the leases are of, as "org/stream".
func streams(leases []store.Lease) []string {
	out := []string{}
	for _, l := range leases {
		out = append(out, string(l.Org)+"/"+string(l.Stream))
	}
	return out
}
