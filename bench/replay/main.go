// Command replay measures how long it takes to bring back the state of a task of 10,000
// events: read, opened and folded, on SQLite and, where PostgreSQL is installed, on
// PostgreSQL. Beside it, in the same run, it reads the same rows without opening them.
// Run it with: go run ./bench/replay
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

const (
	length = 10_000
	page   = 500
	rounds = 15
	task   = core.TaskID("tsk_long")
)

var scope = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "isekai-bench-replay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	onSQLite, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return err
	}
	if err := errors.Join(measure(ctx, "SQLite", onSQLite, dir), onSQLite.Close()); err != nil {
		return err
	}
	if _, missing := pgtest.Programs(); missing != nil {
		fmt.Println("PostgreSQL:", missing)
		return nil
	}
	cluster, err := pgtest.New(pgtest.Config{})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	cfg, err := cluster.NewDatabase()
	if err != nil {
		return err
	}
	onPostgres, err := postgres.Open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(measure(ctx, "PostgreSQL", onPostgres, dir), onPostgres.Close())
}

// measure prints the medians for one store. dir is where its master key is.
func measure(ctx context.Context, name string, st store.Store, dir string) error {
	v, err := sealed.New(st, filepath.Join(dir, name+".key"))
	if err != nil {
		return err
	}
	encrypted := v.Store(st)
	if err := fill(ctx, encrypted); err != nil {
		return err
	}
	var replays, reads []time.Duration
	for range rounds {
		begin := time.Now()
		state, err := agent.Load(ctx, encrypted, scope.Org, task)
		if err != nil {
			return err
		}
		replays = append(replays, time.Since(begin))
		if state.Version != length {
			return fmt.Errorf("%d events were folded", state.Version)
		}
		begin = time.Now()
		for after := int64(0); after < length; after += page {
			rows, err := st.ReadStream(ctx, scope.Org, task.Stream(), after, page)
			if err != nil {
				return err
			}
			if len(rows) != page {
				return fmt.Errorf("%d rows came after version %d", len(rows), after)
			}
		}
		reads = append(reads, time.Since(begin))
	}
	slices.Sort(replays)
	slices.Sort(reads)
	replay, read := replays[rounds/2], reads[rounds/2]
	fmt.Printf("%-11s %d events: replayed in %6.1f ms (%.1f us each), %.2f x of reading them sealed (%.1f ms)\n", name, length,
		replay.Seconds()*1e3, replay.Seconds()*1e6/length, replay.Seconds()/read.Seconds(), read.Seconds()*1e3)
	return nil
}

// fill stores a task that calls tools again and again, each with an output of 400 bytes.
func fill(ctx context.Context, events store.Events) error {
	output := strings.Repeat("words of a tool. ", 24)
	payloads := []core.Payload{
		core.TaskCreated{Kind: core.KindTask, Prompt: "work for long", Model: "m", Limits: core.Limits{}.OrDefault()},
		core.TaskPlanned{Plan: core.Plan{Title: "Work", Steps: []core.Step{{Title: "Work"}}}},
	}
	for n := 1; len(payloads) < length; n++ {
		call := core.CallContent{ID: core.CallID(fmt.Sprint("cal_", n)), Tool: "noop", Arguments: core.Content{Text: `{}`}}
		payloads = append(payloads, core.ToolRequested{Call: call, Effect: core.Pure}, core.ToolSettled{Call: call.ID, Output: core.Content{Text: output}})
	}
	version := int64(0)
	for some := range slices.Chunk(payloads[:length], page) {
		a := store.Append{Stream: task.Stream(), Expected: version}
		for _, p := range some {
			data, err := core.EncodePayload(p)
			if err != nil {
				return err
			}
			a.Events = append(a.Events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: data})
		}
		stored, err := events.Append(ctx, scope, a)
		if err != nil {
			return err
		}
		version += int64(len(stored))
	}
	return nil
}
