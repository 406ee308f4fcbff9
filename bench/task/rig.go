package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/vault"
)

// rig is what works on tasks: the product's own parts, with a model that plans at once
// and a tool that does nothing.
type rig struct {
	tasks *agent.Service
	stop  context.CancelFunc
	ended chan error
	done  *finishes
	made  atomic.Int64   // tasks
	calls atomic.Int64   // of the tool
	owned []func() error // what to close after the worker, the last first
}

func newRigOnSQLite(ctx context.Context, dir string) (*rig, error) {
	st, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return nil, err
	}
	return newRig(ctx, st, dir, st.Close)
}

func newRigOnPostgres(ctx context.Context, dir string) (*rig, error) {
	cluster, err := pgtest.New(pgtest.Config{})
	if err != nil {
		return nil, err
	}
	stop := func() error { cluster.Stop(); return nil }
	cfg, err := cluster.NewDatabase()
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	st, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return newRig(ctx, st, dir, stop, st.Close)
}

func newRig(ctx context.Context, st store.Store, dir string, owned ...func() error) (_ *rig, err error) {
	r := &rig{owned: owned}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.closeOwned())
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key := filepath.Join(dir, "master.key")
	if err := vault.GenerateMaster(key); err != nil {
		return nil, err
	}
	master, err := vault.OpenMaster(key)
	if err != nil {
		return nil, err
	}
	v := vault.New(vault.Config{Keysets: st, Master: master})
	sealed := v.Store(st)
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	r.owned = append(r.owned, blobs.Close)
	guard := redact.NewService(redact.ServiceConfig{Records: sealed})
	tools, err := tool.NewRegistry(guard.Tool(&noop{calls: &r.calls}))
	if err != nil {
		return nil, err
	}
	done := &finishes{Events: sealed, waiting: map[core.StreamID]chan core.TaskStatus{}}
	waker := st.(store.Waker)
	hub := notify.New(notify.Config{Events: st, Wake: waker.OutboxWake})
	w := agent.NewWorker(agent.WorkerConfig{
		Name: "bench", Events: done, Work: sealed, Blobs: v.Blobs(blobs), Tools: tools,
		Models: func(scope core.Scope, task core.TaskID, _ string) (model.Model, string, error) {
			return guard.Model(scope, task, planner{}), "plan", nil
		},
		Changed: hub.Watch, Wake: waker.WorkWake, Dir: filepath.Join(dir, "work"), Concurrency: inFlight,
	})
	r.tasks, r.ended, r.done = &agent.Service{Events: done, IDs: core.NewID}, make(chan error, 1), done
	ctx, r.stop = context.WithCancel(ctx)
	go func() { _ = hub.Run(ctx) }()
	go func() { r.ended <- w.Run(ctx) }()
	return r, nil
}

func (r *rig) close() error {
	r.stop()
	err := <-r.ended
	if core.CodeOf(err) == core.Canceled {
		err = nil
	}
	if made, calls := r.made.Load(), r.calls.Load(); calls != 3*made {
		err = errors.Join(err, fmt.Errorf("%d tasks made %d calls", made, calls))
	}
	return errors.Join(err, r.closeOwned())
}

func (r *rig) closeOwned() (err error) {
	for _, end := range slices.Backward(r.owned) {
		err = errors.Join(err, end())
	}
	return err
}

// one runs a task from its creation to its last event.
func (r *rig) one(ctx context.Context) error {
	st, err := r.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindTask, Prompt: "three steps of no work", Model: "plan"})
	if err != nil {
		return err
	}
	select {
	case status := <-r.done.of(st.Task.Stream()):
		if status != core.StatusSucceeded {
			return fmt.Errorf("task %s is %s", st.Task, status)
		}
		r.made.Add(1)
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("task %s doesn't end", st.Task)
	}
}

// finishes tells when tasks have ended, as their last event is stored.
type finishes struct {
	store.Events
	mu      sync.Mutex
	waiting map[core.StreamID]chan core.TaskStatus
}

// of returns a channel that gets the task's end, whether that has been or comes.
func (f *finishes) of(stream core.StreamID) chan core.TaskStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.waiting[stream]
	if c == nil {
		c = make(chan core.TaskStatus, 1)
		f.waiting[stream] = c
	} else {
		delete(f.waiting, stream)
	}
	return c
}

func (f *finishes) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	events, err := f.Events.Append(ctx, scope, a)
	if n := len(events); err == nil && n > 0 && events[n-1].Type == (core.TaskFinished{}).EventType() {
		p, err := events[n-1].Payload()
		if err != nil {
			return nil, err
		}
		f.of(a.Stream) <- p.(core.TaskFinished).Status
	}
	return events, err
}

// planner is a model that plans three calls at once.
type planner struct{}

func (planner) Stream(_ context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		text := `{"ok":true}`
		if r.Purpose == model.Plan {
			text = threeSteps
		}
		yield(model.Chunk{Text: text, Usage: &core.Usage{Input: 10, Output: 10}, Done: true}, nil)
	}
}

var threeSteps = func() string {
	p := core.Plan{Title: "Three steps"}
	for i := range 3 {
		p.Steps = append(p.Steps, core.Step{
			Title: fmt.Sprint("Step ", i+1), Call: &core.Call{Tool: "noop", Arguments: json.RawMessage(`{}`)},
		})
	}
	b, err := json.Marshal(p)
	if err != nil { // plain fields always encode
		panic(err)
	}
	return string(b)
}()

// noop is a tool of no work.
type noop struct{ calls *atomic.Int64 }

// Spec implements tool.Tool.
func (*noop) Spec() tool.Spec {
	return tool.Spec{Name: "noop", Version: "1", Description: "Does nothing.", Schema: json.RawMessage(`{"type":"object","additionalProperties":false}`), Effect: core.Pure, Bare: true}
}

// Call implements tool.Tool.
func (n *noop) Call(context.Context, tool.Call) (tool.Result, error) {
	n.calls.Add(1)
	return tool.Result{Output: "done", Evidence: &core.Evidence{Kind: "call", OK: true, Text: "done"}}, nil
}
