// Command isekai is the whole product: prompts go in; finished tasks and
// running, tested web apps come out.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/platform"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := cli.Main(ctx, platform.New(), cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Clean: platform.Clean}, os.Args[1:])
	stop()
	os.Exit(code)
}
