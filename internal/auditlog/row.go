package auditlog

import (
	"context"
	"encoding/json"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/isekai-run/isekai/internal/core"
)

// page is how many rows are read at a time.
const page = 512

// Row is a row of a log, and a line of an export.
type Row struct {
	Number    int64           `json:"row"` // from 1
	ID        core.EventID    `json:"id"`
	Entry     json.RawMessage `json:"entry"` // an Entry
	Part      string          `json:"part,omitempty"`
	Hashes    []string        `json:"hashes"`
	Signature string          `json:"signature"`
}

// rowOf returns the row that an event is, without an entry if it is none.
func rowOf(e core.Event) Row {
	p, err := e.Payload()
	r, ok := p.(core.AuditRecorded)
	if err != nil || !ok {
		return Row{Number: e.Version, ID: e.ID}
	}
	return Row{Number: e.Version, ID: e.ID, Entry: r.Entry, Part: r.Part, Hashes: r.Hashes, Signature: r.Signature}
}

// size returns how many rows the log has, which are at least from: its last row's number.
func (l *Log) size(ctx context.Context, org core.OrgID, from int64) (int64, error) {
	var failed error
	ends := func(n int64) bool {
		events, err := l.cfg.Stored.ReadStream(ctx, org, core.AuditLog, n, 1)
		if err != nil {
			failed = err
		}
		return err != nil || len(events) == 0
	}
	step := int64(1)
	for !ends(from + step - 1) {
		from, step = from+step, 2*step
	}
	n := sort.Search(int(step-1), func(i int) bool { return ends(from + int64(i)) })
	return from + int64(n), failed
}

// row returns one row. Errors: internal when it isn't there, or isn't one.
func (l *Log) row(ctx context.Context, org core.OrgID, number int64) (Row, error) {
	events, err := l.cfg.Events.ReadStream(ctx, org, core.AuditLog, number-1, 1)
	if err != nil {
		return Row{}, err
	}
	if len(events) == 0 || events[0].Version != number {
		return Row{}, damaged(org, number)
	}
	return rowOf(events[0]), nil
}

// hash returns the hash of the subtree of 2^level leaves that the row completes.
func (r Row) hash(level int) (tlog.Hash, error) {
	if level >= len(r.Hashes) {
		return tlog.Hash{}, core.E(core.Internal, "auditlog", "a row without its hashes")
	}
	return tlog.ParseHash(r.Hashes[level])
}

// after returns the rows after one, as the store gives them. A row that doesn't open has no
// entry. Errors: those of the store.
func (l *Log) after(ctx context.Context, org core.OrgID, number int64, limit int) ([]Row, error) {
	events, err := l.cfg.Events.ReadStream(ctx, org, core.AuditLog, number, limit)
	if core.CodeOf(err) == core.Internal {
		return l.oneByOne(ctx, org, number, limit)
	}
	rows := make([]Row, len(events))
	for i, e := range events {
		rows[i] = rowOf(e)
	}
	return rows, err
}

// oneByOne is after where a row doesn't open.
func (l *Log) oneByOne(ctx context.Context, org core.OrgID, number int64, limit int) ([]Row, error) {
	stored, err := l.cfg.Stored.ReadStream(ctx, org, core.AuditLog, number, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(stored))
	for i, s := range stored {
		rows[i] = Row{Number: s.Version, ID: s.ID}
		events, err := l.cfg.Events.ReadStream(ctx, org, core.AuditLog, s.Version-1, 1)
		switch {
		case err == nil && len(events) == 1 && events[0].Version == s.Version:
			rows[i] = rowOf(events[0])
		case err != nil && core.CodeOf(err) != core.Internal:
			return nil, err
		}
	}
	return rows, nil
}
