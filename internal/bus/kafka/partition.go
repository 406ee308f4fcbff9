package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition is what a consumer has fetched of one partition and not yet committed.
//
// Its window begins at the oldest record that hasn't taken effect and ends at the
// newest that was fetched. Within it, the records of a key, a lane, are handled one
// after the other by a goroutine of their own; lanes run at once. What every record
// up to some point has done is marked to be committed.
type partition struct {
	id       int32
	c        *consumer
	stop     sync.Once
	stopping chan struct{} // closed by end: no handler starts any more
	ctx      context.Context
	cancel   context.CancelFunc // of handlers that run for longer than the grace
	lanes    sync.WaitGroup

	mu     sync.Mutex
	window []*item
	queues map[string][]*item // by key; the first one is being handled
	paused bool               // the window is full: nothing is fetched
}

type item struct {
	record *kgo.Record
	done   bool
}

func newPartition(c *consumer, id int32) *partition {
	ctx, cancel := context.WithCancel(context.Background())
	return &partition{id: id, c: c, stopping: make(chan struct{}), ctx: ctx, cancel: cancel, queues: map[string][]*item{}}
}

// add takes what was fetched, in order. It doesn't wait.
func (p *partition) add(records []*kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range records {
		it := &item{record: r}
		key := string(r.Key)
		p.window = append(p.window, it)
		p.queues[key] = append(p.queues[key], it)
		if len(p.queues[key]) == 1 {
			p.lanes.Go(func() { p.run(key) })
		}
	}
	if !p.paused && len(p.window) >= p.c.bus.cfg.Window {
		p.paused = true
		p.c.client.PauseFetchPartitions(p.self())
	}
}

func (p *partition) self() map[string][]int32 {
	return map[string][]int32{p.c.bus.cfg.Topic: {p.id}}
}

// run handles the records of a key until there is none.
func (p *partition) run(key string) {
	for {
		p.mu.Lock()
		it := p.queues[key][0]
		p.mu.Unlock()
		if !p.apply(it.record) {
			return
		}
		if !p.settle(key, it) {
			return
		}
	}
}

// settle notes that a record has taken effect, and reports whether its key has
// another one.
func (p *partition) settle(key string, it *item) (more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it.done = true
	var last *kgo.Record
	n := 0
	for ; n < len(p.window) && p.window[n].done; n++ {
		last = p.window[n].record
	}
	if last != nil {
		p.c.client.MarkCommitRecords(last)
		clear(p.window[:n])
		p.window = p.window[n:]
	}
	if p.paused && len(p.window) <= p.c.bus.cfg.Window/2 {
		p.paused = false
		p.c.client.ResumeFetchPartitions(p.self())
	}
	queue := p.queues[key]
	queue[0] = nil
	if len(queue) == 1 {
		delete(p.queues, key)
		return false
	}
	p.queues[key] = queue[1:]
	return true
}

// apply handles a record until that succeeds; false: it was stopped before.
func (p *partition) apply(r *kgo.Record) bool {
	for fails := 1; ; fails++ {
		select {
		case <-p.stopping:
			return false
		default:
		}
		select {
		case p.c.slots <- struct{}{}:
		case <-p.stopping:
			return false
		}
		err := p.handle(r)
		<-p.c.slots
		if err == nil {
			return true
		}
		retry := p.c.bus.cfg.retry().After(fails)
		p.c.bus.spare.WarnContext(p.ctx, "an event wasn't applied", "consumer", p.c.name,
			"key", string(r.Key), "offset", r.Offset, "partition", r.Partition, "error", err, "retry_in", retry)
		if !wait(p.stopping, retry) {
			return false
		}
	}
}

func (p *partition) handle(r *kgo.Record) error {
	e, err := p.c.bus.codec.decode(r)
	if err != nil {
		p.c.bus.cfg.Log.ErrorContext(p.ctx, "a record isn't ours and is put aside", "consumer", p.c.name,
			"offset", r.Offset, "partition", r.Partition, "error", err, "topic", p.c.bus.cfg.undecodable())
		return p.c.bus.lay(p.ctx, p.c.name, r, err)
	}
	return p.c.handle(p.ctx, e)
}

// end starts no handler any more, lets those that run finish for a time, and returns
// when none runs. It may be called by several, who all wait; the shortest time counts.
func (p *partition) end(grace time.Duration) {
	p.stop.Do(func() { close(p.stopping) })
	t := time.AfterFunc(grace, p.cancel)
	defer t.Stop()
	p.lanes.Wait()
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused { // a later owner may be this client
		p.paused = false
		p.c.client.ResumeFetchPartitions(p.self())
	}
}
