package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/core"
)

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

// A record that has no room for a reason beside it doesn't hold its partition: of it,
// its place is kept.
func TestUndecodableMayBeTooLarge(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	cfg := config(f.addr(), topic())
	cfg.Partitions = 1
	b, came := open(t, cfg), newLog()
	b.Subscribe("one", came.handle)
	foreign, err := kgo.NewClient(kgo.SeedBrokers(f.addr()), kgo.ConsumeTopics(cfg.Topic+".undecodable"), kgo.ProducerBatchMaxBytes(1_048_588))
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	large := &kgo.Record{Topic: cfg.Topic, Key: []byte("org_a/a"), Value: make([]byte, 1_048_000)}
	if err := foreign.ProduceSync(t.Context(), large).FirstErr(); err != nil {
		t.Fatal(err)
	}
	publish(t, b, event("a", 1)) // of the same key
	run(t, b)
	came.wait(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	aside := foreign.PollRecords(ctx, 1)
	if err := aside.Err(); err != nil {
		t.Fatal(err)
	}
	h := map[string]string{}
	for _, header := range aside.Records()[0].Headers {
		h[header.Key] = string(header.Value)
	}
	if h["isekai-left-out"] == "" || h["isekai-reason"] == "" || h["isekai-partition"] != "0" || h["isekai-offset"] != "0" {
		t.Errorf("put aside with %v", h)
	}
}
