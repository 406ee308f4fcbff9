package kafka

import (
	"context"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/core"
)

// undecodable is the topic of what isn't ours.
func (c Config) undecodable() string { return c.Topic + ".undecodable" }

// lay puts a record that isn't ours aside, with the reason. Of one that has no room for
// that beside it, the place is kept alone: it must not hold its partition for ever.
func (b *Bus) lay(ctx context.Context, consumer string, r *kgo.Record, reason error) error {
	place := []kgo.RecordHeader{
		header("isekai-reason", reason.Error()), header("isekai-consumer", consumer), header("isekai-topic", r.Topic),
		header("isekai-partition", strconv.Itoa(int(r.Partition))), header("isekai-offset", strconv.FormatInt(r.Offset, 10)),
	}
	err := b.produce(ctx, &kgo.Record{Topic: b.cfg.undecodable(), Key: r.Key, Value: r.Value, Headers: append(slices.Clone(r.Headers), place...)})
	if core.CodeOf(err) == core.Invalid {
		place = append(place, header("isekai-left-out", "the record is too large to be copied"))
		err = b.produce(ctx, &kgo.Record{Topic: b.cfg.undecodable(), Value: []byte{}, Headers: place})
	}
	return err
}

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

func (b *Bus) produce(ctx context.Context, r *kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	if err := b.producer.ProduceSync(ctx, r).FirstErr(); err != nil {
		return translate("kafka.lay_aside", err)
	}
	return nil
}
