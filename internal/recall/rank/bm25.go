package rank

import (
	"encoding/binary"
	"errors"
	"math"
)

// Use says how often a word is in a part, and how many words that part has.
type Use struct{ Part, Count, Length int }

// AppendUse adds a use to those of the same word that were encoded before; parts come in order.
// last is the Part of the one before, -1 for the first.
func AppendUse(b []byte, last int, u Use) []byte {
	b = binary.AppendUvarint(b, uint64(u.Part-last-1))
	b = binary.AppendUvarint(b, uint64(u.Count))
	return binary.AppendUvarint(b, uint64(u.Length))
}

var errUses = errors.New("the uses of a word can't be read")

// most bounds each number of a use.
const most = 1 << 24

// Uses calls f for each use that is encoded in b.
func Uses(b []byte, f func(Use)) error {
	for part := -1; len(b) > 0; {
		var v [3]int
		for i := range v {
			x, n := binary.Uvarint(b)
			if n <= 0 || x > most {
				return errUses
			}
			v[i], b = int(x), b[n:]
		}
		if part += v[0] + 1; part > most || v[1] == 0 {
			return errUses
		}
		f(Use{part, v[1], v[2]})
	}
	return nil
}

// BM25 weighs words after Robertson and Zaragoza ("The probabilistic relevance framework:
// BM25 and beyond", 2009).
type BM25 struct {
	Parts  int // in all
	Length int // of them, in words
}

const (
	saturation = 1.2  // k1: how much a word counts that is there again
	shortness  = 0.75 // b: how much more it counts in a short part
)

// Rarity is the weight of a word that is in n parts.
func (s BM25) Rarity(n int) float64 {
	return math.Log(1 + (float64(s.Parts-n)+0.5)/(float64(n)+0.5))
}

// Score is what a use of a word adds to its part.
func (s BM25) Score(rarity float64, u Use) float64 {
	mean := float64(s.Length) / float64(max(s.Parts, 1))
	tf := float64(u.Count)
	return rarity * tf * (saturation + 1) / (tf + saturation*(1-shortness+shortness*float64(u.Length)/max(mean, 1)))
}
