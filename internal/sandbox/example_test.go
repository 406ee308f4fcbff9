//go:build linux

package sandbox_test

import (
	"context"
	"fmt"
	"os"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// A box runs a command, sees what is mounted, and is killed.
func Example() {
	if err := greet(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// hello
	// exited 3
}

func greet() error {
	run, err := os.MkdirTemp("", "example")
	if err != nil {
		return err
	}
	defer os.RemoveAll(run)
	driver, err := ns.New(ns.Config{RunDir: run})
	if err != nil {
		return err
	}
	defer driver.Close()
	ctx := context.Background()
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "me"}}
	box, err := driver.Create(ctx, scope, sandbox.Spec{Limits: sandbox.Limits{Memory: 64 << 20}})
	if err != nil {
		return err
	}
	defer box.Kill(ctx)
	exit, err := box.Exec(ctx, sandbox.Command{Argv: []string{"/bin/sh", "-c", "echo hello; exit 3"}, Stdout: os.Stdout})
	if err != nil {
		return err
	}
	fmt.Println(exit.Reason, exit.Code)
	return nil
}
