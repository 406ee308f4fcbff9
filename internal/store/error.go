package store

import (
	"errors"

	"github.com/isekai-run/isekai/internal/core"
)

// ErrLeaseLost is in the chain of a conflict that is due to a lost lease.
var ErrLeaseLost = errors.New("the lease is no longer held")

// LeaseLost reports whether err says that the lease isn't held any more: the
// caller must stop driving the stream at once.
func LeaseLost(err error) bool { return errors.Is(err, ErrLeaseLost) }

// Conflict returns the error for a stream that isn't at the expected version.
func Conflict(stream core.StreamID) error {
	return core.E(core.Conflict, "store.append", "stream "+string(stream)+" has moved on").
		WithHint("read it again and repeat the change")
}

// Changed returns the error for a record that isn't as a change expects it.
func Changed(kind, id string) error {
	return core.E(core.Conflict, "store.write", "the "+kind+" "+id+" has changed").
		WithHint("read it again and repeat the change")
}

// LostLease returns the error for a lease that isn't held any more.
func LostLease(stream core.StreamID) error {
	return core.E(core.Conflict, "store.lease", "stream "+string(stream)+" is driven by another worker").Because(ErrLeaseLost)
}

// ShortError is in the chain of an exhausted error of Post.
type ShortError struct{ Account string }

// Error implements error.
func (e *ShortError) Error() string { return "the account " + e.Account + " would fall below zero" }

// Short returns the account that would have fallen below zero.
func Short(err error) (account string, short bool) {
	var e *ShortError
	if !errors.As(err, &e) {
		return "", false
	}
	return e.Account, true
}

// Exhausted returns the error of Post for an account that would fall below zero.
func Exhausted(account string) error {
	return core.E(core.Exhausted, "store.post", "there aren't enough credits").Because(&ShortError{account})
}
