package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

// Pooler starts PgBouncer, which pools transactions over few connections, before the
// databases of the cluster, and returns cfg with the application's and the relay's URLs
// leading through it. It ends with the test.
func (c *Cluster) Pooler(t testing.TB, cfg postgres.Config) postgres.Config {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path = "/usr/sbin/pgbouncer"; !executable(path) {
			t.Fatal("PgBouncer isn't here: install the package pgbouncer (scripts/setup does)")
		}
	}
	dir, err := os.MkdirTemp(c.dir, "pooler")
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"users": fmt.Sprintf("%q \"\"\n%q \"\"\n", Server, Relay),
		"ini": fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
`, c.dir, c.port, port, filepath.Join(dir, "users")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, filepath.Join(dir, "ini"))
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	process, done, err := launch(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Kill()
		<-done
	})
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-done:
			t.Fatalf("PgBouncer doesn't start:\n%s", &log)
		case <-t.Context().Done():
			t.Fatal("PgBouncer doesn't answer")
		case <-time.After(5 * time.Millisecond):
		}
	}
	through := func(role, address string) string {
		direct, err := pgx.ParseConfig(address)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable&default_query_exec_mode=exec", role, port, direct.Database)
	}
	cfg.URL, cfg.RelayURL = through(Server, cfg.URL), through(Relay, cfg.RelayURL)
	return cfg
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}
