package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/isekai-run/isekai/internal/core"
)

// prepare sees to it that the topics are there.
func (b *Bus) prepare(ctx context.Context) error {
	const op = "kafka.open"
	if err := b.producer.Ping(ctx); err != nil {
		return translate(op, err)
	}
	admin := kadm.NewClient(b.producer)
	there, err := admin.ListTopics(ctx, b.cfg.Topic, b.cfg.undecodable())
	if err != nil {
		return translate(op, err)
	}
	for topic, partitions := range map[string]int32{b.cfg.Topic: b.cfg.Partitions, b.cfg.undecodable(): 1} {
		if there.Has(topic) {
			continue
		}
		// The replication is the brokers' default.
		_, err := admin.CreateTopic(ctx, partitions, -1, nil, topic)
		switch {
		case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.PolicyViolation):
			return core.E(core.Denied, op, "topic "+topic+" isn't there, and we may not make it").Because(err).
				WithHint(fmt.Sprintf("make it with %d partitions, or allow our user to", partitions))
		default:
			return translate(op, err)
		}
	}
	return nil
}
