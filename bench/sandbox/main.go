//go:build linux

// Command sandbox measures how long it takes to start a box, run /bin/true in it and
// take it down, against bubblewrap doing the same with comparable options, in turn in
// one run. It links what the isekai binary links, since a box's first process is the
// binary itself. It exits 1 when the ratio of the medians is above what we hold.
//
//	CGO_ENABLED=0 go run ./bench/sandbox
//	CGO_ENABLED=0 go run ./bench/sandbox -egress
//
// With -egress it measures connections from a box to outside instead, against direct ones.
//
// As root it measures as root and then as an ordinary user. "isekai box" finds its
// beginnings made, as a box does unless others have just taken them; "cold" doesn't.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/modelcontextprotocol/go-sdk/mcp"
	_ "github.com/openai/openai-go/v3"
	_ "modernc.org/sqlite"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

const (
	hold     = 0.8                   // the ratio that we hold
	settle   = 10 * time.Millisecond // before each start, so that none pays for what the one before it left to the kernel
	warmUp   = 10                    // starts of each that don't count
	ordinary = 64123                 // a uid that has nothing on this host
)

func main() {
	n := flag.Int("n", 200, "starts of each, or connections")
	out := flag.Bool("egress", false, "measure connections to outside")
	flag.Parse()
	var err error
	switch {
	case flag.Arg(0) == asClient:
		err = client(flag.Args()[1:])
	case *out:
		err = runEgress(context.Background(), *n)
	default:
		err = run(context.Background(), *n)
	}
	if err == nil && os.Geteuid() == 0 && flag.Arg(0) != asClient {
		err = asUser(*n, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/sandbox:", err)
		os.Exit(1)
	}
}

// way is one way to run /bin/true.
type way struct {
	name          string
	before, after func() error // not counted; may be nil
	once          func() error
	took          []time.Duration
}

func run(ctx context.Context, n int) error {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return fmt.Errorf("bubblewrap isn't installed: %w", err)
	}
	d, closeDriver, err := driver()
	if err != nil {
		return err
	}
	defer closeDriver()
	var other sandbox.Box // has taken the beginnings
	takeKept := func() (err error) { other, err = d.Create(ctx, scope, sandbox.Spec{}); return err }
	ways := []way{
		{name: "plain exec", once: func() error { return exec.Command("/bin/true").Run() }},
		{name: "bubblewrap", once: func() error { return exec.Command(bwrap, bwrapArgs...).Run() }},
		{name: "isekai box", once: func() error { return box(ctx, d) }},
		{name: "cold", before: takeKept, once: func() error { return box(ctx, d) }, after: func() error { return other.Kill(ctx) }},
	}
	if err := measure(ways, n); err != nil {
		return err
	}
	fmt.Printf("start of /bin/true, uid %d, %d each in turn\n", os.Geteuid(), n)
	for _, w := range ways {
		fmt.Printf("%-12s median %6.2f ms   p10 %6.2f ms   p90 %6.2f ms\n", w.name, w.at(50), w.at(10), w.at(90))
	}
	ratio := ways[2].at(50) / ways[1].at(50)
	fmt.Printf("ratio to bubblewrap %.2f (hold: at most %.2f), cold %.2f\n", ratio, hold, ways[3].at(50)/ways[1].at(50))
	if ratio > hold {
		return fmt.Errorf("%.2f is above %.2f", ratio, hold)
	}
	return nil
}

// measure runs each way in turn, n times.
func measure(ways []way, n int) error {
	for i := range n + warmUp {
		for w := range ways {
			time.Sleep(settle)
			took, err := ways[w].measure()
			if err != nil {
				return fmt.Errorf("%s: %w", ways[w].name, err)
			}
			if i >= warmUp {
				ways[w].took = append(ways[w].took, took)
			}
		}
	}
	for w := range ways {
		slices.Sort(ways[w].took)
	}
	return nil
}

func (w way) measure() (took time.Duration, err error) {
	if w.before != nil {
		err = w.before()
	}
	begin := time.Now()
	err = errors.Join(err, w.once())
	took = time.Since(begin)
	if w.after != nil {
		err = errors.Join(err, w.after())
	}
	return took, err
}

// at is a percentile in milliseconds.
func (w way) at(percent int) float64 { return float64(w.took[len(w.took)*percent/100]) / 1e6 }

// driver makes a driver with a run folder of its own.
func driver() (*ns.Driver, func(), error) {
	dir, err := os.MkdirTemp("", "isekai-bench-")
	if err != nil {
		return nil, nil, err
	}
	d, err := ns.New(ns.Config{RunDir: dir})
	return d, func() { _ = errors.Join(d.Close(), os.RemoveAll(dir)) }, err
}

// bwrapArgs make a box as near to ours as bubblewrap can: it has no cgroups, no
// Landlock, and a seccomp filter only if somebody gives it one.
var bwrapArgs = []string{
	"--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "box",
	"--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
	"--ro-bind", "/etc/alternatives", "/etc/alternatives", "--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache",
	"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true",
}

var scope = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}

// box is the whole life of a box with the default limits.
func box(ctx context.Context, d *ns.Driver) (err error) {
	b, err := d.Create(ctx, scope, sandbox.Spec{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Kill(ctx)) }()
	exit, err := b.Exec(ctx, sandbox.Command{Argv: []string{"/bin/true"}})
	if err == nil && !exit.OK() {
		err = fmt.Errorf("ended by %s with code %d", exit.Reason, exit.Code)
	}
	return err
}

// asUser runs this program again as an ordinary user.
func asUser(n int, out bool) error {
	home, err := os.MkdirTemp("", "isekai-bench-user-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := os.Chown(home, ordinary, ordinary); err != nil {
		return err
	}
	c := exec.Command("/proc/self/exe", "-n", fmt.Sprint(n), fmt.Sprintf("-egress=%t", out))
	c.Dir, c.Stdout, c.Stderr = home, os.Stdout, os.Stderr
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}}
	return c.Run()
}
