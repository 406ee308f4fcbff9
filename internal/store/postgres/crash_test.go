package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// childVariable makes the test binary a process that appends until it is killed.
const childVariable = "POSTGRES_TEST_CHILD"

// crashStreams are the streams that are appended to at once, over three orgs.
const crashStreams = 9

func crashStream(i int) (core.OrgID, core.StreamID) {
	return core.OrgID(fmt.Sprint("org_", i%3)), core.StreamID(fmt.Sprint("tsk_", i))
}

// appendOp appends one event, the v-th of its stream, with work.
func appendOp(ctx context.Context, s store.Store, org core.OrgID, stream core.StreamID, v int64) error {
	e := store.NewEvent{ID: core.EventID(fmt.Sprintf("evt_%s_%d", stream, v)), Type: "x.y", Data: make([]byte, 1+rand.IntN(3000))}
	_, err := s.Append(ctx, scopeOf(org), store.Append{Stream: stream, Expected: v - 1, Work: store.WorkReady, Events: []store.NewEvent{e}})
	return err
}

// appendForever says of each event that it is stored, after Append has returned.
func appendForever(database string) {
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Config{URL: os.Getenv(childVariable), RelayURL: database})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := range crashStreams {
		go func() {
			org, stream := crashStream(i)
			have, err := s.ReadStream(ctx, org, stream, 0, 1_000_000)
			for v := int64(len(have)) + 1; err == nil; v++ {
				if err = appendOp(ctx, s, org, stream, v); err == nil {
					_, err = fmt.Printf("%d %d\n", i, v) // one write
				}
			}
			fmt.Println("error", err)
		}()
	}
	select {}
}

// checkWhole sees that every stream has its events without a gap or a double, no fewer
// than were acknowledged, that every event has its message, and every stream its work.
func checkWhole(t *testing.T, s store.Store, acknowledged map[int]int64) {
	t.Helper()
	events, ids := 0, map[string]bool{}
	for i := range crashStreams {
		org, stream := crashStream(i)
		got, err := s.ReadStream(t.Context(), org, stream, 0, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for k, e := range got {
			if e.Version != int64(k)+1 || ids[string(e.ID)] {
				t.Errorf("%s has %s as version %d, at place %d", stream, e.ID, e.Version, k+1)
			}
			ids[string(e.ID)] = true
		}
		if int64(len(got)) < acknowledged[i] {
			t.Errorf("%s has %d events of %d that were acknowledged", stream, len(got), acknowledged[i])
		}
		events += len(got)
	}
	pending, err := s.Pending(t.Context(), 1_000_000)
	if err != nil || len(pending) != events {
		t.Errorf("%d messages for %d events (%v)", len(pending), events, err)
	}
	leases, err := s.Claim(t.Context(), "w", 2*crashStreams, time.Microsecond)
	if err != nil || len(leases) != crashStreams {
		t.Errorf("%d streams can be claimed, want %d (%v)", len(leases), crashStreams, err)
	}
}

// A process that is killed while it appends loses nothing that it acknowledged, leaves
// no half of a transaction, and holds up nobody.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	s := open(t, cfg)
	acknowledged := map[int]int64{}
	for range 3 {
		cmd := exec.Command(os.Args[0], cfg.RelayURL)
		cmd.Env = append(os.Environ(), childVariable+"="+cfg.URL)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, enough := bufio.NewScanner(out), crashStreams*10+rand.IntN(200)
		for n := 0; lines.Scan(); n++ {
			var i int
			var v int64
			if _, err := fmt.Sscanf(lines.Text(), "%d %d", &i, &v); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			acknowledged[i] = max(acknowledged[i], v)
			if n == enough {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
		for i := range crashStreams { // which waits for what the dead one has left behind
			org, stream := crashStream(i)
			head, err := s.ReadStream(t.Context(), org, stream, 0, 1_000_000)
			if err == nil {
				err = appendOp(t.Context(), s, org, stream, int64(len(head))+1)
			}
			if err != nil && core.CodeOf(err) != core.Conflict { // its last append came through after the read
				t.Error(err)
			}
		}
		checkWhole(t, s, acknowledged)
	}
}

// PostgreSQL, which syncs, is killed and started again under load: what was acknowledged
// is there, nothing is doubled, who comes meanwhile is told that it is unavailable, and
// everybody goes on.
func TestKilledPostgresLosesNothing(t *testing.T) {
	t.Parallel()
	c := pgtest.Start(t, pgtest.Config{})
	s := open(t, c.Database(t))
	const rounds, each = 3, 15
	acknowledged := make([]int64, crashStreams)
	grown := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for i := range crashStreams {
		all.Go(func() {
			org, stream := crashStream(i)
			for v := int64(1); ctx.Err() == nil; {
				err := appendOp(context.WithoutCancel(ctx), s, org, stream, v)
				switch core.CodeOf(err) {
				case "":
					acknowledged[i] = v
					v++
					select {
					case grown <- struct{}{}:
					default:
					}
				case core.Unavailable:
					time.Sleep(5 * time.Millisecond) // and try again
				case core.Conflict: // it was stored after all
					got, err := s.ReadStream(context.WithoutCancel(ctx), org, stream, v-1, 1)
					if err == nil && (len(got) != 1 || got[0].ID != core.EventID(fmt.Sprintf("evt_%s_%d", stream, v))) {
						t.Errorf("%s conflicts at %d, where %+v is", stream, v, got)
					}
					if err == nil {
						v++
					}
				default:
					t.Errorf("%s: %v", stream, err)
					return
				}
			}
		})
	}
	for round := range rounds {
		for range each * (round + 1) {
			<-grown
		}
		c.Kill()
		_, err := s.Claim(t.Context(), "w", 1, time.Minute)
		for what, err := range map[string]error{"claim": err, "append": appendOp(t.Context(), s, "org_other", "tsk_other", 1)} {
			if core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
				t.Errorf("%s, with PostgreSQL killed: %v (hint %q)", what, err, core.HintOf(err))
			}
		}
		if err := c.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	for range each {
		<-grown
	}
	stop()
	all.Wait()
	counts := map[int]int64{}
	for i := range crashStreams {
		counts[i] = acknowledged[i]
	}
	checkWhole(t, s, counts)
}
