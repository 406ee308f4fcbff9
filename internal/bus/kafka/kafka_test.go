package kafka_test

import (
	"slices"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/bus/bustest"
	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core"
)

func TestBusOnFake(t *testing.T) {
	f := newFake(t)
	bustest.Run(t, func(t testing.TB) bus.Bus { return open(t, config(f.addr(), topic())) })
}

func TestFaultsOnFake(t *testing.T) {
	bustest.Faults(t, func(t testing.TB) bustest.Cluster {
		f, name := newFake(t), topic()
		return bustest.Cluster{
			Open: func(t testing.TB) bus.Bus {
				cfg := config(f.addr(), name)
				cfg.Timeout = time.Second
				return open(t, cfg)
			},
			Kill:    func(testing.TB) { f.close() },
			Restart: func(t testing.TB) { f.start(t) },
		}
	})
}

// TestOnKafka runs both suites, and what a fake can't show, on one real broker.
func TestOnKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Kafka")
	}
	b := kafkatest.Start(t)
	t.Run("FrozenBroker", func(t *testing.T) { testFrozenBroker(t, b) })
	t.Run("Bus", func(t *testing.T) {
		bustest.Run(t, func(t testing.TB) bus.Bus { return open(t, config(b.Addr, topic())) })
	})
	t.Run("Faults", func(t *testing.T) {
		bustest.Faults(t, func(testing.TB) bustest.Cluster {
			name := topic()
			return bustest.Cluster{
				Open: func(t testing.TB) bus.Bus { return open(t, config(b.Addr, name)) },
				Kill: func(testing.TB) { b.Kill() },
				Restart: func(t testing.TB) {
					if err := b.Restart(); err != nil {
						t.Fatal(err)
					}
				},
			}
		})
	})
}

// testFrozenBroker: a broker whose connections stay open and that says nothing makes
// Publish fail within its timeout, and Run end; when it wakes, all goes on.
func testFrozenBroker(t *testing.T, k *kafkatest.Broker) {
	cfg := config(k.Addr, topic())
	b, came := open(t, cfg), newLog()
	b.Subscribe("one", came.handle)
	stop := run(t, b)
	publish(t, b, event("a", 1))
	came.wait(t, 1)
	k.Freeze()
	start := time.Now()
	err := b.Publish(t.Context(), []core.Event{event("a", 2)})
	if took := time.Since(start); core.CodeOf(err) != core.Unavailable || took > 2*cfg.Timeout {
		t.Errorf("publish: %v after %v", err, took)
	}
	start = time.Now()
	stop()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("run took %v to end", took)
	}
	k.Thaw()
	publishUntil(t, b, event("a", 2))
	cfg.Prefix += "another." // the old group waits for the session of the member that couldn't say goodbye
	b, came = open(t, cfg), newLog()
	b.Subscribe("one", came.handle)
	run(t, b)
	var ids []core.EventID
	for n := 2; !slices.Contains(ids, "evt_a_2"); n++ { // what was given up may have arrived, too
		ids = came.wait(t, n)
	}
	if ids[0] != "evt_a_1" {
		t.Errorf("%v came", ids)
	}
}
