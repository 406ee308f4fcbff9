package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/isekai-run/isekai/internal/bus"
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

// What was applied before a clean stop doesn't come again; what wasn't, does,
// though later events of the partition were applied.
func TestOffsetsFollowTheEffects(t *testing.T) {
	t.Parallel()
	cfg := config(newFake(t).addr(), topic())
	cfg.Partitions = 1
	first, stuck := newLog(), make(chan struct{}, 100)
	b := open(t, cfg)
	b.Subscribe("one", func(ctx context.Context, e core.Event) error {
		if e.ID == "evt_b_1" {
			stuck <- struct{}{}
			return errors.New("never")
		}
		return first.handle(ctx, e)
	})
	stop := run(t, b)
	publish(t, b, event("a", 1), event("b", 1), event("a", 2), event("b", 2))
	if ids := first.wait(t, 2); !slices.Equal(ids, []core.EventID{"evt_a_1", "evt_a_2"}) {
		t.Errorf("beside a stuck stream came %v", ids)
	}
	<-stuck
	<-stuck
	stop()

	second := newLog()
	b = open(t, cfg)
	b.Subscribe("one", second.handle)
	run(t, b)
	ids := second.wait(t, 3)
	if slices.Contains(ids, "evt_a_1") {
		t.Errorf("%v came again, though the first was applied and committed", ids)
	}
	if i, j := slices.Index(ids, "evt_b_1"), slices.Index(ids, "evt_b_2"); i < 0 || j < i {
		t.Errorf("%v came, want b's in order", ids)
	}
}

// A stream that is stuck fills its partition's window, and holds no other partition.
func TestAFullWindowHoldsItsPartitionAlone(t *testing.T) {
	t.Parallel()
	cfg := config(newFake(t).addr(), topic())
	cfg.Window, cfg.Partitions = 8, 2
	b := open(t, cfg)
	var well atomic.Bool
	var came log
	came.came = make(chan struct{}, 1)
	b.Subscribe("one", func(ctx context.Context, e core.Event) error {
		if e.Stream == "s0" && !well.Load() {
			return errors.New("not now")
		}
		return came.handle(ctx, e)
	})
	run(t, b)
	var all []core.Event
	for v := int64(1); v <= 50; v++ {
		for s := range 8 { // over both partitions
			all = append(all, event(fmt.Sprint("s", s), v))
		}
	}
	publish(t, b, all...)
	// At least one other stream is in the other partition and gets through.
	counts := func() map[string]int {
		n := map[string]int{}
		for _, id := range came.seen() {
			n[strings.Split(string(id), "_")[1]]++
		}
		return n
	}
	whole := func() (streams int) {
		for _, n := range counts() {
			if n == 50 {
				streams++
			}
		}
		return streams
	}
	deadline := time.After(patience)
	for whole() == 0 {
		select {
		case <-came.came:
		case <-deadline:
			t.Fatalf("%v came", counts())
		}
	}
	if whole() == 7 {
		t.Error("the window has no bound")
	}
	well.Store(true)
	came.wait(t, len(all))
}

func TestHandlersAreBounded(t *testing.T) {
	t.Parallel()
	cfg := config(newFake(t).addr(), topic())
	cfg.Parallel = 3
	b := open(t, cfg)
	var running, most atomic.Int64
	full, came := make(chan struct{}), newLog()
	fill := sync.OnceFunc(func() { close(full) })
	b.Subscribe("one", func(ctx context.Context, e core.Event) error {
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 3 {
			fill()
		}
		select {
		case <-full:
		case <-ctx.Done():
		}
		return came.handle(ctx, e)
	})
	run(t, b)
	var all []core.Event
	for s := range 40 {
		all = append(all, event(fmt.Sprint("s", s), 1))
	}
	publish(t, b, all...)
	came.wait(t, len(all))
	if most.Load() != 3 {
		t.Errorf("%d handlers ran at once, want 3", most.Load())
	}
}

