package redact

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Writer writes a text on, with a marker in the place of each secret, as Redact does with
// all of it at once: it doesn't matter where one Write ends and the next begins. What may be
// the beginning of a secret is held back, up to 16 KiB and mostly nothing; Close writes it.
// Safe for concurrent use.
type Writer struct {
	scanner *Scanner
	to      io.Writer

	mu     sync.Mutex
	held   []byte    // what isn't written, after what a rule may look back at
	before int       // how much of held is the latter
	ahead  []Finding // in held, of keywords that are written
}

// Writer returns one that writes to to.
func (s *Scanner) Writer(to io.Writer) *Writer { return &Writer{scanner: s, to: to} }

// Write implements io.Writer. An error is to's; what it was given is lost then.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	if err := w.pass(false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what is held back. It doesn't close what it writes to.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(true)
}

// pass writes what nothing that follows can change, or all of it.
func (w *Writer) pass(all bool) error {
	text := string(w.held)
	matches, upTo := w.scanner.find(text, w.before)
	if all {
		upTo = len(text)
	}
	found := w.ahead
	for _, m := range matches {
		if m.at < upTo { // others are found again
			found = append(found, m.Finding)
		}
	}
	found = merge(found)
	var out strings.Builder
	at := w.before
	for len(found) > 0 && found[0].Start < upTo {
		f := &found[0]
		out.WriteString(text[at:f.Start])
		if f.Kind != "" {
			out.WriteString(f.Kind.Marker())
		}
		at = min(f.End, upTo)
		if f.End > upTo {
			f.Kind, f.Start = "", upTo
			break
		}
		found = found[1:]
	}
	out.WriteString(text[at:upTo])
	w.before = min(upTo, lookBehind)
	w.held = append(w.held[:0], text[upTo-w.before:]...)
	w.ahead = nil
	for _, f := range found {
		f.Start, f.End = f.Start-upTo+w.before, f.End-upTo+w.before
		w.ahead = append(w.ahead, f)
	}
	if out.Len() == 0 {
		return nil
	}
	if _, err := io.WriteString(w.to, out.String()); err != nil {
		return fmt.Errorf("redact.write: %w", err)
	}
	return nil
}
