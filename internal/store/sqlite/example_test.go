package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// A task is created together with its work; a worker claims it, appends under
// its lease, and takes the work away when it is done.
func ExampleStore() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		panic(err)
	}
	defer func() { _ = s.Close() }()

	event := func(kind string) []store.NewEvent {
		return []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: kind, Data: []byte(`{}`)}}
	}
	user := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_1"}}
	_, err = s.Append(ctx, user, store.Append{Stream: "tsk_1", Events: event("task.created"), Work: store.WorkReady})
	fmt.Println(err)

	leases, _ := s.Claim(ctx, "worker-1", 1, 30*time.Second)
	worker := user.As(core.ActorWorker, "worker-1")
	_, err = s.Append(ctx, worker, store.Append{
		Stream: "tsk_1", Expected: 1, Events: event("task.finished"), Work: store.WorkNone, Lease: &leases[0],
	})
	fmt.Println(err)

	events, _ := s.ReadStream(ctx, core.DefaultOrg, "tsk_1", 0, 100)
	for _, e := range events {
		fmt.Println(e.Version, e.Type, e.Actor.Kind)
	}
	_, err = s.Append(ctx, user, store.Append{Stream: "tsk_1", Expected: 1, Events: event("task.renamed")})
	fmt.Println(core.CodeOf(err))
	// Output:
	// <nil>
	// <nil>
	// 1 task.created user
	// 2 task.finished worker
	// conflict
}
