package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// childVariable makes the test binary one of the children below instead.
const childVariable = "SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
		os.Exit(m.Run())
	case "append":
		appendForever(os.Args[1])
	case "open":
		openAndTell(os.Args[1])
	case "fill":
		fillAndTell(os.Args[1])
	}
}

var crashScope = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorWorker, ID: "w"}}

// appendForever appends to eight streams at once and says of each version that
// it is stored, after Append has returned.
func appendForever(path string) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for i := range 8 {
		go func() {
			stream := core.StreamID(fmt.Sprintf("tsk_%d", i))
			have, err := s.ReadStream(ctx, "org_a", stream, 0, 1_000_000)
			for v := int64(len(have)); err == nil; v++ {
				_, err = s.Append(ctx, crashScope, store.Append{
					Stream: stream, Expected: v, Work: store.WorkReady,
					Events: []store.NewEvent{{ID: core.EventID(fmt.Sprintf("evt_%s_%d", stream, v+1)), Type: "x.y", Data: make([]byte, 1+rand.IntN(3000))}},
				})
				if err == nil {
					_, err = fmt.Printf("%s %d\n", stream, v+1) // one write
				}
			}
			fmt.Println("error", err)
		}()
	}
	select {}
}

// A killed process loses nothing that it acknowledged, and leaves no half of a
// transaction. (That the commits are synced as well is TestPragmas's.)
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "isekai.db")
	acknowledged := map[string]int64{}
	for range 6 {
		killAfter(t, path, 1+rand.IntN(400), acknowledged)
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		checkWhole(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs a child and kills it when it has acknowledged n appends. What
// it said until its end goes into acknowledged.
func killAfter(t *testing.T, path string, n int, acknowledged map[string]int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childVariable+"=append")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var kill sync.Once
	lines := bufio.NewScanner(out)
	for count := 0; lines.Scan(); count++ {
		var stream string
		var version int64
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &stream, &version); err != nil {
			t.Errorf("the child says %q", lines.Text())
		}
		acknowledged[stream] = max(acknowledged[stream], version)
		if count >= n {
			kill.Do(func() { _ = cmd.Process.Kill() })
		}
	}
	kill.Do(func() { t.Error("the child ended by itself"); _ = cmd.Process.Kill() })
	_ = cmd.Wait() // it was killed
}

func checkWhole(t *testing.T, s *sqlite.Store, acknowledged map[string]int64) {
	t.Helper()
	events, err := s.ReadOrg(t.Context(), "org_a", 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	heads := map[string]int64{}
	for _, e := range events {
		if e.Version != heads[string(e.Stream)]+1 {
			t.Errorf("%s has version %d after %d", e.Stream, e.Version, heads[string(e.Stream)])
		}
		heads[string(e.Stream)] = e.Version
	}
	for stream, version := range acknowledged {
		if heads[stream] < version {
			t.Errorf("version %d of %s was acknowledged, there are %d", version, stream, heads[stream])
		}
	}
	pending, err := s.Pending(t.Context(), 1_000_000)
	if err != nil || len(pending) != len(events) {
		t.Errorf("%d messages of %d events (%v)", len(pending), len(events), err)
	}
}
