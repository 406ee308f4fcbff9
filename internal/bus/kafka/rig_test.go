package kafka_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/core"
)

const patience = 20 * time.Second

func event(stream string, version int64) core.Event {
	return core.Event{
		ID: core.EventID(fmt.Sprintf("evt_%s_%d", stream, version)), Org: "org_a", Project: "prj_a", Stream: core.StreamID(stream),
		Version: version, Position: version, Type: "thing.happened", At: time.Unix(1, 0).UTC(), Data: []byte("secret"),
	}
}

// log remembers what came.
type log struct {
	mu   sync.Mutex
	ids  []core.EventID
	came chan struct{}
}

func newLog() *log { return &log{came: make(chan struct{}, 1)} }

func (l *log) handle(_ context.Context, e core.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, e.ID)
	select {
	case l.came <- struct{}{}:
	default:
	}
	return nil
}

func (l *log) seen() []core.EventID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

func (l *log) wait(t *testing.T, n int) []core.EventID {
	t.Helper()
	for deadline := time.After(patience); ; {
		if ids := l.seen(); len(ids) >= n {
			return ids
		}
		select {
		case <-l.came:
		case <-deadline:
			t.Fatalf("%v came, want %d", l.seen(), n)
		}
	}
}

// run runs a bus until stop.
func run(t *testing.T, b *kafka.Bus) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func publish(t *testing.T, b *kafka.Bus, events ...core.Event) {
	t.Helper()
	if err := b.Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// publishUntil publishes until the bus takes it.
func publishUntil(t *testing.T, b *kafka.Bus, events ...core.Event) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := b.Publish(t.Context(), events)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

var topics atomic.Int64

// topic returns a name that no other test has.
func topic() string { return fmt.Sprint("test.", topics.Add(1)) }

// config is for tests: quick to give up and to try again.
func config(addr, topic string) kafka.Config {
	return kafka.Config{
		Brokers: []string{addr}, Topic: topic, Partitions: 4, Prefix: topic + ".",
		Timeout: 2 * time.Second, Backoff: 10 * time.Millisecond, MaxBackoff: 200 * time.Millisecond, Grace: 500 * time.Millisecond, Session: time.Second,
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
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.Ports(f.port), kfake.DataDir(f.dir),
		kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "100"}))...)
	if err != nil {
		t.Fatal(err)
	}
	f.cluster = cluster
}

func (f *fake) close() { f.cluster.Close() }

func (f *fake) addr() string { return fmt.Sprint("127.0.0.1:", f.port) }
