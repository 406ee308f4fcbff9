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
	sqlHeld = `SELECT 1 FROM work WHERE org = ? AND stream = ? AND token = ? AND due > ?`

	sqlReady = `INSERT INTO work (org, stream, project, due) VALUES (?, ?, ?, ?)
		ON CONFLICT (org, stream) DO UPDATE SET due = excluded.due WHERE work.token = 0 AND work.due > excluded.due`

	sqlDone = `DELETE FROM work WHERE org = ? AND stream = ?`

	// sqlNext finds the oldest due work of the org whose turn ended longest ago.
	sqlNext = `SELECT o.org, w.stream, w.project FROM orgs o JOIN work w ON w.org = o.org AND w.due <= ?
		WHERE o.busy = 1 ORDER BY o.served, o.org, w.due, w.stream LIMIT 1`

	// sqlServe numbers a claim. The org's turn ends when it was given its share.
	sqlServe = `UPDATE orgs SET claimed = ` + nextClaim + `,
		given = CASE WHEN ` + goesOn + ` THEN given + 1 ELSE 0 END,
		served = CASE WHEN ` + goesOn + ` THEN served ELSE ` + nextClaim + ` END
		WHERE org = ? RETURNING claimed`
	nextClaim = `(SELECT max(claimed) FROM orgs) + 1`
	goesOn    = `given + 1 < coalesce((SELECT share FROM shares s WHERE s.org = orgs.org), 1)`

	sqlLease = `UPDATE work SET token = ?, worker = ?, due = ? WHERE org = ? AND stream = ?`

	// sqlRest takes an org without work out of the round.
	sqlRest = `UPDATE orgs SET busy = 0 WHERE org = ?1 AND NOT EXISTS (SELECT 1 FROM work WHERE org = ?1)`

	sqlRenew = `UPDATE work SET due = ? WHERE org = ? AND stream = ? AND token = ? AND due > ?`

	sqlRelease = `UPDATE work SET token = 0, worker = '', due = ? WHERE org = ? AND stream = ? AND token = ? AND due > ?`
)

// checkLease returns LostLease unless l is held.
func (t *tx) checkLease(l store.Lease, now time.Time) error {
	var one int
	err := t.one(sqlHeld, []any{l.Org, l.Stream, l.Token, micros(now)}, &one)
	if errors.Is(err, sql.ErrNoRows) {
		return store.LostLease(l.Stream)
	}
	return err
}

// changeWork does what an append says about its stream's work.
func (t *tx) changeWork(scope core.Scope, a store.Append, now time.Time) error {
	var err error
	switch a.Work {
	case store.WorkReady:
		t.changes.Work = true
		_, err = t.exec(sqlReady, scope.Org, a.Stream, scope.Project, micros(now))
	case store.WorkLater: // whose lease was found to be held
		_, err = t.exec(sqlRelease, micros(now.Add(a.Delay)), scope.Org, a.Stream, a.Lease.Token, micros(now))
	case store.WorkNone:
		var n int64
		if n, err = t.change(sqlDone, scope.Org, a.Stream); n > 0 {
			_, err = t.exec(sqlRest, scope.Org)
		}
	}
	return err
}

// Claim implements store.Work.
func (s *Store) Claim(ctx context.Context, worker string, n int, ttl time.Duration) ([]store.Lease, error) {
	const op = "store.claim"
	if err := store.CheckLimit(op, n); err != nil {
		return nil, err
	}
	var leases []store.Lease
	err := s.write(ctx, op, func(t *tx) error {
		leases = nil
		now := s.now()
		for len(leases) < n {
			l, err := t.claim(worker, now, now.Add(ttl))
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// claim leases one stream; sql.ErrNoRows if there is none.
func (t *tx) claim(worker string, now, until time.Time) (store.Lease, error) {
	l := store.Lease{Until: fromMicros(micros(until))}
	if err := t.one(sqlNext, []any{micros(now)}, &l.Org, &l.Stream, &l.Project); err != nil {
		return l, err
	}
	t.wrote = true
	if err := t.one(sqlServe, []any{l.Org}, &l.Token); err != nil {
		return l, err
	}
	_, err := t.exec(sqlLease, l.Token, worker, micros(until), l.Org, l.Stream)
	return l, err
}

// Renew implements store.Work.
func (s *Store) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	err := s.write(ctx, "store.renew", func(t *tx) error {
		now := s.now()
		l.Until = fromMicros(micros(now.Add(ttl)))
		n, err := t.change(sqlRenew, micros(l.Until), l.Org, l.Stream, l.Token, micros(now))
		if err == nil && n == 0 {
			t.wrote = false
			return store.LostLease(l.Stream)
		}
		return err
	})
	if err != nil {
		return store.Lease{}, err
	}
	return l, nil
}

// Release implements store.Work.
func (s *Store) Release(ctx context.Context, l store.Lease, delay time.Duration) error {
	return s.write(ctx, "store.release", func(t *tx) error {
		now := s.now()
		n, err := t.change(sqlRelease, micros(now.Add(delay)), l.Org, l.Stream, l.Token, micros(now))
		t.changes.Work = n > 0 && delay <= 0
		return err
	})
}
