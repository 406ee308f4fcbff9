package app

import (
	"context"
	"iter"
	"strings"
	"sync"
	"time"
)

// Bounds of an app's log.
const (
	ringSize = 256 << 10 // bytes of text and overhead, all lines together
	maxLine  = 8 << 10   // bytes; a longer line is cut into several
	lineCost = 64        // bytes that a line takes besides its text
)

// Line is one line of an app's log.
type Line struct {
	Seq     int64     `json:"seq"` // grows; without gaps within one run of the platform
	At      time.Time `json:"at"`
	From    From      `json:"from"`
	Text    string    `json:"text"`
	Dropped int64     `json:"dropped,omitempty"` // so many lines before this one are gone
}

// From says who wrote a line.
type From string

// The writers.
const (
	FromOut      From = "stdout"
	FromErr      From = "stderr"
	FromPlatform From = "isekai" // the platform, about the preview
)

// Ring keeps the last lines of an app's log, ringSize bytes at most. Its readers
// hold no buffer of their own: each has a place in the ring, and one that is
// slower than the app is told how many lines it missed. Safe for concurrent use.
type Ring struct {
	now func() time.Time

	mu    sync.Mutex
	lines []Line
	bytes int
	next  int64         // the Seq of the next line
	grown chan struct{} // closed when a line is added, then replaced
}

// newRing returns an empty ring. Sequence numbers begin at the time in
// microseconds, so that they also grow from one run of the platform to the next:
// a reader that resumes by number after a restart misses nothing.
func newRing(now func() time.Time) *Ring {
	return &Ring{now: now, next: now().UnixMicro(), grown: make(chan struct{})}
}

// add appends one line, and drops as many of the oldest as it needs to.
func (r *Ring) add(from From, text string) {
	line := Line{At: r.now().UTC(), From: from, Text: printable(text)}
	r.mu.Lock()
	defer r.mu.Unlock()
	line.Seq = r.next
	r.next++
	r.lines = append(r.lines, line)
	r.bytes += len(line.Text) + lineCost
	for r.bytes > ringSize {
		r.bytes -= len(r.lines[0].Text) + lineCost
		r.lines[0] = Line{} // give the text back before append moves the array
		r.lines = r.lines[1:]
	}
	close(r.grown)
	r.grown = make(chan struct{})
}

// read returns the lines after a sequence number, and a channel that is closed
// when there is another. A gap is marked on the first line.
func (r *Ring) read(after int64) ([]Line, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after >= r.next || len(r.lines) == 0 {
		return nil, r.grown
	}
	first := r.lines[0].Seq
	from := max(after+1, first)
	out := append([]Line(nil), r.lines[from-first:]...)
	if len(out) > 0 && after > 0 && first > after+1 {
		out[0].Dropped = first - after - 1
	}
	return out, r.grown
}

// Lines returns what the ring holds after a sequence number; 0 for everything.
func (r *Ring) Lines(after int64) []Line {
	lines, _ := r.read(after)
	return lines
}

// Follow yields the lines after a sequence number (0: from the oldest kept),
// then each new one as it comes, until ctx ends. When the reader was too slow
// and lines are gone, the next line says how many in Dropped.
func (r *Ring) Follow(ctx context.Context, after int64) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for {
			lines, grown := r.read(after)
			for _, l := range lines {
				if ctx.Err() != nil || !yield(l) {
					return
				}
				after = l.Seq
			}
			if len(lines) > 0 {
				continue // a slow reader may have missed more by now
			}
			select {
			case <-ctx.Done():
				return
			case <-grown:
			}
		}
	}
}

// tail returns the last n lines as text, for an error message.
func (r *Ring) tail(n int, after int64) string {
	lines := r.Lines(after)
	var b strings.Builder
	for _, l := range lines[max(0, len(lines)-n):] {
		b.WriteString(l.Text + "\n")
	}
	return strings.TrimSpace(b.String())
}

// last returns the sequence number of the newest line.
func (r *Ring) last() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - 1
}

// writer returns a writer that adds each line written to it. It holds back at
// most maxLine bytes of an unfinished line; flush adds those. One goroutine
// uses a writer at a time.
func (r *Ring) writer(from From) *lineWriter { return &lineWriter{ring: r, from: from} }

type lineWriter struct {
	ring *Ring
	from From
	rest []byte
}

// Write never fails and never blocks on a reader.
func (w *lineWriter) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' {
			w.ring.add(w.from, string(w.rest))
			w.rest = w.rest[:0]
			continue
		}
		if len(w.rest) == maxLine {
			w.flush()
		}
		w.rest = append(w.rest, c)
	}
	return len(p), nil
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.ring.add(w.from, string(w.rest))
		w.rest = w.rest[:0]
	}
}

// printable makes an app's output safe to show on a terminal: no control
// characters but tabs, valid UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || (r >= 0x7f && r < 0xa0)) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
