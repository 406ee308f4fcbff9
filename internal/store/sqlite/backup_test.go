package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// A backup is of one moment while others write, opens like any other store, and holds
// no keyset.
func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Path: filepath.Join(dir, "live.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	secret := bytes.Repeat([]byte("wrapped-keyset-marker"), 50)
	if err := s.SetKeyset(t.Context(), "org_a", 0, secret); err != nil {
		t.Fatal(err)
	}
	scope := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}
	first := store.Append{Stream: "tsk_first", Events: []store.NewEvent{{ID: "evt_first", Type: "x.done", Data: []byte(`{}`)}}}
	if _, err := s.Append(t.Context(), scope, first); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), "org_records", store.Change{Kind: "user", ID: "u", Data: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Draw(t.Context(), "org_draws", "b", 1, store.Rate{Burst: 2, Per: time.Hour}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for v := int64(0); ctx.Err() == nil; v++ {
			ctx := context.WithoutCancel(ctx)
			_, err := s.Post(ctx, "org_a", store.Posting{Effect: fmt.Sprint("e", v), Kind: "grant", Moves: []store.Move{{Account: "~source", Amount: -1}, {Account: "available", Amount: 1}}})
			if err == nil {
				err = s.Write(ctx, "org_a", store.Change{Kind: "n", ID: "one", Expected: v, Data: []byte(`1`)}, store.Change{Kind: "n", ID: "two", Expected: v, Data: []byte(`2`)})
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for w := range 4 {
		writing.Go(func() {
			for v := int64(0); ctx.Err() == nil; v++ {
				_, err := s.Append(context.WithoutCancel(ctx), scope, store.Append{
					Stream: core.StreamID(fmt.Sprint("tsk_", w)), Expected: v, Work: store.WorkReady,
					Events: []store.NewEvent{{ID: core.EventID(fmt.Sprintf("evt_%d_%d", w, v)), Type: "x.done", Data: []byte(`{}`)}},
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 5 {
		path := filepath.Join(dir, fmt.Sprintf("copy-%d.db", i))
		sums, err := s.Backup(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := os.ReadFile(path); err != nil || bytes.Contains(raw, secret[:21]) {
			t.Fatalf("the copy holds a keyset: %v", err)
		}
		checkCopy(t, path, sums)
		if live, err := store.SumOrg(t.Context(), s, "org_a", sums[0].Position); err != nil || live != sums[0].OfEvents() {
			t.Errorf("the live store has %+v, the copy %+v: %v", live, sums[0], err)
		}
		if _, err := s.Backup(t.Context(), path); core.CodeOf(err) != core.Conflict {
			t.Errorf("over an older backup: %v", err)
		}
	}
	stop()
	writing.Wait()
	if k, err := s.Keyset(t.Context(), "org_a"); err != nil || !bytes.Equal(k.Wrapped, secret) {
		t.Errorf("the live keyset: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := s.Backup(t.Context(), filepath.Join(dir, "no", "folder.db")); err == nil {
		t.Error("a backup into no folder")
	}
}

// checkCopy looks whether every event has its message, and its stream no gap.
func checkCopy(t *testing.T, path string, sums []store.Sum) {
	t.Helper()
	c, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range sums {
		if got, err := store.SumAll(t.Context(), c, want.Org); err != nil || got != want {
			t.Errorf("the copy has %+v, want %+v: %v", got, want, err)
		}
	}
	one, errOne := c.Record(t.Context(), "org_a", "n", "one")
	two, errTwo := c.Record(t.Context(), "org_a", "n", "two")
	balances, err := c.Balances(t.Context(), "org_a", "", "", 10)
	if one.Version != two.Version || core.CodeOf(errOne) != core.CodeOf(errTwo) || err != nil || len(balances) == 2 && balances[0].Amount != -balances[1].Amount {
		t.Errorf("half a write: %+v, %+v, %+v: %v", one, two, balances, err)
	}
	events, err := c.ReadOrg(t.Context(), "org_a", 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(sums) != 2 || sums[1].Org != "org_records" || sums[1].Records != 1 || sums[0].Org != "org_a" || sums[0].Events != int64(len(events)) || len(events) == 0 {
		t.Errorf("%d events, summed up as %+v", len(events), sums)
	}
	next := map[core.StreamID]int64{}
	for _, e := range events {
		if next[e.Stream]++; e.Version != next[e.Stream] {
			t.Fatalf("%s has version %d after %d", e.Stream, e.Version, next[e.Stream]-1)
		}
	}
	pending, err := c.Pending(t.Context(), 1_000_000)
	if err != nil || len(pending) != len(events) {
		t.Errorf("%d messages for %d events: %v", len(pending), len(events), err)
	}
}
