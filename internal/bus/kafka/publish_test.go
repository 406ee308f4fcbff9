package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

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
