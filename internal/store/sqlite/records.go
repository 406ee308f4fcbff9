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
	sqlRecord = `SELECT kind, id, version, expires, data FROM records
		WHERE org = ? AND kind = ? AND id = ? AND (expires IS NULL OR expires > ?)`

	sqlRecords = `SELECT kind, id, version, expires, data FROM records
		WHERE org = ?1 AND kind = ?2 AND id >= ?3 AND id <> ?4 AND id < ?5 AND (expires IS NULL OR expires > ?6)
		ORDER BY id LIMIT ?7`

	sqlRecordVersion = `SELECT version FROM records
		WHERE org = ? AND kind = ? AND id = ? AND (expires IS NULL OR expires > ?)`

	sqlPutRecord = `INSERT INTO records (org, kind, id, version, expires, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, kind, id) DO UPDATE SET version = excluded.version, expires = excluded.expires, data = excluded.data`

	sqlRemoveRecord = `DELETE FROM records WHERE org = ? AND kind = ? AND id = ?`

	sqlSweep = `DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE expires <= ? LIMIT ?)`
)

// Record implements store.Records.
func (s *Store) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	const op = "store.record"
	var found []store.Record
	err := s.reader.each(ctx, sqlRecord, []any{org, kind, id, micros(s.now())}, collectRecords(&found))
	if err != nil {
		return store.Record{}, translate(op, err)
	}
	if len(found) == 0 {
		return store.Record{}, core.E(core.NotFound, op, "there is no "+kind+" "+id)
	}
	return found[0], nil
}

// Records implements store.Records.
func (s *Store) Records(ctx context.Context, org core.OrgID, kind, prefix, after string, limit int) ([]store.Record, error) {
	const op = "store.records"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var found []store.Record
	from, end := store.IDRange(prefix, after)
	err := s.reader.each(ctx, sqlRecords, []any{org, kind, from, after, end, micros(s.now()), limit}, collectRecords(&found))
	return found, translate(op, err)
}

// collectRecords returns a function that adds each row to the list.
func collectRecords(list *[]store.Record) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var r store.Record
		var expires sql.NullInt64
		data := []byte{}
		err := rows.Scan(&r.Kind, &r.ID, &r.Version, &expires, &data)
		r.Data = append([]byte{}, data...) // an empty one isn't nil
		if expires.Valid {
			r.Expires = fromMicros(expires.Int64)
		}
		*list = append(*list, r)
		return err
	}
}

// Write implements store.Records.
func (s *Store) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	if err := store.CheckChanges(org, changes); err != nil {
		return err
	}
	return s.write(ctx, "store.write", func(t *tx) error {
		now := s.now()
		for _, c := range changes {
			if err := t.expect(org, c, now); err != nil {
				return err
			}
		}
		for _, c := range changes {
			if err := t.changeRecord(org, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// expect returns a conflict unless the record is as c expects it.
func (t *tx) expect(org core.OrgID, c store.Change, now time.Time) error {
	var version int64
	err := t.one(sqlRecordVersion, []any{org, c.Kind, c.ID, micros(now)}, &version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if version != c.Expected {
		return store.Changed(c.Kind, c.ID)
	}
	return nil
}

func (t *tx) changeRecord(org core.OrgID, c store.Change) error {
	if c.Data == nil {
		_, err := t.exec(sqlRemoveRecord, org, c.Kind, c.ID)
		return err
	}
	expires := sql.NullInt64{Int64: micros(c.Expires), Valid: !c.Expires.IsZero()}
	_, err := t.exec(sqlPutRecord, org, c.Kind, c.ID, c.Expected+1, expires, []byte(c.Data))
	return err
}

// Sweep implements store.Records.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	const op = "store.sweep"
	if err := store.CheckLimit(op, limit); err != nil {
		return 0, err
	}
	var n int64
	err := s.write(ctx, op, func(t *tx) (err error) {
		n, err = t.change(sqlSweep, micros(s.now()), limit)
		return err
	})
	return int(n), err
}
