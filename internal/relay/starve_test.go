package relay_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
)

// TestAStuckOrgStarvesNobody: an org whose events can't be carried, more of them than a
// batch holds, doesn't keep another's in the outbox.
func TestAStuckOrgStarvesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := &outbox{}, &carrier{poison: map[core.EventID]bool{}}
		for i := range 20 {
			id := core.EventID(fmt.Sprint("stuck_", i))
			c.poison[id] = true
			o.add("org_a", id)
		}
		o.add("org_b", "evt_b")
		r := relay.New(relay.Config{Outbox: o, Bus: c, Wake: o.woken, Batch: 8})
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(c.took) != 1 || c.took[0] != "evt_b" {
			t.Errorf("after an hour the bus has %v", c.took)
		}
	})
}
