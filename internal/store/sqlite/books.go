package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlPosted = `SELECT count(*) FROM entries WHERE org = ? AND effect = ? AND n = 0`

	sqlBalance = `SELECT balance FROM accounts WHERE org = ? AND account = ?`

	sqlSetBalance = `INSERT INTO accounts (org, account, balance) VALUES (?, ?, ?)
		ON CONFLICT (org, account) DO UPDATE SET balance = excluded.balance`

	sqlEntry = `INSERT INTO entries (org, effect, n, kind, project, task, note, account, amount, balance, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	sqlBalances = `SELECT account, balance FROM accounts
		WHERE org = ? AND account >= ? AND account <> ? AND account < ? ORDER BY account LIMIT ?`

	sqlEntries = `SELECT seq, effect, n, kind, project, task, note, account, amount, balance, at FROM entries WHERE org = ?`
)

// books are the accounts of an org in a transaction, as far as they were looked at.
type books struct {
	t        *tx
	org      core.OrgID
	balances map[string]core.Credits
}

// Post implements store.Books.
func (s *Store) Post(ctx context.Context, org core.OrgID, postings ...store.Posting) (posted []bool, err error) {
	if err := store.CheckPostings(org, postings); err != nil {
		return nil, err
	}
	err = s.write(ctx, "store.post", func(t *tx) error {
		b := &books{t: t, org: org, balances: map[string]core.Credits{}}
		var entries []store.Entry
		if posted, entries, err = b.plan(postings); err != nil {
			return err
		}
		return b.write(entries, s.now())
	})
	if err != nil {
		return nil, err
	}
	return posted, nil
}

// plan says which postings are new, and what their entries are.
func (b *books) plan(postings []store.Posting) (posted []bool, entries []store.Entry, err error) {
	posted = make([]bool, len(postings))
	for i, p := range postings {
		var found int
		if err := b.t.one(sqlPosted, []any{b.org, p.Effect}, &found); err != nil {
			return nil, nil, err
		}
		if posted[i] = found == 0; !posted[i] {
			continue
		}
		for n, m := range p.Moves {
			e := store.Entry{Effect: p.Effect, N: n, Kind: p.Kind, Project: p.Project, Task: p.Task, Note: p.Note, Move: m}
			if e.Balance, err = b.move(m); err != nil {
				return nil, nil, err
			}
			entries = append(entries, e)
		}
	}
	return posted, entries, nil
}

// move returns the balance of an account after a move.
func (b *books) move(m store.Move) (core.Credits, error) {
	balance, known := b.balances[m.Account]
	if !known {
		err := b.t.one(sqlBalance, []any{b.org, m.Account}, &balance)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
	}
	balance += m.Amount
	b.balances[m.Account] = balance
	return balance, store.CheckBalance(m.Account, balance)
}

func (b *books) write(entries []store.Entry, at time.Time) error {
	for account, balance := range b.balances {
		if _, err := b.t.exec(sqlSetBalance, b.org, account, balance); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if _, err := b.t.exec(sqlEntry, b.org, e.Effect, e.N, e.Kind, e.Project, e.Task, e.Note, e.Account, e.Amount, e.Balance, micros(at)); err != nil {
			return err
		}
	}
	return nil
}

// Balances implements store.Books.
func (s *Store) Balances(ctx context.Context, org core.OrgID, prefix, after string, limit int) ([]store.Balance, error) {
	const op = "store.balances"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var balances []store.Balance
	from, end := store.IDRange(prefix, after)
	err := s.reader.each(ctx, sqlBalances, []any{org, from, after, end, limit}, func(rows *sql.Rows) error {
		var b store.Balance
		err := rows.Scan(&b.Account, &b.Amount)
		balances = append(balances, b)
		return err
	})
	return balances, translate(op, err)
}

// Entries implements store.Books.
func (s *Store) Entries(ctx context.Context, org core.OrgID, q store.EntryQuery) ([]store.Entry, error) {
	const op = "store.entries"
	if err := store.CheckLimit(op, q.Limit); err != nil {
		return nil, err
	}
	query, args := entriesQuery(org, q)
	var entries []store.Entry
	err := s.reader.each(ctx, query, args, func(rows *sql.Rows) error {
		var e store.Entry
		var at int64
		err := rows.Scan(&e.Seq, &e.Effect, &e.N, &e.Kind, &e.Project, &e.Task, &e.Note, &e.Account, &e.Amount, &e.Balance, &at)
		e.At = fromMicros(at)
		entries = append(entries, e)
		return err
	})
	return entries, translate(op, err)
}

// entriesQuery returns one of nine queries, put together of constants, and its arguments.
func entriesQuery(org core.OrgID, q store.EntryQuery) (string, []any) {
	query, args := sqlEntries, []any{org}
	if q.Effect != "" {
		return query + ` AND effect = ? AND +seq > ? ORDER BY n LIMIT ?`, append(args, q.Effect, q.After, q.Limit)
	}
	if q.Account != "" {
		query, args = query+` AND account = ?`, append(args, q.Account)
	}
	if q.Task != "" {
		query, args = query+` AND task = ?`, append(args, q.Task)
	}
	if q.Newest {
		return query + ` AND seq < ? ORDER BY seq DESC LIMIT ?`, append(args, q.Last(), q.Limit)
	}
	return query + ` AND seq > ? ORDER BY seq LIMIT ?`, append(args, q.After, q.Limit)
}
