package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// sqlBook gives the batch its numbers, and holds the org's row until the commit:
	// sqlPost sees everything that was posted before. Numbers of what isn't posted are
	// left out.
	sqlBook = `INSERT INTO isekai.books AS b (org, seq) VALUES ($1, $2)
		ON CONFLICT (org) DO UPDATE SET seq = b.seq + excluded.seq`

	// sqlPost makes the new ones of a call's postings, or none if an account would have
	// what it may not, and says which were new, and the first such account. Numbers are
	// from 1.
	//
	// $1 org, $2 now, $3 numbers of the batch from this call's first on, $4 the greatest
	// balance; of each posting: $5 effect, $6 kind, $7 project, $8 task, $9 note; of each
	// move: $10 number of its posting, $11 its n, $12 account, $13 amount.
	sqlPost = `WITH clock AS MATERIALIZED (
		SELECT coalesce($2::timestamptz, clock_timestamp()) AS at, seq - $3::bigint AS base FROM isekai.books WHERE org = $1
	), asked AS MATERIALIZED (
		SELECT p.*, (SELECT e.n FROM isekai.entries e WHERE e.org = $1 AND e.effect >= p.effect AND e.effect <= p.effect
			ORDER BY e.effect, e.n LIMIT 1) IS NULL AS fresh
		FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) WITH ORDINALITY AS p (effect, kind, project, task, note, no)
	), moved AS MATERIALIZED (
		SELECT m.no, m.n, m.account, m.amount, p.effect, p.kind, p.project, p.task, p.note,
			coalesce((SELECT a.balance FROM isekai.accounts a WHERE a.org = $1 AND a.account = m.account), 0)
			+ sum(m.amount) OVER (PARTITION BY m.account ORDER BY m.no) AS balance
		FROM unnest($10::bigint[], $11::bigint[], $12::text[], $13::bigint[]) WITH ORDINALITY AS m (posting, n, account, amount, no)
		JOIN asked p ON p.no = m.posting WHERE p.fresh
	), bad AS MATERIALIZED (
		SELECT account, balance FROM moved WHERE balance < 0 AND account NOT LIKE '~%' OR abs(balance) > $4::bigint ORDER BY no LIMIT 1
	), stored AS (
		INSERT INTO isekai.entries (org, seq, effect, n, kind, project, task, note, account, amount, balance, at)
		SELECT $1, clock.base + m.no, m.effect, m.n, m.kind, m.project, m.task, m.note, m.account, m.amount, m.balance, clock.at
		FROM moved m, clock WHERE NOT EXISTS (SELECT FROM bad)
	), changed AS (
		INSERT INTO isekai.accounts (org, account, balance)
		SELECT DISTINCT ON (m.account) $1, m.account, m.balance FROM moved m WHERE NOT EXISTS (SELECT FROM bad) ORDER BY m.account, m.no DESC
		ON CONFLICT (org, account) DO UPDATE SET balance = excluded.balance
	)
	SELECT array_agg(fresh ORDER BY no), coalesce((SELECT account FROM bad), ''), coalesce((SELECT balance FROM bad), 0)::bigint FROM asked`

	sqlBalances = `SELECT account, balance FROM isekai.accounts
		WHERE org = $1 AND account >= $2 AND account <> $3 AND account < $4 ORDER BY account LIMIT $5`

	entryColumns = `seq, effect, n, kind, project, task, note, account, amount, balance, at`

	sqlEntries = `SELECT ` + entryColumns + ` FROM isekai.entries WHERE org = $1 AND seq > $2 ORDER BY seq LIMIT $3`

	// Sorted by what they have in common, so that no index but its own will do.
	ofTask = `SELECT ` + entryColumns + ` FROM isekai.entries WHERE org = $1 AND (task, seq) > ($4, $2) AND task <= $4`

	sqlEntriesOfEffect = `SELECT ` + entryColumns + ` FROM isekai.entries
		WHERE org = $1 AND (effect, n) >= ($4, 0) AND effect <= $4 AND seq > $2 ORDER BY effect, n LIMIT $3`
	sqlEntriesOfTask    = ofTask + ` ORDER BY task, seq LIMIT $3`
	sqlEntriesOfBoth    = ofTask + ` AND account = $5 ORDER BY task, seq LIMIT $3`
	sqlEntriesOfAccount = `SELECT ` + entryColumns + ` FROM isekai.entries
		WHERE org = $1 AND (account, seq) > ($4, $2) AND account <= $4 ORDER BY account, seq LIMIT $3`

	// The same, the newest first.
	lastOfTask = `SELECT ` + entryColumns + ` FROM isekai.entries WHERE org = $1 AND (task, seq) < ($4, $2) AND task >= $4`

	sqlLastEntries          = `SELECT ` + entryColumns + ` FROM isekai.entries WHERE org = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`
	sqlLastEntriesOfTask    = lastOfTask + ` ORDER BY task DESC, seq DESC LIMIT $3`
	sqlLastEntriesOfBoth    = lastOfTask + ` AND account = $5 ORDER BY task DESC, seq DESC LIMIT $3`
	sqlLastEntriesOfAccount = `SELECT ` + entryColumns + ` FROM isekai.entries
		WHERE org = $1 AND (account, seq) < ($4, $2) AND account >= $4 ORDER BY account DESC, seq DESC LIMIT $3`
)

