package bus_test

import (
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
)

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	t.Parallel()
	b := bus.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for fails, most := range map[int]time.Duration{
		1: 10 * time.Millisecond, 2: 20 * time.Millisecond, 5: 160 * time.Millisecond, 20: time.Second, 1 << 40: time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := b.After(fails)
			if d > most || d < most/2 {
				t.Fatalf("after %d failures %v, want %v to %v", fails, d, most/2, most)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("after %d failures only %d waits differ: those who failed together come back together", fails, len(seen))
		}
	}
}
