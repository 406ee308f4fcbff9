package store

import "sync"

// Changes is what a commit may wake others for.
type Changes struct {
	Work   bool // there may be work to claim
	Outbox bool // there are messages
}

// Merge returns what any of the two is for.
func (c Changes) Merge(other Changes) Changes {
	return Changes{c.Work || other.Work, c.Outbox || other.Outbox}
}

// Wakes is a Waker for a driver to embed, which calls Wake after its commits. The zero
// value is ready. Safe for concurrent use.
type Wakes struct{ work, outbox signal }

var _ Waker = (*Wakes)(nil)

// WorkWake implements Waker.
func (w *Wakes) WorkWake() <-chan struct{} { return w.work.wait() }

// OutboxWake implements Waker.
func (w *Wakes) OutboxWake() <-chan struct{} { return w.outbox.wait() }

// Wake wakes those who wait for the changes.
func (w *Wakes) Wake(c Changes) {
	if c.Work {
		w.work.fire()
	}
	if c.Outbox {
		w.outbox.fire()
	}
}

// signal is a broadcast: everyone who waits on its channel is woken at once.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // nil when nobody has asked since the last fire
}

// wait returns the channel that the next fire closes.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
