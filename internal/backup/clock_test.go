package backup_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// A backup that was made while the clock was ahead neither holds up the next nor passes
// for the newest.
func TestAClockThatWasAhead(t *testing.T) {
	r := newRig(t)
	right := r.now
	r.now = right.Add(10 * 365 * 24 * time.Hour)
	ahead := r.take()
	r.now = right
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Schedule(ctx, time.Hour, r.store, "one", slog.New(slog.DiscardHandler)) }()
	for {
		all, err := r.List()
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := r.restore("", nil); core.CodeOf(err) != core.Conflict || !strings.Contains(err.Error(), ahead.ID) || core.HintOf(err) == "" {
		t.Errorf("the newest is of the future: %v (%s)", err, core.HintOf(err))
	}
	r.wantGood(ahead.ID)
	r.wantGood(right.Format("20060102T150405Z"))
}
