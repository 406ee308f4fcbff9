// Package kafka is the bus over Apache Kafka: for installations of several
// processes.
//
// platform makes it, the outbox relay publishes to it. It opens no event's data:
// what it carries is ciphertext, in a CloudEvents envelope (envelope.go). It is
// not the source of truth: a topic that was lost is filled again from the store.
//
// All events go to one topic. The key of a record is its org and stream, so a
// stream lies in one partition, in order. The number of partitions of a topic in
// use must not be changed: that would move streams. A consumer is a group; its
// members share the partitions.
//
// Of one partition, a consumer handles several streams at once and each one in
// order (partition.go). An offset is committed when everything before it has taken
// effect, so a crash and a rebalance deliver again what hadn't; nothing is skipped.
// An event whose handler fails is tried again for as long as it fails: it holds
// its stream, and when the partition's window is full, its partition.
//
// Three things are the operator's to know. A process that was frozen for longer than
// its session may be at an event that its successor is at, too: a handler's own
// transaction tells them apart. A consumer that was away for longer than the topic's
// retention has missed events, and is built anew from the store. Offsets that the
// brokers lost are begun again at the oldest.
//
// A record that isn't one of ours is logged, and goes with the reason to another
// topic, Config.Topic + ".undecodable".
package kafka

import (
	"context"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/isekai-run/isekai/internal/bus"
)

// Bus is a bus.Bus. Close it after Run has ended and nobody publishes any more.
type Bus struct {
	cfg      Config
	spare    *slog.Logger // for what goes on failing
	base     []kgo.Opt    // what every client needs
	producer *kgo.Client
	abort    context.CancelFunc
	codec    codec

	mu        sync.Mutex
	consumers []*consumer
}

var _ bus.Bus = (*Bus)(nil)

// New connects to the brokers and makes the topics that aren't there. Brokers
// that don't answer are unavailable; a topic that is missing and may not be made
// is denied, a configuration that can't be right is invalid.
func New(ctx context.Context, cfg Config) (*Bus, error) {
	cfg = cfg.withDefaults()
	log := spare(cfg.Log, warnEvery)
	base, err := cfg.options(log)
	if err != nil {
		return nil, err
	}
	all, abort := context.WithCancel(context.Background()) // of whatever the producer has under way
	producer, err := kgo.NewClient(append(base[:len(base):len(base)],
		kgo.WithContext(all),
		kgo.DefaultProduceTopic(cfg.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()), // with the idempotent producer, which is the default
		// A record whose fate is unknown is given up, and published again by the
		// relay: a duplicate. The producer's next epoch fences what is still on its way.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.RecordDeliveryTimeout(cfg.Timeout),
		kgo.ProduceRequestTimeout(cfg.Timeout),
		kgo.ProducerLinger(linger),
		kgo.MaxBufferedRecords(maxBuffered), kgo.MaxBufferedBytes(maxBuffered*4<<10),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // ciphertext doesn't shrink
		kgo.UnknownTopicRetries(-1),                       // a broker that starts doesn't know its topics yet
	)...)
	if err != nil {
		abort()
		return nil, refused(err)
	}
	b := &Bus{abort: abort, cfg: cfg, spare: log, base: base, producer: producer, codec: newCodec()}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	if err := b.prepare(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close releases the connections. It doesn't wait for brokers.
func (b *Bus) Close() {
	b.abort()
	b.producer.Close()
}

// Subscribe implements bus.Bus. A consumer that is new starts at the oldest event
// that the topic holds.
func (b *Bus) Subscribe(name string, h bus.Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.consumers {
		if c.name == name {
			panic("kafka: consumer " + name + " is subscribed twice")
		}
	}
	b.consumers = append(b.consumers, newConsumer(b, name, h))
}

// Run implements bus.Bus: it joins the consumers' groups, and leaves them when ctx
// ends, with the offsets of what was applied. Handlers that run then may finish
// for a few seconds before their context ends.
func (b *Bus) Run(ctx context.Context) error {
	b.mu.Lock()
	consumers := b.consumers
	b.mu.Unlock()
	all, ctx := errgroup.WithContext(ctx)
	for _, c := range consumers {
		all.Go(func() error { return c.run(ctx) })
	}
	all.Go(func() error { <-ctx.Done(); return nil }) // even without a consumer
	return all.Wait()
}
