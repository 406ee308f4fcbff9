package kafka_test

import (
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/bus/bustest"
	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core"
)

var topics atomic.Int64

// topic returns a name that no other test has.
func topic() string { return fmt.Sprint("test.", topics.Add(1)) }

// config is for tests: quick to give up and to try again.
func config(addr, topic string) kafka.Config {
	return kafka.Config{
		Brokers: []string{addr}, Topic: topic, Partitions: 4, Prefix: topic + ".",
		Timeout: 2 * time.Second, Backoff: 10 * time.Millisecond, MaxBackoff: 200 * time.Millisecond, Grace: time.Second,
	}
}

func open(t testing.TB, cfg kafka.Config) *kafka.Bus {
	t.Helper()
	b, err := kafka.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// fake is a kfake cluster that can be killed.
type fake struct {
	port    int
	dir     string
	cluster *kfake.Cluster
}

func newFake(t testing.TB, opts ...kfake.Opt) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{port: l.Addr().(*net.TCPAddr).Port, dir: t.TempDir()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f.start(t, opts...)
	t.Cleanup(f.close)
	return f
}

func (f *fake) start(t testing.TB, opts ...kfake.Opt) {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.Ports(f.port), kfake.DataDir(f.dir))...)
	if err != nil {
		t.Fatal(err)
	}
	f.cluster = cluster
}

func (f *fake) close() { f.cluster.Close() }

func (f *fake) addr() string { return fmt.Sprint("127.0.0.1:", f.port) }

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
