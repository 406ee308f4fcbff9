package kafka

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

// Config says how to reach Kafka. Brokers is required; the other zero fields have
// the defaults that are named.
type Config struct {
	Brokers    []string      // host:port of some of them
	Topic      string        // "isekai.events"
	Partitions int32         // of a topic that New makes; 12
	Prefix     string        // of the consumers' groups; "isekai."
	Timeout    time.Duration // of New, and of a Publish; 10 s
	// Parallel bounds the handlers of one consumer that run at once; 8.
	Parallel int
	// Window bounds the events of one partition that a consumer holds, from the oldest
	// that hasn't taken effect on: when there are as many, none is fetched any more
	// (fewer than as many again may be on their way); 256.
	Window int
	// The first and the longest wait after a handler has failed: 50 ms and 10 s. A
	// wait is shortened by up to half at random.
	Backoff, MaxBackoff time.Duration
	Grace               time.Duration // for a running handler, when its partition goes or Run ends; 5 s
	// Session is after what time of silence a process counts as dead, and the others of
	// its groups take over; 10 s. The brokers bound it, by default to 6 s at least.
	Session time.Duration

	TLS  *tls.Config  // nil: plain text
	SASL *SASL        // nil: no authentication
	Log  *slog.Logger // told of failures; nil: nobody
}

// SASL is who we are to the brokers. It prints without its password.
type SASL struct {
	Mechanism      string // "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512"
	User, Password string
}

// String implements fmt.Stringer.
func (s SASL) String() string { return s.Mechanism + " as " + s.User }

// GoString implements fmt.GoStringer.
func (s SASL) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s SASL) LogValue() slog.Value { return slog.StringValue(s.String()) }

const (
	linger      = 0    // a Publish fills its batches itself
	maxBuffered = 8192 // records
	// Of a consumer's buffer of what was fetched, in bytes; a partition's share.
	maxFetch, maxFetchPartition = 8 << 20, 1 << 20

	fetchWait   = 250 * time.Millisecond
	commitEvery = time.Second
	longestTry  = time.Second      // between two tries of the client library
	warnEvery   = 10 * time.Second // of each kind, while brokers or handlers fail
)

func (c Config) withDefaults() Config {
	if c.Topic == "" {
		c.Topic = "isekai.events"
	}
	if c.Partitions <= 0 {
		c.Partitions = 12
	}
	if c.Prefix == "" {
		c.Prefix = "isekai."
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Parallel <= 0 {
		c.Parallel = 8
	}
	if c.Window <= 0 {
		c.Window = 256
	}
	if c.Backoff <= 0 {
		c.Backoff = 50 * time.Millisecond
	}
	if c.MaxBackoff <= 0 {
		c.MaxBackoff = 10 * time.Second
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	if c.Session <= 0 {
		c.Session = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// heartbeat is how often a member tells its group that it lives.
func (c Config) heartbeat() time.Duration { return c.Session / 10 }

// rebalance is how long a group waits for its members to give partitions up: each
// takes the grace for its handlers, and as long for its commit.
func (c Config) rebalance() time.Duration { return c.Session + 4*c.Grace }

// retry is how long to wait after a handler has failed.
func (c Config) retry() bus.Backoff { return bus.Backoff{First: c.Backoff, Most: c.MaxBackoff} }

// hasty is how long the client library waits, and who polls it.
func (c Config) hasty() bus.Backoff {
	return bus.Backoff{First: c.Backoff, Most: min(c.MaxBackoff, longestTry)}
}

// options returns what every client of the installation needs; it tells log of trouble.
func (c Config) options(log *slog.Logger) ([]kgo.Opt, error) {
	if len(c.Brokers) == 0 {
		return nil, core.E(core.Invalid, "kafka", "no broker is named").WithHint("name some as host:port")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID("isekai"), kgo.WithLogger(logger{log}),
		kgo.DialTimeout(min(c.Timeout, 5*time.Second)), kgo.RetryTimeout(c.Timeout),
		kgo.RetryBackoffFn(c.hasty().After), kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.AlwaysRetryEOF(), // a broker that is killed ends connections that have just begun
		kgo.DisableClientMetrics(),
	}
	if c.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS.Clone()))
	}
	if c.SASL != nil {
		m, err := c.SASL.mechanism(c.TLS != nil)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

func (s SASL) mechanism(private bool) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "PLAIN":
		if !private {
			return nil, core.E(core.Invalid, "kafka", "PLAIN would send the password for all to read").
				WithHint("use TLS, or a SCRAM mechanism")
		}
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, core.E(core.Invalid, "kafka", fmt.Sprintf("unknown SASL mechanism %q", s.Mechanism)).
		WithHint("use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
}
