package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// While PostgreSQL hangs, a stop waits for what it can't finish; a second signal doesn't.
func TestASecondSignalIsImmediate(t *testing.T) {
	t.Parallel()
	runs(t, "PostgreSQL")
	cluster := pgtest.Start(t, pgtest.Config{Fast: true})
	db, key := cluster.Database(t), filepath.Join(t.TempDir(), "master.key")
	newMasterKey(t, key)
	env := cleanEnv(
		"ISEKAI_STORE_URL="+db.URL, "ISEKAI_STORE_RELAY_URL="+db.RelayURL, "ISEKAI_STORE_MIGRATE_URL="+db.MigrateURL,
		"ISEKAI_KEYS_FILE="+key, "ISEKAI_BACKUP_EVERY=0s",
	)
	for name, signal := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			p := begin(t, env, "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir())
			p.says(t, "Serving at")
			freeze(t, cluster)
			send := func() {
				t.Helper()
				if err := p.cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			send()
			p.says(t, "Stopping.")
			if p.ended() {
				t.Fatalf("it didn't wait for PostgreSQL: %s", p.said())
			}
			again := time.Now()
			send()
			r := p.wait(t)
			within(t, "the end after the second signal", time.Since(again), time.Second)
			if how := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !how.Signaled() || how.Signal() != signal {
				t.Errorf("it ended by itself: %d %s", r.code, p.said())
			}
		})
	}
}

// freeze stops every process of PostgreSQL until the test's end: connections stay open, and
// nothing answers.
func freeze(t *testing.T, c *pgtest.Cluster) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(c.Dir(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(file), "\n")
	postmaster, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{postmaster}
	t.Cleanup(func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT) // one that has ended needs none
		}
	})
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil { // first, so that it makes no others
		t.Fatal(err)
	}
	for _, d := range descendants(t, postmaster) {
		number, _, _ := strings.Cut(d, "@")
		pid, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		_ = syscall.Kill(pid, syscall.SIGSTOP) // one that has just ended needs none
	}
}
