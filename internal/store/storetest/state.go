package storetest

import (
	"testing"

	"github.com/isekai-run/isekai/internal/store"
)

// state is a store of what isn't a stream, too.
type state interface {
	store.Store
	store.Records
	store.Books
	store.Quotas
	store.Shares
}

func startState(t testing.TB, open Open) (state, *clock) {
	st, clock := start(t, open)
	return st.(state), clock
}

// RunState runs the suite of what isn't a stream.
func RunState(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
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
