package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// holdFlat is how much longer an operation may take with a million events than with ten
// thousand.
const holdFlat = 1.5

// fillings fill a database with so many events (%[1]d) of an org, in streams of twenty with a
// row in a list each, and with as many orgs as streams, a tenth of them busy.
var fillings = []string{
	`INSERT INTO isekai.orgs SELECT 'org_' || n, 1, true FROM generate_series(1, %[1]d / 20) n`,
	`INSERT INTO isekai.turns SELECT 'org_' || n, n %% 10 = 0, n FROM generate_series(1, %[1]d / 20) n`,
	`INSERT INTO isekai.work SELECT 'org_' || n * 10, 'tsk_1', 'prj_default', now() FROM generate_series(1, %[1]d / 200) n`,
	`INSERT INTO isekai.orgs VALUES ('org_default', %[1]d, true)`,
	`INSERT INTO isekai.events SELECT 'org_default', 'tsk_' || n / 20, n %% 20 + 1, n + 1, 'prj_default', 'evt_' || n, 'thing.happened', now(), 'system', 'bench', repeat('x', 500)::bytea
		FROM generate_series(0, %[1]d - 1) n`,
	`INSERT INTO isekai.view_rows SELECT 'org_default', 'tasks', 'tsk_' || n, 'prj_default', 'app', CASE n %% 3 WHEN 0 THEN 'running' ELSE 'done' END, n, repeat('x', 200)::bytea
		FROM generate_series(0, %[1]d / 20 - 1) n`,
	`VACUUM ANALYZE`,
}

// filled returns a store on a database with so many events.
func filled(c *pgtest.Cluster, events int) (*postgres.Store, error) {
	cfg, err := c.NewDatabase()
	if err != nil {
		return nil, err
	}
	url, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	for _, f := range fillings {
		sql := f
		if f != "VACUUM ANALYZE" {
			sql = fmt.Sprintf(f, events)
		}
		if err := c.Admin(url.Database, sql); err != nil {
			return nil, err
		}
	}
	return postgres.Open(context.Background(), cfg)
}

// operations are what must stay flat. n numbers the calls.
var operations = []struct {
	name string
	do   func(ctx context.Context, st store.Store, n int) error
}{
	{"reading a stream", func(ctx context.Context, st store.Store, n int) error {
		events, err := st.ReadStream(ctx, core.DefaultOrg, core.StreamID(fmt.Sprint("tsk_", n*7%500)), 0, 100)
		if err == nil && len(events) != 20 {
			err = fmt.Errorf("%d events", len(events))
		}
		return err
	}},
	{"the task list", func(ctx context.Context, st store.Store, _ int) error {
		page, err := st.List(ctx, core.DefaultOrg, "tasks", store.Query{Project: core.DefaultProject, Status: "running"})
		if err == nil && len(page.Rows) != store.DefaultLimit {
			err = fmt.Errorf("%d rows", len(page.Rows))
		}
		return err
	}},
	{"claiming", func(ctx context.Context, st store.Store, _ int) error {
		leases, err := st.Claim(ctx, "bench", 1, time.Minute)
		if err == nil && len(leases) != 1 {
			err = errors.New("nothing to claim")
		}
		if err != nil {
			return err
		}
		return st.Release(ctx, leases[0], 0)
	}},
	{"appending", func(ctx context.Context, st store.Store, n int) error {
		return throughStore(st, 1)(0, core.StreamID(fmt.Sprint("tsk_new_", n)), 0)
	}},
}

// compareSizes measures operations on 10,000 and on a million events, in turn.
func compareSizes() error {
	const small, large, calls = 10_000, 1_000_000, 400
	c, err := pgtest.New(pgtest.Config{Settings: []string{"shared_buffers = 2GB", "max_wal_size = 8GB"}})
	if err != nil {
		return err
	}
	defer c.Stop()
	var stores [2]*postgres.Store
	for i, events := range []int{small, large} {
		if stores[i], err = filled(c, events); err != nil {
			return err
		}
		defer func() { _ = stores[i].Close() }()
	}
	missed := false
	for _, op := range operations {
		var times [2][]float64
		for n := range calls {
			for i, st := range stores {
				begin := time.Now()
				if err := op.do(context.Background(), st, n); err != nil {
					return fmt.Errorf("%s: %w", op.name, err)
				}
				if n >= calls/4 { // the caches are warm
					times[i] = append(times[i], float64(time.Since(begin).Microseconds()))
				}
			}
		}
		ratio := median(times[1]) / median(times[0])
		missed = missed || ratio > holdFlat
		fmt.Printf("PostgreSQL, %-16s with 10,000 events %5.0f us, with 1,000,000 %5.0f us, ratio %.2f (hold: at most %.1f)\n",
			op.name+":", median(times[0]), median(times[1]), ratio, holdFlat)
	}
	if missed {
		return errors.New("slower with more events than we hold")
	}
	return nil
}
