package console

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// The first user, who owns the default org and the installation.
const (
	email    = "olga@example.org"
	password = "a long enough sentence"
)

// rig is a server of a new installation.
type rig struct {
	dir string
	url string
	env []string // of the server
}

// onSQLite starts a server that has nothing but itself.
func onSQLite(t *testing.T) *rig { return newRig(t) }

// onPostgres starts one whose store is a PostgreSQL of the test's own.
func onPostgres(t *testing.T) *rig {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a browser")
	}
	db := pgtest.Start(t, pgtest.Config{}).Empty(t)
	dir := t.TempDir()
	key := filepath.Join(dir, "master.key")
	if out, err := exec.Command(bin, "keys", "new", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return newRig(t, "ISEKAI_STORE_URL="+db.URL, "ISEKAI_STORE_RELAY_URL="+db.RelayURL, "ISEKAI_STORE_MIGRATE_URL="+db.MigrateURL,
		"ISEKAI_KEYS_FILE="+key, "ISEKAI_BLOB_DIR="+filepath.Join(dir, "blobs"), "ISEKAI_BACKUP_DIR="+filepath.Join(dir, "backups"))
}

// newRig starts a server, with the environment besides its own, and makes the first user.
func newRig(t *testing.T, env ...string) *rig {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a browser")
	}
	r := &rig{dir: t.TempDir()}
	r.env = append([]string{
		"HOME=/nonexistent", "PATH=" + os.Getenv("PATH"), "ISEKAI_MODEL_OLLAMA=",
		"ISEKAI_RATES_USER=100000", "ISEKAI_RATES_ADMIN=100000", "ISEKAI_RATES_SIGN_IN=100000", "ISEKAI_RATES_ADDRESS=1000000", "ISEKAI_RATES_PROJECT=1000000", "ISEKAI_RATES_ORG=1000000",
	}, env...)
	r.serve(t)
	token, err := os.ReadFile(filepath.Join(r.dir, "setup-token"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.New(r.url, "", nil).FinishSetup(t.Context(), strings.TrimSpace(string(token)), client.NewUser{Email: email, Name: "Olga", Password: password}); err != nil {
		t.Fatal(err)
	}
	return r
}

// serve starts the server, returns when it is ready, and ends it with the test.
func (r *rig) serve(t *testing.T) {
	t.Helper()
	c := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", r.dir)
	var said coretest.Output
	c.Env, c.Stdout, c.Stderr = r.env, &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended by itself
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the server ended badly: %v\n%s", err, said.String())
			}
		case <-time.After(patience):
			_ = c.Process.Kill()
			t.Errorf("the server didn't stop\n%s", said.String())
		}
		if t.Failed() {
			t.Logf("the server said\n%s", said.String())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(r.dir, "server.json"))
		var at struct{ URL string }
		if err == nil && json.Unmarshal(b, &at) == nil && at.URL != "" {
			r.url = at.URL
			return
		}
		if len(ended) > 0 || time.Now().After(deadline) {
			t.Fatalf("the server isn't ready\n%s", said.String())
		}
	}
}
