package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/isekai-run/isekai/internal/core"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for want, errs := range map[core.Code][]error{
		core.Unavailable:     {errors.New("dial"), context.DeadlineExceeded, kerr.NotLeaderForPartition},
		core.Canceled:        {context.Canceled},
		core.Invalid:         {kerr.MessageTooLarge, core.E(core.Invalid, "", "ours")},
		core.Unauthenticated: {kerr.SaslAuthenticationFailed},
		core.Denied:          {kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed},
	} {
		for _, err := range errs {
			if got := core.CodeOf(translate("op", fmt.Errorf("around: %w", err))); got != want {
				t.Errorf("%v has the code %s, want %s", err, got, want)
			}
		}
	}
}

func TestPauseGrowsAndIsBounded(t *testing.T) {
	t.Parallel()
	cfg := Config{Backoff: 10 * time.Millisecond, MaxBackoff: time.Second}
	for fails, most := range map[int]time.Duration{
		0: time.Second, 1: 10 * time.Millisecond, 2: 20 * time.Millisecond, 5: 160 * time.Millisecond, 20: time.Second, 1 << 40: time.Second,
	} {
		for range 100 {
			if d := cfg.pause(fails); d > most || d < most/2 {
				t.Fatalf("after %d failures %v, want %v to %v", fails, d, most/2, most)
			}
		}
	}
}
