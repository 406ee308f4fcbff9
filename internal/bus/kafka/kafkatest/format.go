package kafkatest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// settings are what a broker has besides the usual.
type settings struct {
	listener   string   // another one, as NAME://host:port
	protocol   string   // of that
	properties string   // lines of server.properties
	format     []string // arguments of StorageTool
}

func plain(*Broker) (settings, error) { return settings{}, nil }

func (b *Broker) config() string { return filepath.Join(b.dir, "server.properties") }

// format chooses the ports, writes the configuration and prepares the data folder.
func (b *Broker) format(more settings) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.Addr = "127.0.0.1:" + ports[0]
	listeners, protocols := "PLAINTEXT://"+b.Addr+",CONTROLLER://127.0.0.1:"+ports[1], "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	if more.listener != "" {
		name, _, _ := strings.Cut(more.listener, ":")
		listeners, protocols = listeners+","+more.listener, protocols+","+name+":"+more.protocol
	}
	properties := fmt.Sprintf(usual, ports[1], listeners, protocols, filepath.Join(b.dir, "data")) + more.properties
	if err := os.WriteFile(b.config(), []byte(properties), 0o600); err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	cluster := strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(id[:]), "-", "_")
	argv := append([]string{"kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", b.config()}, more.format...)
	if out, err := b.java(argv...).CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	return nil
}

// usual is server.properties: the controller's port, listeners, their protocols, and the
// data folder are filled in.
const usual = `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:%[1]s
listeners=%[2]s
advertised.listeners=%[2]s
listener.security.protocol.map=%[3]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=%[4]s
num.network.threads=2
num.io.threads=2
num.partitions=1
default.replication.factor=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
log.segment.bytes=16777216
log.index.size.max.bytes=1048576
`

func (b *Broker) java(argv ...string) *exec.Cmd {
	return exec.Command("java", append([]string{
		"-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dlog4j2.level=warn", "-cp", filepath.Join(b.jars, "*"),
	}, argv...)...)
}

func freePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all at once, so that they differ
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
