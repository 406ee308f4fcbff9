package auditlog

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// Verify reads the org's whole log, recomputes every hash, and reports the first row that
// was deleted, changed, moved or written by somebody else. Rows that were taken away from
// the end are found by known, checkpoints from elsewhere, and by the one that is kept.
//
// An error says that it couldn't be verified: invalid for a checkpoint that isn't one of
// this log's and installation's, not_found for an org that was shredded, those of the store.
func (l *Log) Verify(ctx context.Context, org core.OrgID, known ...[]byte) (Report, error) {
	k, err := l.key.get(ctx)
	if err != nil {
		return Report{}, err
	}
	var heads []head
	for _, checkpoint := range known {
		h, err := openCheckpoint(checkpoint, k.verifier)
		if err != nil {
			return Report{}, err
		}
		heads = append(heads, h)
	}
	kept, err := l.kept(ctx, org)
	if err != nil {
		return Report{}, err
	}
	if kept.size > 0 {
		heads = append(heads, kept)
	}
	x, err := newHistory(org, k.verifier, heads)
	if err != nil {
		return Report{}, err
	}
	for last := int64(0); ; {
		rows, err := l.after(ctx, org, last, page)
		if err != nil {
			return Report{}, err
		}
		if len(rows) == 0 {
			return x.end(), nil
		}
		x.add(rows)
		last = rows[len(rows)-1].Number
	}
}
