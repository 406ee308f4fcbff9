package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// What the PostgreSQL store has at least of pgbench's rate with 32 clients.
const (
	holdPgbench    = 0.8 // with 32 appenders
	holdPgbench256 = 1.5 // with 256, in shared transactions
)

// scene is so many appenders over so many orgs. hold: of pgbench's rate with 32 clients
// that have an org each, so that none waits for another's counter; 0: only printed.
type scene struct {
	appenders, orgs int
	hold            float64
}

var scenes = []scene{{1, 1, 0}, {32, 1, holdPgbench}, {32, 32, 0}, {256, 1, holdPgbench256}, {256, 32, 0}}

// comparePgbench measures the PostgreSQL store against pgbench, which does the same
// writes pipelined, on one private cluster that syncs every commit.
func comparePgbench(rounds int, length time.Duration) error {
	c, err := pgtest.New(pgtest.Config{Settings: []string{"shared_buffers = 512MB", "max_wal_size = 8GB", "checkpoint_timeout = 30min"}})
	if err != nil {
		return err
	}
	defer c.Stop()
	cfg, err := c.NewDatabase()
	if err != nil {
		return err
	}
	st, err := postgres.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	keys, err := os.MkdirTemp("", "isekai-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(keys)
	v, err := sealed.New(st, filepath.Join(keys, "master.key"))
	if err != nil {
		return err
	}
	encrypted := v.Store(st)
	if err := addOrgs(c, cfg); err != nil {
		return err
	}
	theirs := map[int][]float64{}
	ours := map[scene][]float64{}
	for round := range rounds {
		for _, clients := range []int{1, 32} {
			rate, err := appendByPgbench(c, cfg, round, clients, length)
			if err != nil {
				return err
			}
			theirs[clients] = append(theirs[clients], rate)
		}
		for _, s := range scenes {
			rate, err := measure(throughStore(encrypted, s.orgs), fmt.Sprintf("%d-%d-%d", s.appenders, s.orgs, round), s.appenders, length)
			if err != nil {
				return err
			}
			ours[s] = append(ours[s], rate)
		}
	}
	base := median(theirs[32])
	fmt.Printf("PostgreSQL, pgbench with the same writes pipelined: 1 client %.0f/s, 32 clients with an org each %.0f/s\n", median(theirs[1]), base)
	missed := false
	for _, s := range scenes {
		rate := median(ours[s])
		fmt.Printf("PostgreSQL, %3d appenders in %2d orgs: %6.0f/s, ratio %.2f", s.appenders, s.orgs, rate, rate/base)
		if s.hold > 0 {
			fmt.Printf(" (hold: at least %.1f)", s.hold)
			missed = missed || rate/base < s.hold
		}
		fmt.Println()
	}
	if missed {
		return fmt.Errorf("below what we hold of pgbench")
	}
	return nil
}
