package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/bench/internal/steps"
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
)

// rig is what works on tasks: the product's own parts, with a model that plans at once
// and a tool that does nothing.
type rig struct {
	tasks *agent.Service
	stop  context.CancelFunc
	ended chan error
	done  *steps.Finishes
	made  atomic.Int64   // tasks
	noop  steps.Noop     // the tool
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
	v, err := sealed.New(st, filepath.Join(dir, "master.key"))
	if err != nil {
		return nil, err
	}
	encrypted := v.Store(st)
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	r.owned = append(r.owned, blobs.Close)
	guard := redact.NewService(redact.ServiceConfig{Records: encrypted})
	tools, err := tool.NewRegistry(guard.Tool(&r.noop))
	if err != nil {
		return nil, err
	}
	done := steps.NewFinishes(encrypted)
	waker := st.(store.Waker)
	hub := notify.New(notify.Config{Events: st, Wake: waker.OutboxWake})
	w := agent.NewWorker(agent.WorkerConfig{
		Name: "bench", Events: done, Work: encrypted, Blobs: v.Blobs(blobs), Tools: tools,
		Models: func(scope core.Scope, task core.TaskID, _ string) (model.Model, string, error) {
			return guard.Model(scope, task, steps.Planner{}), steps.ModelName, nil
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
	if made, calls := r.made.Load(), r.noop.Calls.Load(); calls != 3*made {
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
	err := steps.Run(ctx, r.tasks, r.done)
	if err == nil {
		r.made.Add(1)
	}
	return err
}
