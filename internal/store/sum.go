package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/isekai-run/isekai/internal/core"
)

// Sum is what an org's events add up to: two stores with equal sums hold the same
// events, as they are stored.
type Sum struct {
	Org      core.OrgID `json:"org"`
	Events   int64      `json:"events"`
	Position int64      `json:"position"` // of the newest
	Hash     string     `json:"hash"`     // SHA-256 over all of them in order of position
}

// SumOrg adds up an org's events as far as upTo, or all if that is 0.
func SumOrg(ctx context.Context, st Events, org core.OrgID, upTo int64) (Sum, error) {
	const page = 1024
	s, h := Sum{Org: org}, sha256.New()
	for {
		events, err := st.ReadOrg(ctx, org, s.Position, page)
		if err != nil {
			return Sum{}, err
		}
		for _, e := range events {
			if upTo > 0 && e.Position > upTo {
				events = nil
				break
			}
			add(h, e)
			s.Events, s.Position = s.Events+1, e.Position
		}
		if len(events) == 0 {
			s.Hash = hex.EncodeToString(h.Sum(nil))
			return s, nil
		}
	}
}

// add writes an event so that no two events look the same.
func add(h hash.Hash, e core.Event) {
	var b []byte
	for _, n := range []int64{e.Version, e.Position, e.At.UnixMicro()} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, s := range []string{
		string(e.ID), string(e.Org), string(e.Project), string(e.Stream), e.Type, string(e.Actor.Kind), e.Actor.ID, string(e.Data),
	} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	h.Write(b)
}
