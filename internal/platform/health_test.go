package platform

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLately: who goes before the answer takes it from nobody, and many at once ask once.
func TestLately(t *testing.T) {
	t.Parallel()
	var l lately
	var asked atomic.Int32
	answer := make(chan struct{})
	probe := func(ctx context.Context) error {
		asked.Add(1)
		<-answer
		return ctx.Err()
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := l.check(gone, probe); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone: %v", err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := l.check(t.Context(), probe); err != nil {
				t.Errorf("who waits: %v", err)
			}
		})
	}
	close(answer)
	wg.Wait()
	if err := l.check(t.Context(), probe); err != nil || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}
