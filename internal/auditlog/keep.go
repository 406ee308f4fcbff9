package auditlog

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const checkpoints store.Kind[string] = "audit_checkpoint"

const checkpointID = "latest"

// kept returns the head of the log's checkpoint that is kept, the zero head if none is.
func (l *Log) kept(ctx context.Context, org core.OrgID) (head, error) {
	_, h, err := l.keptDoc(ctx, org)
	return h, err
}

func (l *Log) keptDoc(ctx context.Context, org core.OrgID) (store.Doc[string], head, error) {
	d, err := checkpoints.Find(ctx, l.cfg.Records, org, checkpointID)
	if err != nil || d.Version == 0 {
		return d, head{}, err
	}
	k, err := l.key.get(ctx)
	if err != nil {
		return d, head{}, err
	}
	h, err := openCheckpoint([]byte(d.Data), k.verifier)
	if err == nil && h.org == org {
		return d, h, nil
	}
	return d, head{}, core.E(core.Internal, "auditlog", "the checkpoint that is kept of the audit log of "+string(org)+" isn't ours").
		WithHint("verify the log against a checkpoint from elsewhere").Because(err)
}

// keep stores a checkpoint, unless a later one is kept.
func (l *Log) keep(ctx context.Context, h head, checkpoint []byte) error {
	return store.Update(ctx, l.cfg.Records, h.org, func() ([]store.Change, error) {
		d, last, err := l.keptDoc(ctx, h.org)
		if err != nil || h.end() <= last.end() {
			return nil, err
		}
		d.Data = string(checkpoint)
		return []store.Change{checkpoints.Put(d)}, nil
	})
}
