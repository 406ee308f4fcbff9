package gateway

import (
	"context"
	"sync"
	"time"
)

// life is how long an exchange may last: until its caller has gone, or until it is ended for a
// reason of ours. It is the context of the exchange's request, which contexts of package
// context would be, too: those come in several pieces, for each call anew. Safe for concurrent
// use, once it has begun.
type life struct {
	caller context.Context
	leave  func() bool // has it not hear of the caller's end any more

	mu    sync.Mutex
	cause error         // why it has ended; nil: it hasn't
	done  chan struct{} // nil: nobody has asked for it
	after []*hook
	room  [2]*hook // of the first of them
}

// hook is what is to be done at the end.
type hook struct{ f func() }

// begin has it end with the caller's.
func (l *life) begin(caller context.Context) {
	l.caller, l.after = caller, l.room[:0]
	l.leave = context.AfterFunc(caller, func() { l.end(context.Cause(caller)) })
}

// end ends it, unless it has ended.
func (l *life) end(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return
	}
	l.cause = cause
	if l.done != nil {
		close(l.done)
	}
	for _, h := range l.after {
		go h.f()
	}
	l.after = nil
}

// Done implements context.Context.
func (l *life) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.cause != nil {
			close(l.done)
		}
	}
	return l.done
}

// Err implements context.Context. It is why the life has ended, which context.Cause returns of
// a context that isn't of its own package.
func (l *life) Err() error {
	if l.caller.Err() != nil { // of which it is about to hear
		l.end(context.Cause(l.caller))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// AfterFunc is context.AfterFunc, which package context asks for where it has a life's child.
func (l *life) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &hook{f}
	if l.cause != nil {
		go f()
	} else {
		l.after = append(l.after, h)
	}
	return func() bool { return l.drop(h) }
}

// drop has a hook be forgotten, and reports whether it was still to be done.
func (l *life) drop(h *hook) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.after {
		if other == h {
			l.after[i] = l.after[len(l.after)-1]
			l.after = l.after[:len(l.after)-1]
			return true
		}
	}
	return false
}

// Deadline implements context.Context. It has none of its own: the exchange's timer ends it.
func (l *life) Deadline() (time.Time, bool) { return l.caller.Deadline() }

// Value implements context.Context. A request to a provider has nothing of its caller's.
func (l *life) Value(any) any { return nil }