// A record that isn't ours is put aside with its reason, and holds nothing up.
func TestUndecodableIsPutAside(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	cfg := config(f.addr(), topic())
	cfg.Partitions = 1
	b := open(t, cfg)
	came := newLog()
	b.Subscribe("one", came.handle)
	publish(t, b, event("a", 1))
	foreign, err := kgo.NewClient(kgo.SeedBrokers(f.addr()), kgo.ConsumeTopics(cfg.Topic+".undecodable"))
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	ours := kgo.RecordHeader{Key: "ce_id", Value: []byte("x")}
	for _, r := range []*kgo.Record{
		{Topic: cfg.Topic, Key: []byte("org_a/a"), Value: []byte("not ours"), Headers: []kgo.RecordHeader{ours}},
		{Topic: cfg.Topic}, // no key, no value
	} {
		if err := foreign.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, event("a", 2))
	run(t, b)
	if ids := came.wait(t, 2); !slices.Equal(ids, []core.EventID{"evt_a_1", "evt_a_2"}) {
		t.Errorf("%v came", ids)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	aside := map[string]map[string]string{}
	for len(aside) < 2 {
		fetches := foreign.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			h := map[string]string{}
			for _, header := range r.Headers {
				h[header.Key] = string(header.Value)
			}
			aside[string(r.Value)] = h
		})
	}
	h := aside["not ours"]
	if h["ce_id"] != "x" || h["isekai-reason"] == "" || h["isekai-consumer"] != "one" || h["isekai-topic"] != cfg.Topic || h["isekai-offset"] != "1" {
		t.Errorf("put aside with %v", h)
	}
}

func TestPublishNamesWhatItCantCarry(t *testing.T) {
	t.Parallel()
	b := open(t, config(newFake(t).addr(), topic()))
	came := newLog()
	b.Subscribe("one", came.handle)
	run(t, b)
	large := event("a", 2)
	large.Data = make([]byte, 1_000_000-16<<10+1)
	fits := event("b", 1)
	fits.Data = large.Data[1:]
	err := b.Publish(t.Context(), []core.Event{event("a", 1), fits, large, event("a", 3), event("b", 2)})
	var u *bus.Undelivered
	if !errors.As(err, &u) || core.CodeOf(err) != core.Invalid {
		t.Fatalf("publish: %v", err)
	}
	if !slices.Equal(u.Events, []core.EventID{"evt_a_2", "evt_a_3"}) {
		t.Errorf("undelivered are %v", u.Events)
	}
	ids := came.wait(t, 3)
	slices.Sort(ids)
	if !slices.Equal(ids, []core.EventID{"evt_a_1", "evt_b_1", "evt_b_2"}) {
		t.Errorf("%v came", ids)
	}
}

// A broker that refuses one partition leaves its streams undelivered, and no other.
func TestPublishNamesAPartitionsStreams(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	cfg := config(f.addr(), topic())
	cfg.Partitions = 2
	b := open(t, cfg)
	f.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		r := req.(*kmsg.ProduceRequest)
		resp := r.ResponseKind().(*kmsg.ProduceResponse)
		refused := false
		for _, topic := range r.Topics {
			to := kmsg.NewProduceResponseTopic()
			to.Topic, to.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition = p.Partition
				if p.Partition == 0 {
					part.ErrorCode, refused = kerr.MessageTooLarge.Code, true
				} else {
					part.ErrorCode = kerr.NotLeaderForPartition.Code // try again
				}
				to.Partitions = append(to.Partitions, part)
			}
			resp.Topics = append(resp.Topics, to)
		}
		return resp, nil, refused
	})
	var events []core.Event
	for s := range 12 {
		events = append(events, event(fmt.Sprint("s", s), 1), event(fmt.Sprint("s", s), 2))
	}
	err := b.Publish(t.Context(), events)
	var u *bus.Undelivered
	if !errors.As(err, &u) || len(u.Events) == 0 || len(u.Events) == len(events) {
		t.Fatalf("publish: %v", err)
	}
	if core.CodeOf(err) != core.Invalid {
		t.Errorf("the code is %s", core.CodeOf(err))
	}
	for _, e := range events { // both of a stream, or none
		other := e.ID[:len(e.ID)-1] + core.EventID('1'+'2'-e.ID[len(e.ID)-1])
		if slices.Contains(u.Events, e.ID) != slices.Contains(u.Events, other) {
			t.Errorf("%s and %s are told apart", e.ID, other)
		}
	}
}

