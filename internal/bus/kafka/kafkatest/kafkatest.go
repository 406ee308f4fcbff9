// Package kafkatest runs a real Apache Kafka for tests and benchmarks: one node,
// on loopback, with its data in a folder that goes with it. `make kafka` fetches
// what it runs.
//
// A test binary should start one and give each test topics of its own: a broker
// takes seconds to come up, and some 300 MB. The product never imports it.
package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
func New() (*Broker, error) { return start(plain) }

// start starts a broker with settings of its own; plain has none.
func start(own func(*Broker) (settings, error)) (*Broker, error) {
	jars, err := folder()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kafka")
	if err != nil {
		return nil, err
	}
	b := &Broker{jars: jars, dir: dir}
	more, err := own(b)
	if err == nil {
		err = b.format(more)
	}
	if err != nil {
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
