package auditlog

import (
	"context"
	"encoding/json"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	checkpointKind = "audit_checkpoint"
	checkpointID   = "latest"
)

// kept returns the head of the log's checkpoint that is kept, the zero head if none is.
func (l *Log) kept(ctx context.Context, org core.OrgID) (head, error) {
	_, h, err := l.keptRecord(ctx, org)
	return h, err
}

func (l *Log) keptRecord(ctx context.Context, org core.OrgID) (store.Record, head, error) {
	rec, err := l.cfg.Records.Record(ctx, org, checkpointKind, checkpointID)
	if core.CodeOf(err) == core.NotFound {
		return store.Record{}, head{}, nil
	}
	if err != nil {
		return rec, head{}, err
	}
	ring, err := l.keys.fresh(ctx)
	if err != nil {
		return rec, head{}, err
	}
	var checkpoint string
	if err = json.Unmarshal(rec.Data, &checkpoint); err == nil {
		h, e := openCheckpoint([]byte(checkpoint), ring.verifier)
		if e == nil && h.org == org {
			return rec, h, nil
		}
		err = e
	}
	return rec, head{}, core.E(core.Internal, "auditlog", "the checkpoint that is kept of the audit log of "+string(org)+" isn't ours").
		WithHint("verify the log against a checkpoint from elsewhere").Because(err)
}

// keep stores a checkpoint, unless a later one is kept.
func (l *Log) keep(ctx context.Context, h head, checkpoint []byte) error {
	data, err := json.Marshal(string(checkpoint))
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		rec, last, err := l.keptRecord(ctx, h.org)
		if err != nil || h.size <= last.size {
			return err
		}
		err = l.cfg.Records.Write(ctx, h.org, store.Change{Kind: checkpointKind, ID: checkpointID, Expected: rec.Version, Data: data})
		if core.CodeOf(err) != core.Conflict || try == l.cfg.Tries {
			return err
		}
	}
}
