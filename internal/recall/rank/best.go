package rank

import (
	"cmp"
	"container/heap"
	"slices"
)

// Found is something with its score: the higher, the better.
type Found[T any] struct {
	What  T
	Score float64
}

// Best keeps the best of what it is shown, with memory for those alone. Of equal ones the first
// stays.
type Best[T any] struct {
	most int
	heap worst[T]
	n    int
}

// NewBest returns a Best that keeps most.
func NewBest[T any](most int) *Best[T] { return &Best[T]{most: most} }

// Floor is the score that something has to be above to be kept, when Full.
func (b *Best[T]) Floor() float64 { return b.heap[0].Score }

// Full reports whether something has to be better than another to be kept.
func (b *Best[T]) Full() bool { return len(b.heap) == b.most }

// Add shows it something.
func (b *Best[T]) Add(what T, score float64) {
	b.n++
	f := ranked[T]{Found[T]{what, score}, b.n}
	switch {
	case len(b.heap) < b.most:
		heap.Push(&b.heap, f)
	case score > b.heap[0].Score:
		b.heap[0] = f
		heap.Fix(&b.heap, 0)
	}
}

// Sorted returns what was kept, the best first.
func (b *Best[T]) Sorted() []Found[T] {
	all := slices.Clone(b.heap)
	slices.SortFunc(all, func(x, y ranked[T]) int { return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(x.n, y.n)) })
	found := make([]Found[T], len(all))
	for i, f := range all {
		found[i] = f.Found
	}
	return found
}

type ranked[T any] struct {
	Found[T]
	n int
}

type worst[T any] []ranked[T]

func (w worst[T]) Len() int { return len(w) }
func (w worst[T]) Less(i, j int) bool {
	return w[i].Score < w[j].Score || w[i].Score == w[j].Score && w[i].n > w[j].n
}
func (w worst[T]) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *worst[T]) Push(x any)   { *w = append(*w, x.(ranked[T])) }
func (w *worst[T]) Pop() any {
	old := *w
	x := old[len(old)-1]
	*w = old[:len(old)-1]
	return x
}

// smoothing is the k of Fuse: how little the first places count for more than the next.
const smoothing = 60

// Fuse makes one order of several, each the best first, by reciprocal rank fusion (Cormack,
// Clarke and Buettcher, SIGIR 2009): it heeds places, not scores, which aren't comparable.
// Of equal ones that stays first which was seen first.
func Fuse[T comparable](orders ...[]T) []Found[T] {
	place := map[T]int{}
	var all []Found[T]
	for _, order := range orders {
		for i, what := range order {
			at, seen := place[what]
			if !seen {
				at = len(all)
				place[what] = at
				all = append(all, Found[T]{What: what})
			}
			all[at].Score += 1 / float64(smoothing+i+1)
		}
	}
	slices.SortStableFunc(all, func(x, y Found[T]) int { return cmp.Compare(y.Score, x.Score) })
	return all
}
