package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// A node that can't work as it is configured doesn't start: it says why and what to do,
// shows no secret, and leaves everything as it was.
func TestStartsThatAreRefused(t *testing.T) {
	t.Parallel()
	in := install(t, on{model: upstream(t, noting)})
	s := in.node(t)
	id := s.create(t, "note this: there.")
	s.ended(t, id)
	s.stop(t)
	key, err := os.ReadFile(in.key)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(in.dir, "other.key")
	newMasterKey(t, other)
	cluster := postgresCluster(t)
	const password = "tr0ub4dor-and-3"
	for _, c := range []struct {
		name string
		code core.Code
		says string
		env  []string
	}{
		{"a wrong master key", core.Invalid, "master key", []string{"ISEKAI_KEYS_FILE=" + other}},
		{"a master key that isn't there", core.NotFound, "master key", []string{"ISEKAI_KEYS_FILE=" + other + ".gone"}},
		{"no master key named", core.Invalid, "master key", []string{"ISEKAI_KEYS_FILE="}},
		{"two master keys", core.Invalid, "exclude each other", []string{"ISEKAI_KEYS_KEY=" + string(key)}},
		{"a database that isn't there", core.Unavailable, "database", []string{"ISEKAI_STORE_URL=" + cluster.URL(pgtest.Server, "nowhere"), "ISEKAI_STORE_MIGRATE_URL="}},
		{"a PostgreSQL that isn't there", core.Unavailable, "PostgreSQL", []string{"ISEKAI_STORE_URL=postgres://" + pgtest.Server + ":" + password + "@" + nobody(t) + "/x", "ISEKAI_STORE_MIGRATE_URL="}},
		{"a wrong password", core.Unauthenticated, "PostgreSQL", []string{"ISEKAI_STORE_URL=" + cluster.TCP(pgtest.Server, password, in.name(t))}},
		{"a wrong password of the owner", core.Unauthenticated, "PostgreSQL", []string{"ISEKAI_STORE_MIGRATE_URL=" + cluster.TCP(pgtest.Owner, password, in.name(t))}},
		{"a superuser for the application", core.Denied, "superuser", []string{"ISEKAI_STORE_URL=" + in.superuser(t)}},
		{"the owner for the application", core.Denied, "owns tables", []string{"ISEKAI_STORE_URL=" + in.db.MigrateURL}},
		{"a broker that isn't there", core.Unavailable, "Kafka", []string{"ISEKAI_BUS_BROKERS=" + nobody(t)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := append(in.env[:len(in.env):len(in.env)], c.env...)
			refusedStart(t, env, c.code, c.says, password, strings.TrimSpace(string(key)))
		})
	}
	again := in.node(t)
	if d := again.ended(t, id); d.Answer != "noted there." {
		t.Errorf("the task says %q", d.Answer)
	}
	again.agrees(t)
}

// A schema that a newer program has made is left alone.
func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	in := install(t, on{model: upstream(t, noting)})
	s := in.node(t)
	id := s.create(t, "note this: there.")
	s.ended(t, id)
	s.stop(t)
	in.admin(t, "INSERT INTO isekai.goose_db_version (version_id, is_applied) VALUES (99999, true)")
	refusedStart(t, in.env, core.Unsupported, "schema version 99999")
	refusedStart(t, append(in.env[:len(in.env):len(in.env)], "ISEKAI_STORE_MIGRATE_URL="), core.Unsupported, "schema version 99999")
	in.admin(t, "DELETE FROM isekai.goose_db_version WHERE version_id = 99999")
	if d := in.node(t).ended(t, id); d.Answer != "noted there." {
		t.Errorf("the task says %q", d.Answer)
	}
}

// An SQLite installation without its master key doesn't start, with another's neither,
// and with its own it does.
func TestTheMasterKeyOfADataDirectory(t *testing.T) {
	t.Parallel()
	up := upstream(t, noting)
	env := append(cleanEnv(), modelEnv(up)...)
	d := data{t: t, dir: t.TempDir(), env: env}
	d.does("task", "run", "note this: there.")
	path := filepath.Join(d.dir, "master.key")
	if err := os.Rename(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	at := []string{"--data-dir", d.dir}
	refusedStartAt(t, env, at, core.NotFound, "master key")
	newMasterKey(t, path)
	refusedStartAt(t, env, at, core.Invalid, "master key")
	if err := os.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
	if tasks := d.tasks(); len(tasks) != 1 || tasks[0].Status != core.StatusSucceeded {
		t.Errorf("the tasks are %+v", tasks)
	}
}

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// refusedStart starts a server that must end with this code, with a hint, and without
// having shown a secret.
func refusedStart(t *testing.T, env []string, code core.Code, says string, secrets ...string) {
	t.Helper()
	refusedStartAt(t, env, []string{"--data-dir", t.TempDir()}, code, says, secrets...)
}

func refusedStartAt(t *testing.T, env, at []string, code core.Code, says string, secrets ...string) {
	t.Helper()
	began := time.Now()
	r := isekai(t, env, append([]string{"serve", "--json", "--listen", "127.0.0.1:0"}, at...)...)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if r.code == 0 {
		t.Fatalf("it ended well: %s%s", r.out, r.err)
	}
	for _, secret := range secrets {
		if strings.Contains(r.out+r.err, secret) {
			t.Errorf("it shows a secret: %s%s", r.out, r.err)
		}
	}
	f := failure(t, result{err: r.err[strings.LastIndex(strings.TrimSpace(r.err), "\n")+1:]})
	t.Logf("exit code %d: %s: %s (%s)", r.code, f.Code, f.Msg, f.Hint)
	if f.Code != code || f.Hint == "" || !strings.Contains(f.Msg, says) {
		t.Errorf("it says %+v, want %s about %q with a hint", f, code, says)
	}
}
