package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
)

// TestSecureKafka reaches a real Kafka by TLS and a password, by each mechanism; without
// what it asks for, the start fails soon and says why.
func TestSecureKafka(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs Kafka")
	}
	s := kafkatest.StartSecure(t)
	ours := x509.NewCertPool()
	if !ours.AppendCertsFromPEM(s.CA) {
		t.Fatal("no certificate")
	}
	var logged coretest.Output
	with := func(change func(*kafka.Config)) kafka.Config {
		cfg := config(s.Listener, topic())
		cfg.Timeout = 10 * time.Second
		cfg.TLS = &tls.Config{RootCAs: ours, MinVersion: tls.VersionTLS12}
		cfg.SASL = &kafka.SASL{Mechanism: "SCRAM-SHA-512", User: kafkatest.User, Password: kafkatest.Password}
		cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
		change(&cfg)
		return cfg
	}
	for _, mechanism := range []string{"SCRAM-SHA-512", "PLAIN"} {
		b, came := open(t, with(func(c *kafka.Config) { c.SASL.Mechanism = mechanism })), newLog()
		b.Subscribe("one", came.handle)
		stop := run(t, b)
		publish(t, b, event("a", 1), event("b", 1))
		came.wait(t, 2)
		stop()
	}
	for _, c := range []struct {
		name   string
		change func(*kafka.Config)
		code   core.Code
		hint   string
	}{
		{"a wrong password", func(c *kafka.Config) { c.SASL.Password = "hunter2" }, core.Unauthenticated, "password"},
		{"a wrong password in PLAIN", func(c *kafka.Config) { c.SASL.Mechanism, c.SASL.Password = "PLAIN", "hunter2" }, core.Unauthenticated, "password"},
		{"an unknown user", func(c *kafka.Config) { c.SASL.User = "nobody" }, core.Unauthenticated, "user"},
		{"a mechanism that isn't on", func(c *kafka.Config) { c.SASL.Mechanism = "SCRAM-SHA-256" }, core.Unauthenticated, "mechanism"},
		{"no password", func(c *kafka.Config) { c.SASL = nil }, core.Unavailable, "credentials"},
		{"an untrusted certificate", func(c *kafka.Config) { c.TLS.RootCAs = x509.NewCertPool() }, core.Unavailable, "CA"},
		{"another host's certificate", func(c *kafka.Config) { c.TLS.ServerName = "kafka.example.com" }, core.Unavailable, "name"},
		{"no TLS", func(c *kafka.Config) { c.TLS = nil }, core.Unavailable, "TLS"},
		{"TLS to a listener without", func(c *kafka.Config) { c.Brokers = []string{s.Addr} }, core.Unavailable, "TLS"},
	} {
		began := time.Now()
		_, err := kafka.New(t.Context(), with(c.change))
		took := time.Since(began)
		t.Logf("%s: after %v: %s: %v (%s)", c.name, took.Round(time.Millisecond), core.CodeOf(err), err, core.HintOf(err))
		if core.CodeOf(err) != c.code || !strings.Contains(core.HintOf(err), c.hint) {
			t.Errorf("%s: %s: %v (%s); want %s with a hint at the %s", c.name, core.CodeOf(err), err, core.HintOf(err), c.code, c.hint)
		}
		if strings.Contains(err.Error()+core.HintOf(err), "hunter2") || strings.Contains(logged.String(), "hunter2") || strings.Contains(logged.String(), kafkatest.Password) {
			t.Errorf("%s: a password can be read", c.name)
		}
	}
}
