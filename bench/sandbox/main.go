//go:build linux

// Command sandbox measures how long it takes to start a box, run /bin/true in it and
// take it down, against bubblewrap doing the same with comparable options, in turn in
// one run. It links what the isekai binary links, since a box's first process is the
// binary itself. It exits 1 when the ratio of the medians is above what we hold.
//
//	go run ./bench/sandbox            # as root and as an ordinary user
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/openai/openai-go/v3"
	_ "modernc.org/sqlite"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// hold is the ratio that we hold.
const hold = 0.8

func main() {
	n := flag.Int("n", 200, "starts of each")
	flag.Parse()
	ratio, err := run(context.Background(), *n)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/sandbox:", err)
		os.Exit(1)
	}
	if ratio > hold {
		fmt.Fprintf(os.Stderr, "bench/sandbox: %.2f is above %.2f\n", ratio, hold)
		os.Exit(1)
	}
}

func run(ctx context.Context, n int) (float64, error) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return 0, fmt.Errorf("bubblewrap isn't installed: %w", err)
	}
	dir, err := os.MkdirTemp("", "isekai-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	d, err := ns.New(ns.Config{RunDir: dir})
	if err != nil {
		return 0, err
	}
	defer d.Close()
	ways := []struct {
		name string
		once func() error
		took []time.Duration
	}{
		{name: "plain exec", once: func() error { return exec.Command("/bin/true").Run() }},
		{name: "bubblewrap", once: func() error { return exec.Command(bwrap, bwrapArgs...).Run() }},
		{name: "isekai box", once: func() error { return box(ctx, d) }},
	}
	for i := range n + 10 { // the first ten warm up
		for w := range ways {
			begin := time.Now()
			if err := ways[w].once(); err != nil {
				return 0, fmt.Errorf("%s: %w", ways[w].name, err)
			}
			if i >= 10 {
				ways[w].took = append(ways[w].took, time.Since(begin))
			}
		}
	}
	fmt.Printf("start of /bin/true, uid %d, %d each in turn\n", os.Geteuid(), n)
	for _, w := range ways {
		slices.Sort(w.took)
		fmt.Printf("%-12s median %6.2f ms   p90 %6.2f ms\n", w.name, ms(median(w.took)), ms(w.took[len(w.took)*9/10]))
	}
	ratio := float64(median(ways[2].took)) / float64(median(ways[1].took))
	fmt.Printf("ratio to bubblewrap %.2f (hold: at most %.2f)\n", ratio, hold)
	return ratio, nil
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }
func ms(d time.Duration) float64                  { return float64(d) / 1e6 }

// bwrapArgs make a box as near to ours as bubblewrap can: it has no cgroups, no
// Landlock, and a seccomp filter only if somebody gives it one.
var bwrapArgs = []string{
	"--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "box",
	"--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
	"--ro-bind", "/etc/alternatives", "/etc/alternatives", "--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache",
	"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true",
}

// box is the whole life of a box with the default limits.
func box(ctx context.Context, d *ns.Driver) error {
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}
	b, err := d.Create(ctx, scope, sandbox.Spec{})
	if err != nil {
		return err
	}
	defer b.Kill(ctx)
	exit, err := b.Exec(ctx, sandbox.Command{Argv: []string{"/bin/true"}})
	if err == nil && !exit.OK() {
		err = fmt.Errorf("ended by %s with code %d", exit.Reason, exit.Code)
	}
	return err
}
