package auditlog

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/isekai-run/isekai/internal/core"
)

// Consistency proves that a log has only grown between two checkpoints.
type Consistency struct {
	From  string   `json:"from"`
	To    string   `json:"to"`
	Proof []string `json:"proof"`
}

// ProveGrowth proves that the org's log as it is now begins with what an earlier checkpoint
// is of. conflict: it doesn't, so it was tampered with; Verify says where.
func (l *Log) ProveGrowth(ctx context.Context, org core.OrgID, from []byte) (Consistency, error) {
	k, err := l.key.get(ctx)
	if err != nil {
		return Consistency{}, err
	}
	old, err := openCheckpoint(from, k.verifier)
	if err != nil {
		return Consistency{}, err
	}
	to, h, err := l.now(ctx, org)
	if err != nil {
		return Consistency{}, err
	}
	if old.place != h.place || old.size > h.size {
		return Consistency{}, core.E(core.Conflict, "auditlog.prove", "the checkpoint isn't of a beginning of this log").WithHint("of a log that was begun anew, only what came after that is a beginning")
	}
	c := Consistency{From: string(from), To: string(to)}
	if old.size > 0 {
		proof, err := tlog.ProveTree(h.size, old.size, l.hashes(ctx, h.place))
		if err != nil {
			return Consistency{}, err
		}
		c.Proof = texts(proof)
	}
	if err := c.Check([]string{k.public}); err != nil {
		return Consistency{}, core.E(core.Conflict, "auditlog.prove", "the log doesn't begin with what the checkpoint is of").Because(err)
	}
	return c, nil
}

// now returns a checkpoint of the log, and what it says.
func (l *Log) now(ctx context.Context, org core.OrgID) ([]byte, head, error) {
	checkpoint, err := l.Checkpoint(ctx, org)
	if err != nil {
		return nil, head{}, err
	}
	k, err := l.key.get(ctx)
	if err != nil {
		return nil, head{}, err
	}
	h, err := openCheckpoint(checkpoint, k.verifier)
	return checkpoint, h, err
}

// hashes reads hashes of a part's tree from the rows that have them.
func (l *Log) hashes(ctx context.Context, in place) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			r, err := l.row(ctx, in.org, in.after+(n+1)<<level)
			if err != nil {
				return nil, err
			}
			if out[i], err = r.hash(level); err != nil {
				return nil, damaged(in.org, r.Number)
			}
		}
		return out, nil
	}
}

// Check returns nil if the proof holds, given the installation's public keys.
func (p Consistency) Check(publicKeys []string) error {
	keys, err := verifiers(publicKeys)
	if err != nil {
		return err
	}
	from, err := openCheckpoint([]byte(p.From), keys)
	if err != nil {
		return err
	}
	to, err := openCheckpoint([]byte(p.To), keys)
	if err != nil {
		return err
	}
	if from.place != to.place {
		return core.E(core.Invalid, "auditlog.prove", "the checkpoints are of two logs")
	}
	if from.size == 0 { // everything begins with nothing
		return nil
	}
	proof, err := parseHashes(p.Proof)
	if err == nil {
		err = tlog.CheckTree(proof, to.size, to.root, from.size, from.root)
	}
	return unproven(err)
}

func unproven(err error) error {
	if err == nil {
		return nil
	}
	return core.E(core.Invalid, "auditlog.prove", "the proof doesn't hold").Because(err)
}

func parseHashes(texts []string) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(texts))
	for i, s := range texts {
		var err error
		if out[i], err = tlog.ParseHash(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}
