package notify_test

import (
	"context"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
)

func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestHubWakesTheWatchersOfTheStreamAlone(t *testing.T) {
	var h notify.Hub
	a, stopA := h.Watch("org_a", "tsk_1")
	sameIDOtherOrg, stopB := h.Watch("org_b", "tsk_1")
	defer stopB()

	for range 3 { // a watcher that doesn't read must not block the bus
		if err := h.Handle(context.Background(), core.Event{Org: "org_a", Stream: "tsk_1"}); err != nil {
			t.Fatal(err)
		}
	}
	if !woken(a) || woken(a) {
		t.Error("three events should merge into one pending wake-up")
	}
	if woken(sameIDOtherOrg) {
		t.Error("a watcher of another org was woken")
	}
	stopA()
	_ = h.Handle(context.Background(), core.Event{Org: "org_a", Stream: "tsk_1"})
	if woken(a) {
		t.Error("woken after the watch had ended")
	}
}

func TestHubConcurrently(t *testing.T) {
	var h notify.Hub
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				c, stop := h.Watch("o", "s")
				_ = h.Handle(context.Background(), core.Event{Org: "o", Stream: "s"})
				if !woken(c) {
					t.Error("not woken by an event after Watch")
				}
				stop()
			}
		})
	}
	wg.Wait()
}