// post is one caller's postings.
type post struct {
	place
	postings []store.Posting
	moves    int
	posted   []bool
	refused  error
}

func newPost(ctx context.Context, org core.OrgID, postings []store.Posting) *post {
	const each = 400 // bytes of a move, about
	moves := 0
	for _, posting := range postings {
		moves += len(posting.Moves)
	}
	return &post{place: newPlace(ctx, org, "", each*moves), postings: postings, moves: moves}
}

// Post implements store.Books. When the connection is lost on the way, the error is
// unavailable, and whether the postings were made isn't known: posting them again makes
// those that weren't.
func (s *Store) Post(ctx context.Context, org core.OrgID, postings ...store.Posting) ([]bool, error) {
	const op = "store.post"
	if err := store.CheckPostings(org, postings); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, translate(op, err)
	}
	p := newPost(ctx, org, postings)
	s.ledgers.do(p, s.post)
	if p.err != nil {
		return nil, translate(op, p.err)
	}
	return p.posted, p.refused
}

// post sets the result of every call in the batch. Most batches can be made whole, by one
// statement; otherwise each call has its own.
func (s *Store) post(batch []*post) {
	var err error
	if whole := merge(batch); whole != nil {
		if err = s.sendPosts([]*post{whole}); err == nil && whole.refused == nil {
			for _, p := range batch {
				p.posted, whole.posted = whole.posted[:len(p.postings)], whole.posted[len(p.postings):]
			}
			return
		}
	}
	if err == nil {
		err = s.sendPosts(batch)
	}
	code := core.CodeOf(err)
	for _, p := range batch {
		if p.err = err; len(batch) > 1 && (code == core.Invalid || code == core.Internal) {
			p.err = s.sendPosts([]*post{p}) // one that can't be stored doesn't spoil the others
		}
	}
}

// merge returns a call with the postings of all; nil if there is only one, or if two have
// the same effect: the second is left out only after the first was made.
func merge(batch []*post) *post {
	if len(batch) == 1 {
		return nil
	}
	whole := &post{place: batch[0].place}
	effects := map[string]bool{}
	for _, p := range batch {
		for _, posting := range p.postings {
			if effects[posting.Effect] {
				return nil
			}
			effects[posting.Effect] = true
		}
		whole.postings, whole.moves = append(whole.postings, p.postings...), whole.moves+p.moves
	}
	return whole
}

