package auditlog

import (
	"encoding/json"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is a Merkle tree as far as it takes to add to it: the roots of its complete
// subtrees, largest first. The zero tree is empty.
type tree struct {
	size  int64
	peaks []tlog.Hash
}

// add adds a leaf and returns the hashes that are stored with it: its own, and those of the
// subtrees that it completes, smallest first.
func (t *tree) add(leaf tlog.Hash) []tlog.Hash {
	hashes := []tlog.Hash{leaf}
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		leaf = tlog.NodeHash(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
		hashes = append(hashes, leaf)
	}
	t.peaks = append(t.peaks, leaf)
	t.size++
	return hashes
}

// addEntry adds an entry as it is stored.
func (t *tree) addEntry(entry json.RawMessage) ([]tlog.Hash, error) {
	data, err := leaf(entry)
	if err != nil {
		return nil, err
	}
	return t.add(tlog.RecordHash(data)), nil
}

// root returns the hash of the whole.
func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		root, err := tlog.TreeHash(0, nil)
		if err != nil { // of nothing, it is a constant
			panic(err)
		}
		return root
	}
	last := len(t.peaks) - 1
	root := t.peaks[last]
	for _, peak := range slices.Backward(t.peaks[:last]) {
		root = tlog.NodeHash(peak, root)
	}
	return root
}

func (t *tree) clone() tree { return tree{t.size, slices.Clone(t.peaks)} }

// peakRows returns, for a tree of a size, the row that completed each of its peaks and
// which of the row's hashes that is.
func peakRows(size int64) (rows []int64, levels []int) {
	var row int64
	for level := 62; level >= 0; level-- {
		if size&(1<<level) != 0 {
			row += 1 << level
			rows, levels = append(rows, row), append(levels, level)
		}
	}
	return rows, levels
}

// texts returns hashes as an event has them.
func texts(hashes []tlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = h.String()
	}
	return out
}
