package redact

import "slices"

// automaton finds many keywords in one pass, whatever their case (Aho and Corasick 1975, as
// a deterministic automaton over classes of bytes).
type automaton struct {
	class   [256]uint8
	classes int32
	// next has a row of classes for each state. A state is the place of its row, so that no
	// multiplication is needed; those that end a keyword come last, from accept on.
	next   []int32
	accept int32
	ends   [][]int32 // of the accepting states: which keywords end there
	depth  []int32   // of each state, by its number: how much of a text's end may be the beginning of a keyword
}

// lower is ASCII's lower case.
func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// newAutomaton returns one for keywords.
func newAutomaton(keywords []string) *automaton {
	a := &automaton{classes: 1} // class 0 are the bytes of no keyword
	for _, w := range keywords {
		for _, b := range []byte(w) {
			if b = lower(b); a.class[b] == 0 {
				a.class[b] = uint8(a.classes)
				a.classes++
			}
		}
	}
	for b := byte('A'); b <= 'Z'; b++ {
		a.class[b] = a.class[lower(b)]
	}
	t := a.trie(keywords)
	t.link(int(a.classes))
	a.number(t)
	return a
}

// trie is an automaton while it is made: states by number, -1 where there is no edge.
type trie struct {
	next  [][]int32
	ends  [][]int32
	depth []int32
}

func (t *trie) add(classes, depth int32) int32 {
	row := make([]int32, classes)
	for i := range row {
		row[i] = -1
	}
	t.next, t.ends, t.depth = append(t.next, row), append(t.ends, nil), append(t.depth, depth)
	return int32(len(t.next) - 1)
}

func (a *automaton) trie(keywords []string) *trie {
	t := &trie{}
	t.add(a.classes, 0)
	for i, w := range keywords {
		state := int32(0)
		for _, b := range []byte(w) {
			c := a.class[b]
			if t.next[state][c] < 0 {
				t.next[state][c] = t.add(a.classes, t.depth[state]+1)
			}
			state = t.next[state][c]
		}
		t.ends[state] = append(t.ends[state], int32(i))
	}
	return t
}

// link fills in where a keyword doesn't go on, with where the longest other one does.
func (t *trie) link(classes int) {
	fail := make([]int32, len(t.next))
	var queue []int32
	for c := range classes {
		if n := t.next[0][c]; n < 0 {
			t.next[0][c] = 0
		} else {
			queue = append(queue, n)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		t.ends[s] = slices.Concat(t.ends[s], t.ends[fail[s]])
		for c := range classes {
			n := t.next[s][c]
			if n < 0 {
				t.next[s][c] = t.next[fail[s]][c]
				continue
			}
			fail[n] = t.next[fail[s]][c]
			queue = append(queue, n)
		}
	}
}

// number lays the states out, accepting ones last.
func (a *automaton) number(t *trie) {
	order := make([]int32, 0, len(t.next)) // old numbers in their new order
	for _, accepting := range []bool{false, true} {
		if accepting {
			a.accept = int32(len(order)) * a.classes
		}
		for s := range t.next {
			if len(t.ends[s]) > 0 == accepting {
				order = append(order, int32(s))
				if accepting {
					a.ends = append(a.ends, t.ends[s])
				}
			}
		}
	}
	place := make([]int32, len(order))
	for at, s := range order {
		place[s] = int32(at) * a.classes
		a.depth = append(a.depth, t.depth[s])
	}
	a.next = make([]int32, 0, len(order)*int(a.classes))
	for _, s := range order {
		for _, n := range t.next[s] {
			a.next = append(a.next, place[n])
		}
	}
}

// scan calls hit for each place where keywords end. It returns how much of the text's end is
// the longest beginning of a keyword, or a keyword.
func (a *automaton) scan(text string, hit func(end int, keywords []int32)) int {
	state := int32(0)
	next, class := a.next, &a.class
	for i := 0; i < len(text); i++ {
		state = next[state+int32(class[text[i]])]
		if state >= a.accept {
			hit(i+1, a.ends[(state-a.accept)/a.classes])
		}
	}
	return int(a.depth[state/a.classes])
}
