package auditlog

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Query selects entries. Zero fields don't filter.
type Query struct {
	Action  string // or the beginning of one that ends with a dot: "key."
	Actor   string // an actor's id
	Target  string
	Project core.ProjectID
	Outcome string
	From    time.Time // not before
	Until   time.Time // before
	After   string    // the cursor of the page before, from Page.Next
	Limit   int       // 1 to store.MaxLimit; 0 means store.DefaultLimit
}

// Page is a part of a list.
type Page struct {
	Entries []Entry
	// Next is the cursor of the next page; "" at the end. A page may have fewer entries than
	// asked for, or none, and a next page: its search was cut.
	Next string
}

const (
	maxScan = 8 * page // rows that are looked at for one page
	// skew is how far the clocks of nodes may be apart: rows are in the order in which they
	// were written, and their times are in that order but for it.
	skew = time.Hour
)

// List returns a page of the entries that q selects, newest first. It checks no hash: see
// Verify. What doesn't open is an error, and left out where the log was begun anew after it.
// invalid: the cursor or the limit.
func (l *Log) List(ctx context.Context, org core.OrgID, q Query) (Page, error) {
	limit, after, err := store.Query{After: q.After, Limit: q.Limit}.Check()
	if err != nil {
		return Page{}, err
	}
	kept, err := l.kept(ctx, org)
	if err != nil {
		return Page{}, err
	}
	end := after.Sort // rows up to here
	if q.After == "" {
		if end, err = l.size(ctx, org, kept.end()); err != nil {
			return Page{}, err
		}
	}
	var out Page
	for stop := end - maxScan; end > 0 && end > stop; {
		from := max(end-page, 0)
		rows, err := l.after(ctx, org, from, int(end-from))
		if err != nil {
			return Page{}, err
		}
		for _, r := range slices.Backward(rows) {
			if r.Number > end { // rows are missing before it
				continue
			}
			e, err := entryOf(org, r)
			if err != nil && r.Number <= kept.after {
				continue
			}
			if err != nil {
				return Page{}, err
			}
			if !q.From.IsZero() && e.At.Before(q.From.Add(-skew)) {
				return out, nil
			}
			if !q.matches(e) {
				continue
			}
			out.Entries = append(out.Entries, e)
			if len(out.Entries) == limit {
				out.Next = cursor(e.Row - 1)
				return out, nil
			}
		}
		end = from
	}
	out.Next = cursor(end)
	return out, nil
}

// cursor is that of the rows up to one.
func cursor(row int64) string {
	if row <= 0 {
		return ""
	}
	return store.Cursor{Sort: row, ID: string(core.AuditLog)}.String()
}

func entryOf(org core.OrgID, r Row) (e Entry, err error) {
	if r.Entry == nil || json.Unmarshal(r.Entry, &e) != nil {
		return Entry{}, damaged(org, r.Number)
	}
	e.Row = r.Number
	return e, nil
}

func (q Query) matches(e Entry) bool {
	return (q.Action == "" || q.Action == e.Action || strings.HasSuffix(q.Action, ".") && strings.HasPrefix(e.Action, q.Action)) &&
		(q.Actor == "" || q.Actor == e.Actor.ID) &&
		(q.Target == "" || q.Target == e.Target) &&
		(q.Project == "" || q.Project == e.Project) &&
		(q.Outcome == "" || q.Outcome == e.Outcome) &&
		(q.From.IsZero() || !e.At.Before(q.From)) &&
		(q.Until.IsZero() || e.At.Before(q.Until))
}
