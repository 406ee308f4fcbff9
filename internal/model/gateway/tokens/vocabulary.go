package tokens

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/maphash"
	"math"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/pkoukk/tiktoken-go-loader/assets"
)

// vocabulary is the tokens of a family of models: a table of their hashes, which is a quarter of
// what a map of their texts takes, and has nothing in it for the collector to look at.
type vocabulary struct {
	seed  maphash.Seed
	table *[places]uint64 // hash and rank of each token, where its hash says or in one of the next free places
	split *regexp.Regexp
}

// A place in the table has a token's rank, which is its number and says when it is put together,
// below the upper part of its hash. Two texts are the same in one of 2^46 cases in which they aren't.
const (
	rankBits = 18
	places   = 1 << rankBits // a token's place is the lowest bits of its hash
	rankMask = 1<<rankBits - 1
)

// noRank is that of a text that is no token: after all others.
const noRank = math.MaxUint32

// maxPiece is how much of a text is looked at at once, in bytes. A longer word counts as several.
const maxPiece = 256

// load reads a vocabulary in tiktoken's format: lines of a token in base64 and its rank. split
// is how a text is cut into pieces before, of which no token has more than one; its group is
// space of which the last character is the next piece's, if there is one. The table is the
// caller's: one that isn't of the heap doesn't make it larger by twice its size.
func load(table *[places]uint64, name, split string) (*vocabulary, error) {
	f, err := assets.Assets.Open(name + ".tiktoken")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := &vocabulary{seed: maphash.MakeSeed(), table: table, split: regexp.MustCompile(split)}
	var token [3 * maxPiece]byte
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		text, number, _ := bytes.Cut(in.Bytes(), []byte(" "))
		rank, err := strconv.ParseUint(string(number), 10, rankBits)
		size := 0
		if err == nil && len(text) <= len(token) && n < places/8*7 {
			size, err = base64.StdEncoding.Decode(token[:], text)
		}
		if err != nil || size == 0 {
			return nil, fmt.Errorf("line %d of the vocabulary %s is no token with its rank", n, name)
		}
		h := maphash.Bytes(v.seed, token[:size])
		place := h % places
		for v.table[place] != 0 {
			place = (place + 1) % places
		}
		v.table[place] = h&^rankMask | rank
	}
	return v, in.Err()
}

// rank is a token's, or noRank.
func (v *vocabulary) rank(text string) uint32 {
	h := maphash.String(v.seed, text)
	for place := h % places; v.table[place] != 0; place = (place + 1) % places {
		if e := v.table[place]; (e^h)&^rankMask == 0 {
			return uint32(e & rankMask)
		}
	}
	return noRank
}

// count is how many tokens a text has.
func (v *vocabulary) count(text string) (n int) {
	for text != "" {
		piece := v.piece(text)
		text = text[len(piece):]
		n += v.merged(piece)
	}
	return n
}

// piece is the one with which a text begins.
func (v *vocabulary) piece(text string) string {
	seen := begin(text, maxPiece)
	m := v.split.FindStringSubmatchIndex(seen)
	if m == nil || m[0] != 0 || m[1] == 0 { // never: each character is of some kind
		return seen
	}
	piece := seen[:m[1]]
	if space := m[2] >= 0; space && len(piece) < len(text) {
		if _, last := utf8.DecodeLastRuneInString(piece); last < len(piece) {
			return piece[:len(piece)-last]
		}
	}
	return piece
}

// merged is how many tokens a piece has: of its parts, which are bytes at first, the two that
// are the lowest token together become one, until no two are a token.
func (v *vocabulary) merged(piece string) int {
	if len(piece) == 1 || v.rank(piece) != noRank {
		return 1
	}
	var start [maxPiece + 1]int   // of each part, and the end of the last
	var rank [maxPiece + 1]uint32 // of each part together with the next
	n := len(piece)
	pair := func(i int) uint32 {
		if i+2 > n {
			return noRank
		}
		return v.rank(piece[start[i]:start[i+2]])
	}
	for i := range n + 1 {
		start[i] = i
	}
	for i := range n {
		rank[i] = pair(i)
	}
	for {
		low := 0
		for i := 1; i < n; i++ {
			if rank[i] < rank[low] {
				low = i
			}
		}
		if rank[low] == noRank {
			return n
		}
		copy(start[low+1:n], start[low+2:n+1])
		copy(rank[low+1:n-1], rank[low+2:n])
		n--
		rank[low] = pair(low)
		if low > 0 {
			rank[low-1] = pair(low - 1)
		}
	}
}
