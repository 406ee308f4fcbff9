// Command crash is isekai, except that it kills itself with SIGKILL at one of
// its appends: CRASH_AT counts them from 1; CRASH_WHEN is "before" (what was done
// isn't stored) or "after" (it is stored, and nobody has heard of it).
package main

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/platform"
	"github.com/isekai-run/isekai/internal/store"
)

type deadly struct {
	store.Events
	left  atomic.Int64
	after bool
}

func (d *deadly) Append(ctx context.Context, s core.Scope, a store.Append) ([]core.Event, error) {
	last := d.left.Add(-1) == 0
	if last && !d.after {
		die()
	}
	events, err := d.Events.Append(ctx, s, a)
	if last {
		die()
	}
	return events, err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it arrives
}

func main() {
	at, err := strconv.ParseInt(os.Getenv("CRASH_AT"), 10, 64)
	if err != nil {
		panic(err)
	}
	p := platform.New()
	p.Events = func(e store.Events) store.Events {
		d := &deadly{Events: e, after: os.Getenv("CRASH_WHEN") == "after"}
		d.left.Store(at)
		return d
	}
	os.Exit(cli.Main(context.Background(), p, cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Args[1:]))
}
