package vault_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault"
)

// A store is sealed below its users, who don't notice until the org is shredded.
func ExampleVault() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "master.json")
	if err := vault.GenerateMaster(path); err != nil {
		panic(err)
	}
	master, err := vault.OpenMaster(path)
	if err != nil {
		panic(err)
	}
	driver, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		panic(err)
	}
	defer func() { _ = driver.Close() }()

	v := vault.New(vault.Config{Keysets: driver, Master: master})
	if err := v.Check(ctx); err != nil {
		panic(err)
	}
	s := v.Store(driver)
	user := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_1"}}
	_, err = s.Append(ctx, user, store.Append{Stream: "tsk_1", Events: []store.NewEvent{{ID: "evt_1", Type: "task.created", Data: []byte(`{"prompt":"hello"}`)}}})
	fmt.Println(err)

	events, _ := s.ReadStream(ctx, core.DefaultOrg, "tsk_1", 0, 10)
	fmt.Println(string(events[0].Data))
	raw, _ := driver.ReadStream(ctx, core.DefaultOrg, "tsk_1", 0, 10)
	fmt.Println(len(raw[0].Data) > len(events[0].Data))

	fmt.Println(v.Shred(ctx, core.DefaultOrg))
	_, err = s.ReadStream(ctx, core.DefaultOrg, "tsk_1", 0, 10)
	fmt.Println(core.CodeOf(err))
	// Output:
	// <nil>
	// {"prompt":"hello"}
	// true
	// <nil>
	// not_found
}
