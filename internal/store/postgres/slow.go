package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// slowly tells of statements that take long. It is the tracer of connections.
type slowly struct {
	after time.Duration
	tell  func(statement string, took time.Duration)
}

var _ interface {
	pgx.QueryTracer
	pgx.BatchTracer
} = slowly{}

// tracer returns what looks at the connections' statements; nil if nobody wants to know.
func (c Config) tracer() pgx.QueryTracer {
	if c.Slow == nil {
		return nil
	}
	return slowly{c.SlowAfter, c.Slow}
}

// asked is a statement, or a batch of them, that is under way.
type asked struct {
	at        time.Time
	statement string
	batch     *pgx.Batch
	told      bool
}

type askedKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (slowly) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, askedKey{}, &asked{at: time.Now(), statement: d.SQL})
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s slowly) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	s.ended(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (slowly) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, askedKey{}, &asked{at: time.Now(), batch: d.Batch})
}

// TraceBatchQuery implements pgx.BatchTracer. It has nothing to say of one statement: the server
// answers when it has done all of them, or has much to tell.
func (slowly) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer. A batch that fails early ends twice.
func (s slowly) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	s.ended(ctx)
}

func (s slowly) ended(ctx context.Context) {
	a, ok := ctx.Value(askedKey{}).(*asked)
	if !ok || a.told {
		return
	}
	if took := time.Since(a.at); took >= s.after {
		a.told = true
		s.tell(a.text(), took)
	}
}

// text is what was asked: of a batch each statement once, without the one that all begin with.
func (a *asked) text() string {
	if a.batch == nil {
		return a.statement
	}
	var all []string
	for _, q := range a.batch.QueuedQueries {
		if q.SQL != sqlBegin && !slices.Contains(all, q.SQL) {
			all = append(all, q.SQL)
		}
	}
	return strings.Join(all, ";\n")
}
