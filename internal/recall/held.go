package recall

import (
	"context"
	"sync"

	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall/rank"
)

// held keeps what is asked of an index again and again: which documents a shelf has, and their
// vectors, as they are compared. A look at the shelf's generation says whether that is still so.
// The vectors that are held take most bytes at most, together; those that find no room are read
// for each question.
type held struct {
	index memory.Index
	most  int64

	mu      sync.Mutex
	size    int64
	clock   int64
	shelves map[memory.Shelf]*shelf
}

// shelf is what is held of one. Its view is never changed, only replaced.
type shelf struct {
	loading sync.Mutex
	view    *view // guarded by held.mu, as the rest
	used    int64
	size    int64
}

// view is a shelf as it was at a generation.
type view struct {
	generation int64
	entries    []memory.Entry
	at         map[string]int // by id: which entry
	base       []int          // of each entry: the number of its first part among all
	stats      rank.BM25
	packed     []rank.Packed // by entry; the zero one isn't held
	missing    []string      // ids of those that have vectors which aren't held
}

func newHeld(index memory.Index, most int64) *held {
	return &held{index: index, most: most, shelves: map[memory.Shelf]*shelf{}}
}

// maxShelves bounds of how many something is held, however little.
const maxShelves = 1024

// view returns the shelf as it is now.
func (h *held) view(ctx context.Context, s memory.Shelf) (*view, error) {
	generation, err := h.index.Generation(ctx, s)
	if err != nil {
		h.drop(s)
		return nil, err
	}
	at, v := h.enter(s)
	if v != nil && v.generation == generation {
		return v, nil
	}
	at.loading.Lock() // one reads for all that ask
	defer at.loading.Unlock()
	if _, v = h.enter(s); v != nil && v.generation == generation {
		return v, nil
	}
	next, err := h.load(ctx, s, generation, v)
	if err == nil {
		h.keep(s, at, next)
	}
	return next, err
}

// enter returns a shelf's place, and what is held of it.
func (h *held) enter(s memory.Shelf) (*shelf, *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.shelves[s]
	if at == nil {
		at = &shelf{}
		h.shelves[s] = at
	}
	h.clock++
	at.used = h.clock
	return at, at.view
}

// load reads a shelf, but for the vectors that are in last. If documents change meanwhile, the
// generation has, too, and the next question reads again.
func (h *held) load(ctx context.Context, s memory.Shelf, generation int64, last *view) (*view, error) {
	entries, err := h.index.Entries(ctx, s)
	if err != nil {
		return nil, err
	}
	v := &view{generation: generation, entries: entries, at: make(map[string]int, len(entries)), base: make([]int, len(entries)), packed: make([]rank.Packed, len(entries))}
	var wanted []string
	room := h.most
	for i, e := range entries {
		v.at[e.ID], v.base[i] = i, v.stats.Parts
		v.stats.Parts += e.Parts
		v.stats.Length += e.Length
		if e.Space == "" {
			continue
		}
		if last != nil {
			if at, ok := last.at[e.ID]; ok && last.entries[at].Stamp == e.Stamp && last.entries[at].Space == e.Space && last.packed[at].Len() > 0 {
				v.packed[i] = last.packed[at]
				room -= int64(last.packed[at].Size())
				continue
			}
		}
		wanted = append(wanted, e.ID)
	}
	err = h.vectors(ctx, s, v, wanted, func(i int, p rank.Packed, data []byte) {
		if room -= int64(len(data)); room >= 0 {
			v.packed[i], _ = rank.Unpack(append([]byte(nil), data...)) // it was unpacked just now
		}
	})
	for _, id := range wanted {
		if v.packed[v.at[id]].Len() == 0 {
			v.missing = append(v.missing, id)
		}
	}
	return v, err
}

// vectors reads those of documents, as they are in v, and calls f for each with its entry.
func (h *held) vectors(ctx context.Context, s memory.Shelf, v *view, ids []string, f func(i int, p rank.Packed, data []byte)) error {
	if len(ids) == 0 {
		return nil
	}
	return h.index.Vectors(ctx, s, ids, func(x memory.Vectors) error {
		i, there := v.at[x.Document]
		if !there || v.entries[i].Stamp != x.Stamp || v.entries[i].Space != x.Space {
			return nil // it has changed since
		}
		p, err := rank.Unpack(x.Data)
		if err == nil && p.Len() == v.entries[i].Parts {
			f(i, p, x.Data)
		}
		return nil // what can't be read is found by its words
	})
}

// keep holds a view in place of the one before, and lets go of shelves that were used longest
// ago until there is room.
func (h *held) keep(s memory.Shelf, at *shelf, v *view) {
	size := int64(0)
	for _, p := range v.packed {
		size += int64(p.Size())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shelves[s] != at { // it was dropped meanwhile
		return
	}
	h.size += size - at.size
	at.view, at.size = v, size
	for h.size > h.most || len(h.shelves) > maxShelves {
		oldest := s
		for other, o := range h.shelves {
			if other != s && (oldest == s || o.used < h.shelves[oldest].used) {
				oldest = other
			}
		}
		if oldest == s {
			return
		}
		h.size -= h.shelves[oldest].size
		delete(h.shelves, oldest)
	}
}

// drop lets go of a shelf.
func (h *held) drop(s memory.Shelf) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.shelves[s]; at != nil {
		h.size -= at.size
		delete(h.shelves, s)
	}
}

// near shows best the parts of a shelf that are nearest to a question, of those that have
// vectors of its space. It returns how many documents have other vectors, or none.
func (h *held) near(ctx context.Context, s memory.Shelf, v *view, space string, q rank.Question, best *rank.Best[spot]) (left int, err error) {
	compare := func(i int, p rank.Packed) {
		q.Compare(p, func(part int, cosine float64) {
			if !best.Full() || cosine > best.Floor() {
				best.Add(spot{i, part}, cosine)
			}
		})
	}
	for i, e := range v.entries {
		switch {
		case e.Space != space:
			left++
		case v.packed[i].Len() > 0:
			compare(i, v.packed[i])
		}
		if i%1024 == 0 && ctx.Err() != nil {
			return left, ctx.Err()
		}
	}
	err = h.vectors(ctx, s, v, v.missing, func(i int, p rank.Packed, _ []byte) {
		if v.entries[i].Space == space {
			compare(i, p)
		}
	})
	return left, err
}

// spot is a part of a document, by the number of its entry in a view.
type spot struct{ entry, part int }
