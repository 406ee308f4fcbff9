//go:build linux

// Command agent measures what the orchestrator costs: of a tool's call, with a model that answers
// at once and a tool that does nothing, against the bare call of that tool; and how many tasks a
// minute a core does. Everything is as the product has it: events are encrypted and durable, on
// SQLite, before the next effect; calls are bracketed by them, checked and redacted. Run it with:
//
//	go run ./bench/agent
//
// A call's cost is what a task with nine calls takes longer than one with a call, by eight, alone;
// medians, in turn in one run. Tasks have a plan, a step with one call, and a judgement; a core's are
// counted by the time of processors that this process has had, with eight in flight.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/bench/internal/steps"
	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
)

const (
	few, many = 1, 9 // calls of a task
	inFlight  = 8
)

// caller is a model that has a step make so many calls, one in each turn.
type caller struct{ calls int }

// Stream implements model.Model.
func (c caller) Stream(_ context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		out := model.Chunk{Usage: &core.Usage{Input: 10, Output: 10}, Done: true}
		switch r.Purpose {
		case model.Plan:
			out.Text = `{"title":"Calls","steps":[{"title":"call"}]}`
		case model.Judge:
			out.Text = `{"verdict":"SUCCESS"}`
		default:
			out.Text = "done"
			if made := results(r); made < c.calls {
				out.Text, out.Call = "", &core.Call{ID: core.CallID(core.NewID("call")), Tool: "noop", Arguments: json.RawMessage(fmt.Sprintf(`{"n":%d}`, made))}
			}
		}
		yield(out, nil)
	}
}

// results counts the tools' answers in a request.
func results(r model.Request) (n int) {
	for _, m := range r.Messages {
		if m.Role == model.Tool {
			n++
		}
	}
	return n
}

// noop is steps.Noop with an argument, so that no call is like another.
type noop struct{ *steps.Noop }

// Spec implements tool.Tool.
func (n noop) Spec() tool.Spec {
	s := n.Noop.Spec()
	s.Schema = json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`)
	return s
}

// rig works on tasks with the product's own parts.
type rig struct {
	tasks *agent.Service
	done  *steps.Finishes
	close func() error
}

func newRig(ctx context.Context, dir string, calls int, work *steps.Noop) (*rig, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	st, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return nil, err
	}
	v, err := sealed.New(st, filepath.Join(dir, "master.key"))
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	encrypted := v.Store(st)
	guard := redact.NewService(redact.ServiceConfig{Records: encrypted})
	tools, err := tool.NewRegistry(guard.Tool(noop{work}))
	if err != nil {
		return nil, errors.Join(err, blobs.Close(), st.Close())
	}
	done := steps.NewFinishes(encrypted)
	hub := notify.New(notify.Config{Events: st, Wake: st.OutboxWake})
	w := agent.NewWorker(agent.WorkerConfig{
		Name: "bench", Events: done, Work: encrypted, Blobs: v.Blobs(blobs), Tools: tools,
		Models: func(scope core.Scope, task core.TaskID, _ string) (model.Model, string, error) {
			return guard.Model(scope, task, caller{calls}), steps.ModelName, nil
		},
		Changed: hub.Watch, Wake: st.WorkWake, Dir: filepath.Join(dir, "work"), Concurrency: inFlight,
	})
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { _ = hub.Run(ctx) }()
	go func() { ended <- w.Run(ctx) }()
	return &rig{&agent.Service{Events: done, IDs: core.NewID}, done, func() error {
		stop()
		err := <-ended
		if core.CodeOf(err) == core.Canceled {
			err = nil
		}
		return errors.Join(err, blobs.Close(), st.Close())
	}}, nil
}

func main() {
	n := flag.Int("n", 300, "tasks of each kind, alone; three times as many in flight")
	flag.Parse()
	if err := run(context.Background(), *n); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, n int) (err error) {
	dir, err := os.MkdirTemp("", "isekai-bench-agent-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var work steps.Noop
	rigs := map[int]*rig{}
	for _, calls := range []int{few, many} {
		if rigs[calls], err = newRig(ctx, filepath.Join(dir, fmt.Sprint(calls)), calls, &work); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rigs[calls].close()) }()
	}
	took := map[int][]time.Duration{}
	for i := range n + n/10 { // after some to warm up
		for calls, r := range rigs {
			start := time.Now()
			if err := steps.Run(ctx, r.tasks, r.done); err != nil {
				return err
			}
			if i >= n/10 {
				took[calls] = append(took[calls], time.Since(start))
			}
		}
	}
	if made, want := work.Calls.Load(), int64((n+n/10)*(few+many)); made != want {
		return fmt.Errorf("%d calls were made, not %d", made, want)
	}
	bare, err := alone(ctx, n)
	if err != nil {
		return err
	}
	each := (median(took[many]) - median(took[few])) / (many - few)
	fmt.Printf("a task with %d call, alone       %s\na task with %d calls, alone      %s\n", few, median(took[few]), many, median(took[many]))
	fmt.Printf("a call with its turn of a model  %s   bare call %s   ratio %.0f\n", each, bare, float64(each)/float64(bare))
	return perCore(ctx, rigs[few], 3*n)
}

// alone is the median of the bare, checked call.
func alone(ctx context.Context, n int) (time.Duration, error) {
	checked, err := tool.Checked(noop{&steps.Noop{}}, nil)
	if err != nil {
		return 0, err
	}
	var took []time.Duration
	for range n * many {
		start := time.Now()
		if _, err := checked.Call(ctx, tool.Call{Scope: steps.Scope, ID: "call", Arguments: json.RawMessage(`{"n":1}`)}); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	return median(took), nil
}

// perCore runs tasks side by side.
func perCore(ctx context.Context, r *rig, n int) error {
	start, before := time.Now(), processor()
	var all errgroup.Group
	all.SetLimit(inFlight)
	for range n {
		all.Go(func() error { return steps.Run(ctx, r.tasks, r.done) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	used, took := processor()-before, time.Since(start)
	fmt.Printf("%d tasks, %d in flight: %.0f a minute; %.0f a minute and core (%.2f ms of a processor each)\n",
		n, inFlight, float64(n)/took.Minutes(), float64(n)/used.Minutes(), float64(used.Microseconds())/1000/float64(n))
	return nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2].Round(100 * time.Nanosecond)
}

// processor is the time that this process has had.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