// A broker that takes connections and says nothing doesn't hold Publish for longer
// than its timeout, and Publish works again when it speaks.
func TestPublishIsBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	cfg := config(f.addr(), topic())
	cfg.Timeout = time.Second
	b, other := open(t, cfg), open(t, cfg)
	publish(t, b, event("a", 1))
	publish(t, other, event("b", 1))
	speak := make(chan struct{})
	f.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		f.cluster.SleepControl(func() { <-speak })
		return nil, nil, false
	})
	start := time.Now()
	err := b.Publish(t.Context(), []core.Event{event("a", 2)})
	if took := time.Since(start); core.CodeOf(err) != core.Unavailable || took < 900*time.Millisecond || took > 5*time.Second {
		t.Errorf("publish on a mute broker: %v after %v", err, took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := other.Publish(ctx, []core.Event{event("b", 2)}); core.CodeOf(err) != core.Canceled {
		t.Errorf("publish when its caller gives up: %v", err)
	}
	close(speak)
	came := newLog()
	b.Subscribe("one", came.handle)
	run(t, b)
	publishUntil(t, b, event("a", 2))
	came.wait(t, 3)
}

func TestNew(t *testing.T) {
	t.Parallel()
	f := newFake(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "isekai", "hunter2"), kfake.Superuser("PLAIN", "isekai", "hunter2"))
	closed := newFake(t)
	closed.close()
	var logged bytes.Buffer
	for name, c := range map[string]struct {
		change func(*kafka.Config)
		code   core.Code
	}{
		"the right password": {func(c *kafka.Config) {}, ""},
		"a wrong password":   {func(c *kafka.Config) { c.SASL.Password = "hunter3" }, core.Unavailable}, // the fake hangs up
		"another mechanism":  {func(c *kafka.Config) { c.SASL.Mechanism = "NONE" }, core.Invalid},
		"in the clear":       {func(c *kafka.Config) { c.SASL.Mechanism = "PLAIN" }, core.Invalid},
		"no broker named":    {func(c *kafka.Config) { c.Brokers = nil }, core.Invalid},
		"no broker there":    {func(c *kafka.Config) { c.Brokers = []string{closed.addr()} }, core.Unavailable},
	} {
		cfg := config(f.addr(), topic())
		cfg.SASL = &kafka.SASL{Mechanism: "SCRAM-SHA-256", User: "isekai", Password: "hunter2"}
		c.change(&cfg)
		cfg.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Log.Info("config", "sasl", cfg.SASL, "text", fmt.Sprintf("%v %+v %#v", cfg.SASL, *cfg.SASL, cfg))
		b, err := kafka.New(t.Context(), cfg)
		if core.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
		if err != nil && core.HintOf(err) == "" {
			t.Errorf("%s: %v has no hint", name, err)
		}
		if err == nil {
			publish(t, b, event("a", 1))
			b.Close()
		}
		if strings.Contains(fmt.Sprint(err)+logged.String(), "hunter") {
			t.Errorf("%s: the password can be read: %v %s", name, err, logged.String())
		}
	}
}

// A topic that may not be made is named, with what to do.
func TestTopicsThatMayNotBeMade(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.cluster.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range req.(*kmsg.CreateTopicsRequest).Topics {
			to := kmsg.NewCreateTopicsResponseTopic()
			to.Topic, to.ErrorCode = topic.Topic, kerr.TopicAuthorizationFailed.Code
			resp.Topics = append(resp.Topics, to)
		}
		return resp, nil, true
	})
	_, err := kafka.New(t.Context(), config(f.addr(), "closed"))
	if core.CodeOf(err) != core.Denied || !strings.Contains(err.Error(), "closed") || !strings.Contains(core.HintOf(err), "partitions") {
		t.Errorf("new: %v (%s)", err, core.HintOf(err))
	}
}
