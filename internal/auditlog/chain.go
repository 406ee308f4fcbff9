package auditlog

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// maxBatch bounds the entries of one append.
const maxBatch = 128

// chain appends to one org's log. Who records takes the turn and appends, with its own, the
// entries of those who wait at that time (group commit); it starts no goroutine. The queue
// is the blocked callers themselves.
type chain struct {
	log   *Log
	org   core.OrgID
	queue chan *call
	turn  turn // of who appends; guards what follows

	known bool   // tree is that of the log, or of a beginning of it
	part  part   // that is gone on with
	tree  tree   // of its rows that were seen
	last  string // the signature of the last of them
}

// call is one caller's entry.
type call struct {
	entry Entry
	done  chan error
}

func (c *chain) place() place { return place{c.org, c.part} }

// end returns the number of the last row that was seen.
func (c *chain) end() int64 { return c.part.after + c.tree.size }

func (c *chain) scope() core.Scope {
	return core.Scope{Org: c.org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "auditlog"}}
}

func (c *chain) record(ctx context.Context, e Entry) error {
	mine := &call{entry: e, done: make(chan error, 1)}
	select {
	case c.turn <- struct{}{}:
		defer c.turn.end()
		return c.serve(ctx, c.gather(mine))
	case c.queue <- mine: // to whoever has the turn, whose time is bounded, too
		return <-mine.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve appends the batch and tells the others of it, whatever happens.
func (c *chain) serve(ctx context.Context, batch []*call) (err error) {
	err = core.E(core.Internal, "auditlog.record", "recording panicked")
	defer func() {
		for _, other := range batch[1:] {
			other.done <- err
		}
	}()
	err = c.append(ctx, batch)
	return err
}

// gather returns the call and those that wait.
func (c *chain) gather(first *call) []*call {
	batch := []*call{first}
	for len(batch) < maxBatch {
		select {
		case other := <-c.queue:
			batch = append(batch, other)
		default:
			return batch
		}
	}
	return batch
}

// append stores the entries, all or none, again if another process was faster.
func (c *chain) append(ctx context.Context, batch []*call) error {
	k, err := c.log.key.get(ctx)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		// Also what is known: the version alone doesn't tell a log whose end was cut off, and that
		// was begun anew since, from the one that was known.
		if err := c.refresh(ctx); err != nil {
			return err
		}
		next := c.tree.clone()
		events, last, err := c.events(k, c.place(), &next, batch)
		if err != nil {
			return err
		}
		_, err = c.log.cfg.Events.Append(ctx, c.scope(), store.Append{Stream: core.AuditLog, Expected: c.end(), Events: events})
		if err == nil {
			c.tree, c.last = next, last
			c.log.grows(c.org)
			return nil
		}
		if core.CodeOf(err) != core.Conflict || try == c.log.cfg.Tries {
			c.known = false // it may have been stored all the same
			return err
		}
		if err := wait(ctx, try); err != nil {
			return err
		}
	}
}

// wait gives the other processes a chance, a little longer with each try.
func wait(ctx context.Context, try int) error {
	t := time.NewTimer(rand.N(time.Duration(min(try, 10)) * 2 * time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// events returns the batch as it is stored in a part of the log, adds it to its tree, and
// returns the signature of that.
func (c *chain) events(k *key, in place, t *tree, batch []*call) (events []store.NewEvent, signature string, err error) {
	for _, one := range batch {
		e := one.entry
		e.Row = in.after + t.size + 1
		entry, err := json.Marshal(e)
		if err != nil {
			return nil, "", fmt.Errorf("auditlog.record: %w", err)
		}
		hashes, err := t.addEntry(entry)
		if err != nil {
			return nil, "", fmt.Errorf("auditlog.record: %w", err)
		}
		if signature, err = t.head(in).sign(k.signer); err != nil {
			return nil, "", err
		}
		p := core.AuditRecorded{Entry: entry, Part: in.part.String(), Hashes: texts(hashes), Signature: signature}
		data, err := core.EncodePayload(p)
		if err != nil {
			return nil, "", err
		}
		events = append(events, store.NewEvent{ID: e.ID, Type: p.EventType(), Data: data})
	}
	return events, signature, nil
}
