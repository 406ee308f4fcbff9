package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/bus"
)

// Listen implements bus.Bus.
func (b *Bus) Listen(h bus.Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(b.listeners, h)
}

// listen reads the topic from its end on, in no group, until ctx ends: every process
// gets every event.
func (b *Bus) listen(ctx context.Context, listeners []bus.Handler) error {
	client, err := kgo.NewClient(append(b.base[:len(b.base):len(b.base)],
		kgo.WithContext(ctx), // brokers that don't answer don't hold its end
		kgo.ConsumeTopics(b.cfg.Topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtEnd()), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.FetchMaxWait(fetchWait), kgo.FetchMaxBytes(maxFetch), kgo.FetchMaxPartitionBytes(maxFetchPartition),
	)...)
	if err != nil {
		return refused(err)
	}
	defer client.Close()
	for {
		fetches := client.PollRecords(ctx, b.cfg.Window)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachRecord(func(r *kgo.Record) {
			e, err := b.codec.decode(r)
			if err != nil {
				return // the consumers put it aside
			}
			for _, h := range listeners {
				_ = h(ctx, e)
			}
		})
		if err := fetches.Err(); err != nil {
			b.cfg.Log.WarnContext(ctx, "news can't be fetched", "error", err)
			wait(ctx.Done(), b.cfg.pause(1))
		}
	}
}
