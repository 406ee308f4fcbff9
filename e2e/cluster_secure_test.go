package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core"
)

// Nodes that share a Kafka which asks for TLS and a password work as others do; one that
// lacks what it asks for doesn't start, says why, and shows no password.
func TestNodesOnASecureKafka(t *testing.T) {
	t.Parallel()
	runs(t, "Kafka")
	broker := kafkatest.StartSecure(t)
	dir := t.TempDir()
	ca, another := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "another.pem")
	stranger, _, err := kafkatest.Certificates()
	for path, pem := range map[string][]byte{ca: broker.CA, another: stranger} {
		if err == nil {
			err = os.WriteFile(path, pem, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	in := install(t, on{model: upstream(t, noting), env: []string{
		"ISEKAI_BUS_BROKERS=" + broker.Listener, "ISEKAI_BUS_TOPIC=secure", "ISEKAI_BUS_TLS=true", "ISEKAI_BUS_CA_FILE=" + ca,
		"ISEKAI_BUS_USER=" + kafkatest.User, "ISEKAI_BUS_PASSWORD=" + kafkatest.Password,
	}})
	nodes := in.nodes(t, 2)
	for range 4 {
		id := nodes[0].create(t, "note this: secure")
		if d := nodes[1].ended(t, id); d.Answer != "noted secure" {
			t.Errorf("the task ended as %s: %q", d.Status, d.Answer)
		}
	}
	nodes[1].agrees(t) // what came over the bus
	for _, c := range []struct {
		name string
		code core.Code
		says string
		env  string
	}{
		{"a wrong password", core.Unauthenticated, "credentials", "ISEKAI_BUS_PASSWORD=tr0ub4dor-and-3"},
		{"an unknown user", core.Unauthenticated, "credentials", "ISEKAI_BUS_USER=nobody"},
		{"a certificate of another authority", core.Unavailable, "certificate", "ISEKAI_BUS_CA_FILE=" + another},
		{"the system's authorities alone", core.Unavailable, "certificate", "ISEKAI_BUS_CA_FILE="},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := append(in.env[:len(in.env):len(in.env)], c.env)
			refusedStart(t, env, c.code, c.says, kafkatest.Password, "tr0ub4dor-and-3")
		})
	}
}
