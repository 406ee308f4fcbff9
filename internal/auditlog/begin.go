package auditlog

import (
	"context"
	"maps"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// BeginAnew goes on with a log that is damaged, which takes no entry any more. Its rows stay
// as they are, and Verify names what is wrong with them for as long as they are there. Behind
// them a new Merkle tree begins. Its first row is the entry, which says who did this and why,
// and is given what was good of the log until then (rows, root), the fault, and the
// checkpoint that was kept: so what is done to the old rows later is found, too.
//
// It returns what Verify said before. Errors: conflict for a log that isn't damaged, or that
// another process has begun anew at the same time; those of Verify and of the store.
func (l *Log) BeginAnew(ctx context.Context, org core.OrgID, e Entry) (Report, error) {
	e, err := e.complete(org, l.cfg.Now(), l.cfg.Clean)
	if err != nil {
		return Report{}, err
	}
	e.ID = core.EventID(l.cfg.IDs("evt"))
	c := l.chain(org)
	if err := c.turn.take(ctx); err != nil {
		return Report{}, err
	}
	defer c.turn.end()
	rep, err := l.Verify(ctx, org)
	if err != nil {
		return Report{}, err
	}
	if rep.Fault == nil {
		return rep, core.E(core.Conflict, "auditlog.begin", "the audit log of "+string(org)+" isn't damaged").WithHint("it goes on as it is")
	}
	return rep, c.begin(ctx, e, rep)
}

// begin appends the first entry of a new part, and keeps a checkpoint of it.
func (c *chain) begin(ctx context.Context, e Entry, old Report) error {
	c.known = false
	k, err := c.log.key.get(ctx)
	if err != nil {
		return err
	}
	kept, _, err := c.log.keptDoc(ctx, c.org)
	if err != nil {
		return err
	}
	size, err := c.log.size(ctx, c.org, 0)
	if err != nil {
		return err
	}
	was := closing{rows: old.Rows, checkpoint: kept.Data, fault: old.Fault.Text}
	if good, err := openCheckpoint([]byte(old.Checkpoint), k.verifier); err == nil {
		was.root = good.root.String()
	}
	maps.Copy(e.Detail, was.detail())
	in, t := place{c.org, part{size, e.ID}}, tree{}
	events, signature, err := c.events(k, in, &t, []*call{{entry: e}})
	if err != nil {
		return err
	}
	if _, err = c.log.cfg.Events.Append(ctx, c.scope(), store.Append{Stream: core.AuditLog, Expected: size, Events: events}); err != nil {
		return err
	}
	h := t.head(in)
	return store.Update(ctx, c.log.cfg.Records, c.org, func() ([]store.Change, error) {
		d, err := checkpoints.Find(ctx, c.log.cfg.Records, c.org, checkpointID)
		d.Data = string(h.note(signerName, signature)) // also in the place of a later one: of rows that are gone
		return []store.Change{checkpoints.Put(d)}, err
	})
}
