package postgres

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/isekai-run/isekai/internal/store"
)

const (
	channel = "isekai"
	// tellEvery is how often other processes are told at most.
	tellEvery = 5 * time.Millisecond
	// probeEvery is how often a silent connection is asked whether it is still there.
	probeEvery  = 30 * time.Second
	probeFor    = 5 * time.Second
	listenPause = time.Second // before connecting again
)

// sqlNotify needn't wait for the disk: who isn't told, polls.
const sqlNotify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

// notifier tells other processes of this one's commits, and this one of theirs, by
// NOTIFY and LISTEN. It tells after the commit, not in it, for PostgreSQL lets one
// transaction with a notification commit at a time; a process that dies in between tells
// nobody, and polling finds what it left. What happens within tellEvery is told once.
type notifier struct {
	self string // tells our own notifications from the others'
	pool *pgxpool.Pool
	wake func(store.Changes)
	poke chan struct{}
	end  context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex
	pending store.Changes
}

// notify starts a notifier, which calls wake. stop ends it.
func notify(pool *pgxpool.Pool, wake func(store.Changes)) *notifier {
	ctx, end := context.WithCancel(context.Background())
	n := &notifier{self: rand.Text(), pool: pool, wake: wake, poke: make(chan struct{}, 1), end: end}
	n.all.Go(func() { n.tell(ctx) })
	n.all.Go(func() { n.listen(ctx) })
	return n
}

func (n *notifier) stop() {
	n.end()
	n.all.Wait()
}

// changed wakes this process and, soon, the others.
func (n *notifier) changed(c store.Changes) {
	if c == (store.Changes{}) {
		return
	}
	n.wake(c)
	n.mu.Lock()
	n.pending = n.pending.Merge(c)
	n.mu.Unlock()
	select {
	case n.poke <- struct{}{}:
	default: // tell will see it
	}
}

// tell sends what is pending, until ctx ends. What can't be sent is dropped.
func (n *notifier) tell(ctx context.Context) {
	pace := time.NewTicker(tellEvery)
	defer pace.Stop()
	for {
		select {
		case <-n.poke:
		case <-ctx.Done():
			return
		}
		n.mu.Lock()
		c := n.pending
		n.pending = store.Changes{}
		n.mu.Unlock()
		_ = run(ctx, n.pool, "store.notify", "", usual, func(b *pgx.Batch) {
			b.Queue(sqlNotify, channel, n.self+encode(c))
		})
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
	}
}

// encode is the end of a notification's payload, after who sent it.
func encode(c store.Changes) string {
	s := ":"
	if c.Work {
		s += "w"
	}
	if c.Outbox {
		s += "o"
	}
	return s
}

// heard wakes this process for another's notification.
func (n *notifier) heard(payload string) {
	from, what, _ := strings.Cut(payload, ":")
	if from != n.self {
		n.wake(store.Changes{Work: strings.Contains(what, "w"), Outbox: strings.Contains(what, "o")})
	}
}

// listen hears the others until ctx ends, and connects again when it must. Behind a
// pooler it does nothing: there a session belongs to nobody.
func (n *notifier) listen(ctx context.Context) {
	for again := false; ctx.Err() == nil; again = true {
		if pooled := n.hear(ctx, again); pooled {
			return
		}
		select {
		case <-time.After(listenPause):
		case <-ctx.Done():
		}
	}
}

// hear listens on one connection until that fails.
func (n *notifier) hear(ctx context.Context, again bool) (pooled bool) {
	conn, err := pgx.ConnectConfig(ctx, n.pool.Config().ConnConfig)
	if err != nil {
		return false
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeFor)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	var pid uint32
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return false
	}
	if pid != conn.PgConn().PID() { // a pooler has made up its own
		return true
	}
	if _, err := conn.Exec(ctx, `LISTEN `+channel); err != nil {
		return false
	}
	if again { // for what was missed
		n.wake(store.Changes{Work: true, Outbox: true})
	}
	for {
		note, err := wait(ctx, conn)
		switch {
		case err != nil:
			return false
		case note != "":
			n.heard(note)
		}
	}
}

// wait returns a notification's payload, or "" when there was none for a while and the
// connection is well.
func wait(ctx context.Context, conn *pgx.Conn) (string, error) {
	short, cancel := context.WithTimeout(ctx, probeEvery)
	defer cancel()
	note, err := conn.WaitForNotification(short)
	if err == nil {
		return note.Payload, nil
	}
	if ctx.Err() != nil || short.Err() == nil {
		return "", err
	}
	probe, cancel := context.WithTimeout(ctx, probeFor)
	defer cancel()
	return "", conn.Ping(probe)
}
