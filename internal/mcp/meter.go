package mcp

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/isekai-run/isekai/internal/core"
)

// What a server may say between the beginning of one call and that of the next. What it says
// waits in memory until it is handled, each line for itself, so both are bounded.
const (
	maxHeard = 32 << 20 // bytes
	maxLines = 20_000   // messages, about
	maxFrame = 4 << 20  // bytes of one message
)

// meter counts what a server says. Safe for concurrent use.
type meter struct{ bytes, lines atomic.Int64 }

// begin forgets what was said: a call begins.
func (m *meter) begin() {
	m.bytes.Store(0)
	m.lines.Store(0)
}

// heard counts what was read. exhausted: it is too much.
func (m *meter) heard(p []byte) error {
	if m.bytes.Add(int64(len(p))) > maxHeard || m.lines.Add(int64(bytes.Count(p, []byte("\n")))) > maxLines {
		return core.E(core.Exhausted, "mcp", "the server says too much").WithHint("for each call it has 32 MiB and 20,000 messages")
	}
	return nil
}

// metered is what a server says, until it is too much.
type metered struct {
	io.ReadCloser
	meter *meter
}

// Read implements io.Reader.
func (r metered) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if over := r.meter.heard(p[:n]); over != nil {
		return 0, over
	}
	return n, err
}

// tail keeps the end of what is written to it: what a program says besides. Safe for
// concurrent use; Write never fails.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const maxTail = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	p = p[max(0, n-maxTail):]
	t.last = append(t.last, p...)
	t.last = append([]byte(nil), t.last[max(0, len(t.last)-maxTail):]...)
	return n, nil
}

// String returns the end of what was written.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return cleaned(string(t.last), maxTail)
}
