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
	events, err := c.log.cfg.Events.ReadStream(ctx, c.org, core.AuditLog, c.tree.size-1, page)
	if err != nil || len(events) == page {
		return false, err
	}
	if len(events) == 0 || rowOf(events[0]).Signature != c.last { // the last that was seen
		return false, damaged(c.org, c.tree.size)
	}
	next, last := c.tree.clone(), c.last
	for _, e := range events[1:] {
		r := rowOf(e)
		if r.Number != next.size+1 || r.Entry == nil {
			return false, damaged(c.org, next.size+1)
		}
		if _, err := next.addEntry(r.Entry); err != nil {
			return false, damaged(c.org, r.Number)
		}
		last = r.Signature
	}
	return true, c.take(ctx, next, last)
}

// load reads the tree from the rows that completed its parts.
func (c *chain) load(ctx context.Context) error {
	kept, err := c.log.kept(ctx, c.org)
	if err != nil {
		return err
	}
	size, err := c.log.size(ctx, c.org, kept.size)
	if err != nil {
		return err
	}
	next := tree{size: size}
	var last string
	rows, levels := peakRows(size)
	for i, number := range rows {
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
	if size > kept.size {
		c.log.grows(c.org)
	}
	return c.take(ctx, next, last)
}

// take makes next the chain's tree, if it is as it was signed.
func (c *chain) take(ctx context.Context, next tree, last string) error {
	if next.size > 0 {
		k, err := c.log.key.get(ctx)
		if err != nil {
			return err
		}
		if !next.head(c.org).signed(last, k.verifier) {
			return damaged(c.org, next.size)
		}
	}
	c.tree, c.last, c.known = next, last, true
	return nil
}
