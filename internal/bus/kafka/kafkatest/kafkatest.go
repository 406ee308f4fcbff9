// Package kafkatest runs a real Apache Kafka for tests and benchmarks: one node,
// on loopback, with its data in a folder that goes with it. `make kafka` fetches
// what it runs.
//
// A test binary should start one and give each test topics of its own: a broker
// takes seconds to come up, and some 300 MB. The product never imports it.
package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Version is the Apache Kafka that scripts/kafka fetches.
const Version = "4.1.1"

// patience bounds the wait for a broker to come up, on a machine that has much
// else to do.
const patience = 2 * time.Minute

// Broker is a node that runs, or was killed. Its methods are not for concurrent
// use.
type Broker struct {
	Addr string // host:port, the same after a Restart

	jars, dir string
	process   *exec.Cmd
	ended     chan struct{} // closed when process has
}

// Start starts a broker for the rest of a test. When Kafka isn't there, the test
// fails.
func Start(t testing.TB) *Broker {
	t.Helper()
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// New starts a broker. Close it.
func New() (*Broker, error) {
	jars, err := folder()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kafka")
	if err != nil {
		return nil, err
	}
	b := &Broker{jars: jars, dir: dir}
	if err := b.format(); err != nil {
		b.Close()
		return nil, err
	}
	if err := b.Restart(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// folder returns where scripts/kafka has put the jars.
func folder() (string, error) {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(home, ".cache")
	}
	dir := filepath.Join(cache, "isekai", "kafka-"+Version)
	_, err := os.Stat(dir)
	if err == nil {
		_, err = exec.LookPath("java")
	}
	if err != nil {
		return "", fmt.Errorf("no Apache Kafka to test against: run `make kafka` (%w)", err)
	}
	return dir, nil
}

func (b *Broker) config() string { return filepath.Join(b.dir, "server.properties") }

// format chooses the ports and prepares the data folder.
func (b *Broker) format() error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.Addr = "127.0.0.1:" + ports[0]
	properties := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:%[2]s
listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
num.network.threads=2
num.io.threads=2
num.partitions=1
default.replication.factor=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
log.segment.bytes=16777216
log.index.size.max.bytes=1048576
`, ports[0], ports[1], filepath.Join(b.dir, "data"))
	if err := os.WriteFile(b.config(), []byte(properties), 0o600); err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	cluster := strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(id[:]), "-", "_")
	out, err := b.java("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", b.config()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	return nil
}

func (b *Broker) java(argv ...string) *exec.Cmd {
	return exec.Command("java", append([]string{
		"-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dlog4j2.level=warn", "-cp", filepath.Join(b.jars, "*"),
	}, argv...)...)
}

// Restart starts the broker that was killed, on its ports and data, and returns
// when it answers.
func (b *Broker) Restart() error {
	output, err := os.OpenFile(filepath.Join(b.dir, "output"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	b.process = b.java("kafka.Kafka", b.config())
	b.process.Stdout, b.process.Stderr = output, output
	b.process.SysProcAttr = attributes()
	if err := b.process.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	b.ended = ended
	go func(p *exec.Cmd) { defer close(ended); _ = p.Wait() }(b.process)
	if err := b.ready(); err != nil {
		said, _ := os.ReadFile(output.Name())
		return fmt.Errorf("the broker doesn't come up: %w\n%s", err, said[max(0, len(said)-4000):])
	}
	return nil
}

// ready waits until the broker answers.
func (b *Broker) ready() error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if err = client.Ping(ctx); err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		case <-b.ended:
			return errors.New("it ended")
		}
	}
}

// Kill ends the broker at once, as a crash does.
func (b *Broker) Kill() {
	b.signal(syscall.SIGKILL)
	if b.ended != nil {
		<-b.ended
	}
}

// Freeze stops the broker until Thaw: connections stay open, and nothing answers.
func (b *Broker) Freeze() { b.signal(syscall.SIGSTOP) }

// Thaw lets a frozen broker go on.
func (b *Broker) Thaw() { b.signal(syscall.SIGCONT) }

func (b *Broker) signal(s syscall.Signal) {
	if b.process != nil {
		_ = b.process.Process.Signal(s) // one that has ended needs none
	}
}

// Close kills the broker and removes its data.
func (b *Broker) Close() {
	b.Kill()
	_ = os.RemoveAll(b.dir)
}

func freePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all at once, so that they differ
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
