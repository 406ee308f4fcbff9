package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/isekai-run/isekai/internal/bus"
)

// consumer is a member of a consumer's group.
type consumer struct {
	name   string
	handle bus.Handler
	bus    *Bus
	slots  chan struct{} // holds a token for each handler that runs

	client *kgo.Client // while run runs

	mu         sync.Mutex
	partitions map[int32]*partition // those that we own and have had something of
}

func newConsumer(b *Bus, name string, h bus.Handler) *consumer {
	return &consumer{
		name: name, handle: h, bus: b,
		slots: make(chan struct{}, b.cfg.Parallel), partitions: map[int32]*partition{},
	}
}

// run takes part in the group until ctx ends.
func (c *consumer) run(ctx context.Context) error {
	all, abort := context.WithCancel(context.Background()) // of whatever the client has under way
	defer abort()
	if err := c.join(all); err != nil {
		return err
	}
	for fails := 0; ; {
		fetches := c.client.PollRecords(ctx, c.bus.cfg.Window)
		if ctx.Err() != nil {
			break
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				c.partition(p.Partition).add(p.Records)
				fails = 0
			}
		})
		c.client.AllowRebalance()
		if err := fetches.Err(); err != nil { // the client goes on by itself
			fails++
			c.bus.spare.WarnContext(ctx, "events can't be fetched", "consumer", c.name, "error", err)
			wait(ctx.Done(), c.bus.cfg.hasty().After(fails))
		}
	}
	c.leave(abort)
	c.client.Close()
	return nil
}

// join makes the client, which joins the group; ctx ends what it has under way.
func (c *consumer) join(ctx context.Context) (err error) {
	cfg := c.bus.cfg
	c.client, err = kgo.NewClient(append(c.bus.base[:len(c.bus.base):len(c.bus.base)],
		kgo.WithContext(ctx),
		kgo.ConsumerGroup(cfg.Prefix+c.name), kgo.ConsumeTopics(cfg.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // when the log isn't what it was: rather again than never
		kgo.SessionTimeout(cfg.Session), kgo.HeartbeatInterval(cfg.heartbeat()), kgo.RebalanceTimeout(cfg.rebalance()),
		// No partition goes between a poll and the handing over to its partition.
		kgo.BlockRebalanceOnPoll(), kgo.OnPartitionsRevoked(c.revoked), kgo.OnPartitionsLost(c.lost),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(commitEvery), kgo.AutoCommitCallback(c.committed),
		// A partition that goes on after a pause waits for the fetch that is under way.
		kgo.FetchMaxWait(fetchWait),
		kgo.FetchMaxBytes(maxFetch), kgo.FetchMaxPartitionBytes(maxFetchPartition),
	)...)
	if err != nil {
		return refused(err)
	}
	return nil
}

// leave commits what was applied and gives everything up. Brokers that don't answer
// don't hold it: after the grace for the handlers, they have as long again.
func (c *consumer) leave(abort func()) {
	c.client.AllowRebalance()
	c.mu.Lock()
	all := make([]int32, 0, len(c.partitions))
	for id := range c.partitions {
		all = append(all, id)
	}
	c.mu.Unlock()
	c.retire(all, c.bus.cfg.Grace)
	ctx, cancel := context.WithTimeout(context.Background(), c.bus.cfg.Grace)
	defer cancel()
	defer context.AfterFunc(ctx, abort)() // a commit waits for the one before it, whatever ctx says
	c.commit(ctx, c.client)
	_ = c.client.LeaveGroupContext(ctx) // the session's end does it otherwise
}

// partition returns one that we own.
func (c *consumer) partition(id int32) *partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.partitions[id]
	if p == nil {
		p = newPartition(c, id)
		c.partitions[id] = p
	}
	return p
}

// revoked is called before partitions go to another member, and waits for what
// runs of them.
func (c *consumer) revoked(ctx context.Context, client *kgo.Client, of map[string][]int32) {
	c.retire(of[c.bus.cfg.Topic], c.bus.cfg.Grace)
	ctx, cancel := context.WithTimeout(ctx, c.bus.cfg.Grace)
	defer cancel()
	c.commit(ctx, client)
}

// lost is called when partitions are another member's already.
func (c *consumer) lost(_ context.Context, _ *kgo.Client, of map[string][]int32) {
	c.retire(of[c.bus.cfg.Topic], 0)
}

// retire ends the work on partitions, and returns when none of it runs any more.
func (c *consumer) retire(ids []int32, grace time.Duration) {
	var all sync.WaitGroup
	for _, id := range ids {
		c.mu.Lock()
		p := c.partitions[id]
		c.mu.Unlock()
		if p == nil {
			continue
		}
		all.Go(func() {
			p.end(grace)
			// Only now: a rebalance during leave has to find it, and wait, too.
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.partitions[id] == p {
				delete(c.partitions, id)
			}
		})
	}
	all.Wait()
}

// committed is told of each commit that happens by itself.
func (c *consumer) committed(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
	if err == nil && resp != nil {
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	}
	if err != nil {
		c.uncommitted(context.Background(), err)
	}
}

func (c *consumer) commit(ctx context.Context, client *kgo.Client) {
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		c.uncommitted(ctx, err)
	}
}

// uncommitted tells of offsets that weren't committed: their events come again.
func (c *consumer) uncommitted(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	c.bus.spare.WarnContext(ctx, "offsets aren't committed", "consumer", c.name, "error", err)
}

// wait returns after d, or false as soon as end is closed.
func wait(end <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-end:
		return false
	}
}
