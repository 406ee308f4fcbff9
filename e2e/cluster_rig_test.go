package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/model/modeltest"
	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// scale returns small, or soak when soaking.
func scale(small, soak int) int {
	if coretest.Soaking {
		return soak
	}
	return small
}

// runs ends the test in short mode, which does without the programs of others.
func runs(t *testing.T, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs " + what)
	}
}

// backends are the PostgreSQL, the Kafka and the model that the tests of this binary share. Each
// starts when it is first asked for. A test that kills one doesn't run in parallel, so
// that it is alone with it.
var backends struct {
	cluster once[*pgtest.Cluster]
	broker  once[*kafkatest.Broker]
	model   once[*realmodel.Server]
}

// once is a value that is made at most once.
type once[T any] struct {
	sync.Once
	value T
	err   error
}

func (o *once[T]) get(t *testing.T, open func() (T, error)) T {
	t.Helper()
	o.Do(func() { o.value, o.err = open() })
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.value
}

func postgresCluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	runs(t, "PostgreSQL")
	return backends.cluster.get(t, func() (*pgtest.Cluster, error) {
		// What is acknowledged survives a kill of PostgreSQL, not of the machine.
		c, err := pgtest.New(pgtest.Config{Settings: []string{"fsync = off"}})
		if err != nil {
			return nil, err
		}
		if _, err := c.NewDatabase(); err != nil { // with which the roles are made
			return c, err
		}
		// What restore --verify asks for: a scratch database.
		return c, c.Admin("postgres", "ALTER ROLE "+pgtest.Owner+" CREATEDB")
	})
}

func kafkaBroker(t *testing.T) *kafkatest.Broker {
	t.Helper()
	runs(t, "Kafka")
	return backends.broker.get(t, kafkatest.New)
}

func stopBackends() {
	if c := backends.cluster.value; c != nil {
		c.Stop()
	}
	if b := backends.broker.value; b != nil {
		b.Close()
	}
	if m := backends.model.value; m != nil {
		m.Close()
	}
}

// installation is what nodes share: a database, perhaps a topic, a master key, and
// folders of blobs and backups.
type installation struct {
	db      postgres.Config
	topic   string // empty: each process is its own bus
	dir     string // of all of the following
	key     string // the master key's file
	blobs   string
	backups string
	env     []string
}

// on says what an installation is made of.
type on struct {
	kafka bool
	model *modeltest.Upstream
	env   []string
}

var topics atomic.Int64

// install makes an installation on a new database.
func install(t *testing.T, o on) *installation {
	t.Helper()
	in := &installation{db: postgresCluster(t).Database(t), dir: t.TempDir()}
	in.key, in.blobs, in.backups = filepath.Join(in.dir, "master.key"), filepath.Join(in.dir, "blobs"), filepath.Join(in.dir, "backups")
	newMasterKey(t, in.key)
	in.env = cleanEnv(
		"ISEKAI_STORE_URL="+in.db.URL, "ISEKAI_STORE_RELAY_URL="+in.db.RelayURL, "ISEKAI_STORE_MIGRATE_URL="+in.db.MigrateURL,
		"ISEKAI_KEYS_FILE="+in.key, "ISEKAI_BLOB_DIR="+in.blobs, "ISEKAI_BACKUP_DIR="+in.backups, "ISEKAI_BACKUP_EVERY=0s",
	)
	if o.kafka {
		in.topic = "e2e." + strconv.FormatInt(topics.Add(1), 10)
		in.env = append(in.env, "ISEKAI_BUS_BROKERS="+kafkaBroker(t).Addr, "ISEKAI_BUS_TOPIC="+in.topic)
	}
	in.env = append(append(in.env, modelEnv(o.model)...), o.env...)
	return in
}

// node starts a server of the installation with a data directory of its own.
func (in *installation) node(t *testing.T) *server {
	t.Helper()
	return serve(t, t.TempDir(), in.env)
}

// nodes starts n servers.
func (in *installation) nodes(t *testing.T, n int) []*server {
	t.Helper()
	all := make([]*server, n)
	for i := range all {
		all[i] = in.node(t)
	}
	return all
}

// newMasterKey lets the program make a master key: that of a data directory of its own.
func newMasterKey(t *testing.T, path string) {
	t.Helper()
	dir := t.TempDir()
	if r := isekai(t, cleanEnv(), "task", "list", "--data-dir", dir); r.code != 0 {
		t.Fatalf("%d: %s%s", r.code, r.out, r.err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "master.key"))
	if err == nil {
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// at is the command line against a node, or its data directory once it has stopped.
func (in *installation) at(t *testing.T, dir string) data {
	return data{t: t, dir: dir, env: in.env}
}
