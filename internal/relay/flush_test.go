package relay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
)

// stopping runs a relay of a process that leads, calls before, lets it end, and returns
// how long that took.
func stopping(t *testing.T, cfg relay.Config, p *process, before func()) (took time.Duration) {
	t.Helper()
	cfg.Outbox, cfg.Bus, cfg.Terms, cfg.TTL = p, p, p, 10*time.Second
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- relay.New(cfg).Run(ctx) }()
	synctest.Wait()
	before()
	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
	synctest.Wait()
	return time.Since(began)
}

func newProcess() *process { return &process{outbox: &outbox{}, carrier: &carrier{}, terms: &terms{}} }

// What was appended before the stop is carried before the end, in as many batches as it
// takes, and the lead given up.
func TestStopCarriesWhatIsPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		took := stopping(t, relay.Config{Poll: time.Minute, Batch: 2}, p, func() { p.add("org_a", "1", "2", "3", "4", "5") })
		equal(t, "carried", p.carrier.taken(), "1", "2", "3", "4", "5")
		equal(t, "left", p.left())
		if took != 0 || p.terms.resigned != 1 {
			t.Errorf("it took %v, and the relay resigned %d times", took, p.terms.resigned)
		}
	})
}

// What the bus is taking at the stop it takes to the end, once.
func TestStopWaitsForAPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		took := stopping(t, relay.Config{Poll: time.Second}, p, func() {
			p.set(func() { p.slow = 4 * time.Second })
			p.add("org_a", "1")
			after(2 * time.Second) // it is publishing, since the poll
			p.add("org_a", "2")
		})
		equal(t, "carried", p.carrier.taken(), "1")
		equal(t, "left", p.left(), "2")
		if took != 5*time.Second {
			t.Errorf("it took %v, want the time for a flush", took)
		}
	})
}

// A bus that is down, or says nothing, doesn't hold the end.
func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*process){
		"down":  func(p *process) { p.carrier.set(func() { p.carrier.down = true }) },
		"mute":  func(p *process) { p.set(func() { p.slow = time.Hour }) },
		"stuck": func(p *process) { p.carrier.set(func() { p.carrier.poison = map[core.EventID]bool{"1": true} }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProcess()
				took := stopping(t, relay.Config{Poll: time.Minute, Flush: 3 * time.Second}, p, func() {
					harm(p)
					p.add("org_a", "1")
				})
				equal(t, "left", p.left(), "1")
				if took > 3*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
