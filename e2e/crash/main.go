// Command crash is isekai, except that it kills itself with SIGKILL at one of its writes:
// CRASH_AT counts them from 1; CRASH_WHEN is "before" (what was done isn't stored) or
// "after" (it is stored, and nobody has heard of it). CRASH_ON names which count, separated
// by commas: append (to streams of tasks and apps; the default), post (to the books),
// answer (to what is kept of an Idempotency-Key). One that comes to its end says on standard
// error how many it counted.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/platform"
	"github.com/isekai-run/isekai/internal/store"
)

type deadly struct {
	store.Store
	left  atomic.Int64
	after bool
	on    string // ",append,post,"
}

// step does a write, or dies at it.
func (d *deadly) step(what string, write func()) {
	if !strings.Contains(d.on, ","+what+",") {
		write()
		return
	}
	last := d.left.Add(-1) == 0
	if last && !d.after {
		die()
	}
	write()
	if last {
		die()
	}
}

func (d *deadly) Append(ctx context.Context, s core.Scope, a store.Append) (events []core.Event, err error) {
	what := "append"
	if !strings.HasPrefix(string(a.Stream), "tsk_") && !strings.HasPrefix(string(a.Stream), "app_") {
		what = "other"
	}
	d.step(what, func() { events, err = d.Store.Append(ctx, s, a) })
	return events, err
}

func (d *deadly) Post(ctx context.Context, org core.OrgID, p ...store.Posting) (posted []bool, err error) {
	d.step("post", func() { posted, err = d.Store.Post(ctx, org, p...) })
	return posted, err
}

func (d *deadly) Write(ctx context.Context, org core.OrgID, changes ...store.Change) (err error) {
	what := "other"
	if changes[0].Kind == "idempotency" {
		what = "answer"
	}
	d.step(what, func() { err = d.Store.Write(ctx, org, changes...) })
	return err
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
	var d *deadly
	p.Store = func(st store.Store) store.Store {
		d = &deadly{Store: st, after: os.Getenv("CRASH_WHEN") == "after", on: "," + cmp.Or(os.Getenv("CRASH_ON"), "append") + ","}
		d.left.Store(at)
		return d
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := cli.Main(ctx, p, cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Args[1:])
	stop()
	if d != nil {
		fmt.Fprintf(os.Stderr, "crash: %d writes\n", at-d.left.Load())
	}
	os.Exit(code)
}
