package auditlog

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// refresh makes the chain's tree that of the whole log.
func (c *chain) refresh(ctx context.Context) error {
	if c.known && c.tree.size > 0 {
		done, err := c.follow(ctx)
		if err != nil || done {
			return err
		}
	}
	c.known = false
	return c.load(ctx)
}

// follow adds the rows that others have appended, unless there are many.
func (c *chain) follow(ctx context.Context) (done bool, err error) {
	events, err := c.log.cfg.Events.ReadStream(ctx, c.org, core.AuditLog, c.end()-1, page)
	if core.CodeOf(err) == core.Internal { // a row doesn't open
		return false, c.replaced(ctx)
	}
	if err != nil || len(events) == page {
		return false, err
	}
	if len(events) == 0 || rowOf(events[0]).Signature != c.last { // the last that was seen
		return false, c.replaced(ctx)
	}
	if len(events) == 1 {
		return true, nil
	}
	next, last := c.tree.clone(), c.last
	for _, e := range events[1:] {
		r := rowOf(e)
		if r.Part != c.part.String() { // it was begun anew
			return false, nil
		}
		if want := c.part.after + next.size + 1; r.Number != want || r.Entry == nil {
			return false, damaged(c.org, want)
		}
		if _, err := next.addEntry(r.Entry); err != nil {
			return false, damaged(c.org, r.Number)
		}
		last = r.Signature
	}
	return true, c.take(ctx, c.part, next, last)
}

// replaced returns nil if the last row that was seen went because the log was begun anew
// since, and the error for a damaged log otherwise.
func (c *chain) replaced(ctx context.Context) error {
	size, err := c.log.size(ctx, c.org, 0)
	if err != nil {
		return err
	}
	if size > 0 {
		r, err := c.log.row(ctx, c.org, size)
		if err != nil {
			return err
		}
		if r.Part != "" && r.Part != c.part.String() {
			return nil
		}
	}
	return damaged(c.org, c.end())
}

// load reads the tree from the rows that completed its parts.
func (c *chain) load(ctx context.Context) error {
	kept, err := c.log.kept(ctx, c.org)
	if err != nil {
		return err
	}
	size, err := c.log.size(ctx, c.org, kept.end())
	if err != nil {
		return err
	}
	in, err := c.log.partOf(ctx, c.org, size)
	if err != nil {
		return err
	}
	next := tree{size: size - in.after}
	var last string
	rows, levels := peakRows(next.size)
	for i, number := range rows {
		number += in.after
		r, err := c.log.row(ctx, c.org, number)
		if err != nil {
			return err
		}
		peak, err := r.hash(levels[i])
		if err != nil {
			return damaged(c.org, number)
		}
		next.peaks, last = append(next.peaks, peak), r.Signature
	}
	if size > kept.end() {
		c.log.grows(c.org)
	}
	return c.take(ctx, in, next, last)
}

// take makes next, of a part, the chain's tree, if it is as it was signed.
func (c *chain) take(ctx context.Context, in part, next tree, last string) error {
	if next.size > 0 {
		k, err := c.log.key.get(ctx)
		if err != nil {
			return err
		}
		if !next.head(place{c.org, in}).signed(last, k.verifier) {
			return damaged(c.org, in.after+next.size)
		}
	}
	c.part, c.tree, c.last, c.known = in, next, last, true
	return nil
}
