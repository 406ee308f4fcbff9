package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/isekai-run/isekai/internal/core"
)

// Sum is what an org's events, and the rest of it, add up to: two stores with equal sums
// hold the same, as it is stored.
type Sum struct {
	Org      core.OrgID `json:"org"`
	Events   int64      `json:"events"`
	Position int64      `json:"position"` // of the newest
	Hash     string     `json:"hash"`     // SHA-256 over all of them in order of position
	Records  int64      `json:"records,omitempty"`
	Entries  int64      `json:"entries,omitempty"` // of the books
	State    string     `json:"state,omitempty"`   // SHA-256 over records, books and share; empty: not added up
}

// Same reports whether two sums are of the same, as far as both were added up.
func (s Sum) Same(as Sum) bool {
	if s.State == "" || as.State == "" {
		s, as = s.OfEvents(), as.OfEvents()
	}
	return s == as
}

// OfEvents returns the sum of the events alone.
func (s Sum) OfEvents() Sum {
	s.Records, s.Entries, s.State = 0, 0, ""
	return s
}

// SumOrg adds up an org's events as far as upTo, or all if that is 0.
func SumOrg(ctx context.Context, st Events, org core.OrgID, upTo int64) (Sum, error) {
	s, d := Sum{Org: org}, digest{sha256.New()}
	for {
		events, err := st.ReadOrg(ctx, org, s.Position, sumPage)
		if err != nil {
			return Sum{}, err
		}
		for _, e := range events {
			if upTo > 0 && e.Position > upTo {
				events = nil
				break
			}
			d.event(e)
			s.Events, s.Position = s.Events+1, e.Position
		}
		if len(events) == 0 {
			s.Hash = hex.EncodeToString(d.Sum(nil))
			return s, nil
		}
	}
}

// digest is a hash of rows, no two of which look the same.
type digest struct{ hash.Hash }

func (d digest) event(e core.Event) {
	d.add([]int64{e.Version, e.Position, e.At.UnixMicro()},
		string(e.ID), string(e.Org), string(e.Project), string(e.Stream), e.Type, string(e.Actor.Kind), e.Actor.ID, string(e.Data))
}

// add adds a row. How many numbers and texts it has, its kind of row says.
func (d digest) add(numbers []int64, texts ...string) {
	var b []byte
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	d.Write(b)
}