// sendPosts posts a batch in one transaction.
func (s *Store) sendPosts(batch []*post) error {
	ctx, org, moves := context.WithoutCancel(batch[0].ctx), batch[0].org, 0
	for _, p := range batch {
		moves += p.moves
	}
	return s.tenant(ctx, "store.post", org, func(b *pgx.Batch) {
		b.Queue(sqlBook, string(org), moves)
		rest, now := moves, s.clock()
		for _, p := range batch {
			b.Queue(sqlPost, postArgs(p, now, rest)...).QueryRow(p.settle)
			rest -= p.moves
		}
	})
}

// settle takes the answer of sqlPost.
func (p *post) settle(row pgx.Row) error {
	var account string
	var balance core.Credits
	err := row.Scan(&p.posted, &account, (*int64)(&balance))
	if p.refused = nil; err == nil && account != "" {
		p.posted, p.refused = nil, store.CheckBalance(account, balance)
	}
	return err
}

func postArgs(p *post, now *time.Time, rest int) []any {
	n := len(p.postings)
	effects, kinds, projects, tasks, notes := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	var of, ns, amounts []int64
	var accounts []string
	for i, posting := range p.postings {
		effects[i], kinds[i], projects[i] = posting.Effect, posting.Kind, string(posting.Project)
		tasks[i], notes[i] = string(posting.Task), posting.Note
		for k, m := range posting.Moves {
			of, ns, accounts, amounts = append(of, int64(i+1)), append(ns, int64(k)), append(accounts, m.Account), append(amounts, int64(m.Amount))
		}
	}
	return []any{string(p.org), now, rest, int64(core.MaxCredits), effects, kinds, projects, tasks, notes, of, ns, accounts, amounts}
}

// Balances implements store.Books.
func (s *Store) Balances(ctx context.Context, org core.OrgID, prefix, after string, limit int) ([]store.Balance, error) {
	const op = "store.balances"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	from, end := store.IDRange(prefix, after)
	var balances []store.Balance
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlBalances, string(org), from, after, end, limit).Query(into(&balances, scanBalance))
	})
	return balances, err
}

func scanBalance(rows pgx.Rows, b *store.Balance) error {
	return rows.Scan(&b.Account, (*int64)(&b.Amount))
}

// Entries implements store.Books.
func (s *Store) Entries(ctx context.Context, org core.OrgID, q store.EntryQuery) ([]store.Entry, error) {
	const op = "store.entries"
	if err := store.CheckLimit(op, q.Limit); err != nil {
		return nil, err
	}
	query, args := entriesQuery(org, q)
	var entries []store.Entry
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(query, args...).Query(into(&entries, scanEntry))
	})
	return entries, err
}

func entriesQuery(org core.OrgID, q store.EntryQuery) (string, []any) {
	args := []any{string(org), q.After, q.Limit}
	all, ofTask, ofBoth, ofAccount := sqlEntries, sqlEntriesOfTask, sqlEntriesOfBoth, sqlEntriesOfAccount
	if q.Newest && q.Effect == "" {
		args[1] = q.Last()
		all, ofTask, ofBoth, ofAccount = sqlLastEntries, sqlLastEntriesOfTask, sqlLastEntriesOfBoth, sqlLastEntriesOfAccount
	}
	switch {
	case q.Effect != "":
		return sqlEntriesOfEffect, append(args, q.Effect)
	case q.Task != "" && q.Account != "":
		return ofBoth, append(args, string(q.Task), q.Account)
	case q.Task != "":
		return ofTask, append(args, string(q.Task))
	case q.Account != "":
		return ofAccount, append(args, q.Account)
	}
	return all, args
}

// scanEntry reads a row of entryColumns.
func scanEntry(rows pgx.Rows, e *store.Entry) error {
	return rows.Scan(&e.Seq, &e.Effect, &e.N, &e.Kind, (*string)(&e.Project), (*string)(&e.Task), &e.Note,
		&e.Account, (*int64)(&e.Amount), (*int64)(&e.Balance), (*utc)(&e.At))
}
