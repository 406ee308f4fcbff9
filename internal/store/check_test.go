package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func FuzzParseCursor(f *testing.F) {
	for _, c := range []Cursor{{ID: "tsk_1"}, {Sort: -1, ID: `"\`}, {Sort: 1<<63 - 1, ID: "é"}} {
		f.Add(c.String())
	}
	for _, s := range []string{"", "e30", "bnVsbA", "tsk_1", "%%%", "eyJzIjoxLCJpIjoiYSJ9\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			if core.CodeOf(err) != core.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if c.ID == "" || c.String() != s {
			t.Errorf("%q was taken as %+v", s, c)
		}
	})
}

func TestCursorComesBack(t *testing.T) {
	t.Parallel()
	for _, want := range []Cursor{{ID: "tsk_1"}, {Sort: -1 << 63, ID: "a/b <&> é"}, {Sort: 1<<63 - 1, ID: "z"}} {
		if got, err := ParseCursor(want.String()); err != nil || got != want {
			t.Errorf("%+v came back as %+v (%v)", want, got, err)
		}
	}
}

func TestLeaseLostIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		lost bool
	}{
		{LostLease("tsk_1"), true}, {fmt.Errorf("while driving: %w", LostLease("tsk_1")), true},
		{Conflict("tsk_1"), false}, {errors.New("other"), false}, {nil, false},
	} {
		if LeaseLost(c.err) != c.lost {
			t.Errorf("%v: lost %v", c.err, !c.lost)
		}
	}
	if core.CodeOf(LostLease("tsk_1")) != core.Conflict || core.CodeOf(Conflict("tsk_1")) != core.Conflict {
		t.Error("not conflicts")
	}
}
