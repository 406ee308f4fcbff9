package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

func TestReclaimEndsTheLeasesOfADeadProcess(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scope := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}
	if _, err := s.Append(ctx, scope, store.Append{
		Stream: "tsk_a", Events: []store.NewEvent{{ID: "evt_a", Type: "task.created", Data: []byte(`{}`)}}, Work: store.WorkReady,
	}); err != nil {
		t.Fatal(err)
	}
	old, err := s.Claim(ctx, "dead", 1, time.Hour)
	if err != nil || len(old) != 1 {
		t.Fatalf("%v %v", old, err)
	}
	if again, err := s.Claim(ctx, "alive", 1, time.Hour); err != nil || len(again) != 0 {
		t.Fatalf("leased work was claimed: %v %v", again, err)
	}
	if err := s.Reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Renew(ctx, old[0], time.Hour); !store.LeaseLost(err) {
		t.Errorf("the dead process's lease is still held: %v", err)
	}
	next, err := s.Claim(ctx, "alive", 1, time.Hour)
	if err != nil || len(next) != 1 || next[0].Token <= old[0].Token {
		t.Errorf("after it: %v %v, want a token above %d", next, err, old[0].Token)
	}
}
