package kafka_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
)

func TestNew(t *testing.T) {
	t.Parallel()
	f := newFake(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "isekai", "hunter2"), kfake.Superuser("PLAIN", "isekai", "hunter2"))
	closed := newFake(t)
	closed.close()
	var logged coretest.Output
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
		if strings.Contains(fmt.Sprint(err), "hunter") || strings.Contains(logged.String(), "hunter") {
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
