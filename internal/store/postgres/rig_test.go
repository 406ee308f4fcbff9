package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func scopeOf(org core.OrgID) core.Scope {
	return core.Scope{Org: org, Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}
}

// news returns n new events that follow a version of a stream.
func news(stream core.StreamID, after int64, n int) []store.NewEvent {
	out := make([]store.NewEvent, n)
	for i := range out {
		out[i] = store.NewEvent{ID: core.EventID(fmt.Sprintf("evt_%s_%d", stream, after+int64(i)+1)), Type: "thing.happened", Data: []byte(`{}`)}
	}
	return out
}

// add appends one event to a stream, with work.
func add(t testing.TB, st store.Store, org core.OrgID, stream core.StreamID, after int64) []core.Event {
	t.Helper()
	events, err := st.Append(t.Context(), scopeOf(org), store.Append{Stream: stream, Expected: after, Events: news(stream, after, 1), Work: store.WorkReady})
	if err != nil {
		t.Fatalf("append to %s of %s at %d: %v", stream, org, after, err)
	}
	return events
}

// dial connects to a URL for the time of the test.
func dial(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// mustExec runs a statement.
func mustExec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// query returns the rows of a query's first column.
func query[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// grantOf is a posting of one credit.
func grantOf(effect core.EventID) store.Posting {
	return store.Posting{Effect: string(effect), Kind: "grant", Moves: []store.Move{{Account: "~source", Amount: -core.Credit}, {Account: "available", Amount: core.Credit}}}
}
