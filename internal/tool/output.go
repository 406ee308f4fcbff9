package tool

import (
	"fmt"
	"strings"
	"sync"
)

// Transcript keeps the head and the tail of what is written to it, within
// MaxOutput however much it is. It takes stdout and stderr at once: Write is
// safe for concurrent use and never fails. The zero value is ready.
type Transcript struct {
	mu    sync.Mutex
	head  []byte
	tail  []byte // a ring once it is full
	at    int    // where the ring continues
	total int64
}

const (
	headSize = 8 << 10
	tailSize = MaxOutput - headSize - 2048 // room for the gap's note and what a tool adds
)

// Write implements io.Writer.
func (t *Transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	t.total += int64(n)
	k := min(len(p), headSize-len(t.head))
	t.head = append(t.head, p[:k]...)
	p = p[k:]
	if len(p) > tailSize {
		p = p[len(p)-tailSize:]
	}
	k = min(len(p), tailSize-len(t.tail))
	t.tail = append(t.tail, p[:k]...)
	for p = p[k:]; len(p) > 0; p = p[k:] {
		k = copy(t.tail[t.at:], p)
		t.at = (t.at + k) % tailSize
	}
	return n, nil
}

// String returns what was written, with a note in place of what was dropped,
// as valid UTF-8.
func (t *Transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.Write(t.head)
	if gap := t.total - int64(len(t.head)+len(t.tail)); gap > 0 {
		fmt.Fprintf(&b, "\n[… %d bytes left out …]\n", gap)
	}
	b.Write(t.tail[t.at:])
	b.Write(t.tail[:t.at])
	return strings.ToValidUTF8(b.String(), "?")
}

// Tail returns the last lines of s that fit into n bytes, or the end of the
// last line if that alone is longer.
func Tail(s string, n int) string {
	s = strings.TrimRight(s, " \n\t\r")
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	if i := strings.IndexByte(s, '\n'); i >= 0 && i < len(s)-1 {
		s = s[i+1:]
	}
	return strings.ToValidUTF8(s, "")
}
