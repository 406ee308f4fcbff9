package postgres

import "sync"

// changes is what to wake others for after a commit.
type changes struct{ work, outbox bool }

// signal is a broadcast: everyone who waits on its channel is woken at once.
// The zero value is ready.
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

// WorkWake implements store.Waker, for what this process and others append.
func (s *Store) WorkWake() <-chan struct{} { return s.work.wait() }

// OutboxWake implements store.Waker, for what this process and others append.
func (s *Store) OutboxWake() <-chan struct{} { return s.outbox.wait() }

// wake is called for every change, here or elsewhere.
func (s *Store) wake(c changes) {
	if c.work {
		s.work.fire()
	}
	if c.outbox {
		s.outbox.fire()
	}
}
