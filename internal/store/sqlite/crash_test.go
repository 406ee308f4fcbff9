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
				if err == nil {
					err = keepForever(ctx, s, i)
				}
			}
			fmt.Println("error", err)
		}()
	}
	select {}
}

// keepForever changes two records together, and posts, as often as it is called.
func keepForever(ctx context.Context, s *sqlite.Store, i int) error {
	one, two := fmt.Sprintf("rec_%d", i), fmt.Sprintf("twin_%d", i)
	now, err := s.Record(ctx, "org_a", "n", one)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return err
	}
	data := fmt.Append(nil, now.Version+1)
	if err := s.Write(ctx, "org_a", store.Change{Kind: "n", ID: one, Expected: now.Version, Data: data},
		store.Change{Kind: "n", ID: two, Expected: now.Version, Data: data}); err != nil {
		return err
	}
	if _, err := fmt.Printf("%s %d\n", one, now.Version+1); err != nil {
		return err
	}
	account := fmt.Sprintf("held_%d", i)
	if _, err := s.Post(ctx, "org_a", store.Posting{Effect: core.NewID("evt"), Kind: "grant",
		Moves: []store.Move{{Account: "~source", Amount: -1}, {Account: account, Amount: 1}}}); err != nil {
		return err
	}
	balances, err := s.Balances(ctx, "org_a", account, "", 1)
	if err == nil {
		_, err = fmt.Printf("%s %d\n", account, int64(balances[0].Amount))
	}
	return err
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
	checkState(t, s, heads)
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

// checkState looks whether what was written together is there together, and adds what
// there is to heads.
func checkState(t *testing.T, s *sqlite.Store, heads map[string]int64) {
	t.Helper()
	for i := range 8 {
		one, errOne := s.Record(t.Context(), "org_a", "n", fmt.Sprint("rec_", i))
		two, errTwo := s.Record(t.Context(), "org_a", "n", fmt.Sprint("twin_", i))
		if one.Version != two.Version || string(one.Data) != string(two.Data) || core.CodeOf(errOne) != core.CodeOf(errTwo) {
			t.Errorf("%+v (%v) was written together with %+v (%v)", one, errOne, two, errTwo)
		}
		heads[fmt.Sprint("rec_", i)] = one.Version
	}
	balances, err := s.Balances(t.Context(), "org_a", "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var sum core.Credits
	for _, b := range balances {
		sum += b.Amount
		heads[b.Account] = int64(b.Amount)
		entries, err := s.Entries(t.Context(), "org_a", store.EntryQuery{Account: b.Account, Limit: 1_000_000})
		if err != nil || len(entries) == 0 || entries[len(entries)-1].Balance != b.Amount {
			t.Errorf("%+v has %d entries (%v)", b, len(entries), err)
		}
	}
	if sum != 0 {
		t.Errorf("the books add up to %d: %+v", sum, balances)
	}
}
