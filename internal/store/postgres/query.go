package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	connectTimeout = 5 * time.Second
	maxAttempts    = 3

	// How long a statement may take. On this side a transaction gets grace more, when the
	// server doesn't answer.
	usual = 10 * time.Second
	bulk  = 10 * time.Minute // what touches all rows of a view
	grace = 5 * time.Second
)

// sqlBegin is the first statement of every transaction. It names the org for row-level
// security and bounds what follows; all of it ends with the transaction, so that a
// pooler may give the connection to anybody. A sequential scan is never what this
// package wants, nor a sort of what an index has in order: a plan that was made while a
// table was small would choose them, and be kept until the next ANALYZE. And a plan suits all arguments: making another for
// those of each append takes longer than the append, and compiling it much longer.
const sqlBegin = `SELECT set_config('isekai.org', $1, true), set_config('statement_timeout', $2, true),
	set_config('lock_timeout', '5s', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
	set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)`

// tenant runs the statements that build queues in one transaction on the rows of org.
// build may be called again: its callbacks must then begin anew.
func (s *Store) tenant(ctx context.Context, op string, org core.OrgID, build func(*pgx.Batch)) error {
	return run(ctx, s.app, op, org, usual, build)
}

// begin queues sqlBegin.
func begin(b *pgx.Batch, org core.OrgID, limit time.Duration) {
	b.Queue(sqlBegin, string(org), strconv.FormatInt(limit.Milliseconds(), 10))
}

// run sends a transaction in one piece. The statements of a batch are one transaction
// without BEGIN and COMMIT: it ends with the batch, so an error of a callback comes too
// late to undo it; what must be undone has to fail in the server. What certainly wasn't executed, or
// was undone because others were in the way, is sent again.
func run(ctx context.Context, pool *pgxpool.Pool, op string, org core.OrgID, limit time.Duration, build func(*pgx.Batch)) error {
	if err := ctx.Err(); err != nil {
		return translate(op, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit+grace, errSlow)
	defer cancel()
	for attempt := 1; ; attempt++ {
		b := &pgx.Batch{}
		begin(b, org, limit)
		build(b)
		err := pool.SendBatch(ctx, b).Close()
		if err == nil || attempt == maxAttempts || !again(err) {
			if disconnected(err) {
				pool.Reset() // the other connections are no better
			}
			return translate(op, err)
		}
	}
}

// again reports whether a transaction that failed with err left nothing and may succeed
// at once.
func again(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code == "40001" || e.Code == "40P01" // serialization failure, deadlock
	}
	return pgconn.SafeToRetry(err) && !errors.As(err, new(*pgconn.ConnectError))
}

// into returns a callback that replaces *list by the rows.
func into[T any](list *[]T, scan func(pgx.Rows, *T) error) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		*list = nil
		for rows.Next() {
			var v T
			if err := scan(rows, &v); err != nil {
				return err
			}
			*list = append(*list, v)
		}
		return rows.Err()
	}
}

// affected returns a callback that sets *n to the number of rows that were changed.
func affected(n *int64) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		*n = tag.RowsAffected()
		return nil
	}
}

// scanOrg reads a row of one column.
func scanOrg(rows pgx.Rows, org *core.OrgID) error { return rows.Scan((*string)(org)) }
