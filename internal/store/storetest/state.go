package storetest

import (
	"testing"

	"github.com/isekai-run/isekai/internal/store"
)

// state is a store of what isn't a stream, too.
type state interface {
	store.Store
	store.Records
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
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}
