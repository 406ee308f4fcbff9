package httpapi

import (
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestLimitsKeepTheirUnits turns limits to the wire and back: seconds there,
// durations here, and nothing for what wasn't named.
func TestLimitsKeepTheirUnits(t *testing.T) {
	t.Parallel()
	for _, l := range []core.Limits{{}, core.DefaultLimits, {Attempts: 1, Plans: 2, Steps: 3, Calls: 4, Tokens: 5, Wall: 90 * time.Second}} {
		if got := limits(wireLimits(l)); got != l {
			t.Errorf("%+v became %+v", l, got)
		}
	}
	if got := limits(client.Limits{WallSeconds: 60}); got != (core.Limits{Wall: time.Minute}) {
		t.Errorf("60 seconds became %+v", got)
	}
}
