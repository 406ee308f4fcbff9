package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/bench/internal/steps"
	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/bus/inproc"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/vault"
)

// ends are what to do at the end, the last first.
type ends []func() error

func (e ends) run() (err error) {
	for _, end := range slices.Backward(e) {
		err = errors.Join(err, end())
	}
	return err
}

// open makes the stores with what is measured on each. end is to be called whatever open
// returns.
func open(ctx context.Context) (sides []*side, end func() error, err error) {
	var all ends
	end = func() error { return all.run() }
	dir, err := os.MkdirTemp("", "isekai-bench-ledger-")
	if err != nil {
		return nil, end, err
	}
	all = append(all, func() error { return os.RemoveAll(dir) })
	lite, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return nil, end, err
	}
	all = append(all, lite.Close)
	if sides, err = on(ctx, "SQLite", lite, filepath.Join(dir, "sqlite"), &all); err != nil {
		return nil, end, err
	}
	if _, missing := pgtest.Programs(); missing != nil {
		fmt.Println("PostgreSQL:", missing)
		return sides, end, nil
	}
	cluster, err := pgtest.New(pgtest.Config{Settings: []string{"shared_buffers = 512MB", "max_wal_size = 8GB", "checkpoint_timeout = 30min"}})
	if err != nil {
		return nil, end, err
	}
	all = append(all, func() error { cluster.Stop(); return nil })
	cfg, err := cluster.NewDatabase()
	if err != nil {
		return nil, end, err
	}
	big, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, end, err
	}
	all = append(all, big.Close)
	peer, err := postByPgbench(cluster, cfg)
	if err != nil {
		return nil, end, err
	}
	more, err := on(ctx, "PostgreSQL", big, filepath.Join(dir, "postgres"), &all)
	return append(append(sides, newSide("PostgreSQL: pgbench with the same writes", peer)), more...), end, err
}

// on makes what is measured on one store.
func on(ctx context.Context, name string, driver store.Store, dir string, all *ends) ([]*side, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	v, err := sealed.New(driver, filepath.Join(dir, "master.key"))
	if err != nil {
		return nil, err
	}
	st := v.Store(driver)
	books, err := ledger.New(ledger.Config{Books: st, Records: st, Events: st, IDs: core.NewID})
	if err != nil {
		return nil, err
	}
	if _, err := books.Grant(ctx, org, ledger.Command{ID: "bench", Amount: core.MaxCredits / 2}); err != nil {
		return nil, err
	}
	tasks, err := newTasks(ctx, v, driver, st, books, dir, all)
	if err != nil {
		return nil, err
	}
	return []*side{
		newSide(name+": a posting", repeat(post(st))),
		newSide(name+": a task held and settled (5 events)", repeat(charge(books))),
		newSide(name+": a three-step task, free", tasks.rate(tasks.free)),
		newSide(name+": a three-step task, charged", tasks.rate(tasks.charged)),
	}, nil
}

// tasks are the product's own parts, with a model that plans at once and a tool that does
// nothing.
type tasks struct {
	free, charged *agent.Service
	done          *steps.Finishes
	outbox        store.Outbox
}

func newTasks(ctx context.Context, v *vault.Vault, driver, st store.Store, books *ledger.Service, dir string, all *ends) (*tasks, error) {
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	*all = append(*all, blobs.Close)
	tools, err := tool.NewRegistry(&steps.Noop{})
	if err != nil {
		return nil, err
	}
	if err := books.SetPrice(ctx, org, "model/"+steps.ModelName, &core.Price{Input: core.Credit, Output: core.Credit}); err != nil {
		return nil, err
	}
	done := steps.NewFinishes(st)
	t := &tasks{free: &agent.Service{Events: done, IDs: core.NewID}, charged: &agent.Service{Events: done, IDs: core.NewID, Charge: true}, done: done, outbox: driver}
	waker := driver.(store.Waker)
	hub := notify.New(notify.Config{Events: driver, Wake: waker.OutboxWake})
	bus := inproc.New(inproc.Config{})
	bus.Subscribe(ledger.Consumer, v.Handler(books.Handler(t.charged)))
	carry := relay.New(relay.Config{Outbox: driver, Bus: bus, Wake: waker.OutboxWake})
	worker := agent.NewWorker(agent.WorkerConfig{
		Name: "bench", Events: done, Work: st, Blobs: v.Blobs(blobs), Tools: tools, Prices: agent.Listed{List: books},
		Models: func(core.Scope, core.TaskID, string) (model.Model, string, error) {
			return steps.Planner{}, steps.ModelName, nil
		},
		Changed: hub.Watch, Wake: waker.WorkWake, Dir: filepath.Join(dir, "work"), Concurrency: slices.Max(clients),
	})
	for _, run := range []func(context.Context) error{hub.Run, bus.Run, carry.Run, worker.Run} {
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- run(ctx) }()
		*all = append(*all, func() error {
			stop()
			if err := <-ended; core.CodeOf(err) != core.Canceled {
				return err
			}
			return nil
		})
	}
	return t, nil
}
