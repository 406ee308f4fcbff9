package vault

import (
	"context"
	"errors"

	"github.com/isekai-run/isekai/internal/core"
)

// Master wraps the keys of orgs. Implementations are safe for concurrent use and
// show no key when they are formatted.
type Master interface {
	// Wrap encrypts plaintext, bound to associated.
	Wrap(ctx context.Context, plaintext, associated []byte) ([]byte, error)
	// Unwrap is the inverse. Invalid: this master didn't make wrapped, or not with
	// this associated, or it is damaged; any other error says nothing about that.
	Unwrap(ctx context.Context, wrapped, associated []byte) ([]byte, error)
	// Stale reports whether Wrap would now use another key than wrapped was made with.
	Stale(ctx context.Context, wrapped []byte) (bool, error)
}

// Either returns a Master that wraps with first and unwraps what either made: what
// an installation needs while it moves from one to the other.
func Either(first, old Master) Master { return either{first, old} }

type either struct{ first, old Master }

func (e either) Wrap(ctx context.Context, plaintext, associated []byte) ([]byte, error) {
	return e.first.Wrap(ctx, plaintext, associated)
}

func (e either) Unwrap(ctx context.Context, wrapped, associated []byte) ([]byte, error) {
	plaintext, err := e.first.Unwrap(ctx, wrapped, associated)
	if core.CodeOf(err) != core.Invalid {
		return plaintext, err
	}
	plaintext, older := e.old.Unwrap(ctx, wrapped, associated)
	if core.CodeOf(older) == core.Invalid {
		return nil, errors.Join(err, older)
	}
	return plaintext, older
}

func (e either) Stale(ctx context.Context, wrapped []byte) (bool, error) {
	return e.first.Stale(ctx, wrapped)
}

// wrongMaster says that a master didn't make what it should unwrap.
func wrongMaster(err error) error {
	return core.E(core.Invalid, "vault.unwrap", "the master key isn't the one that wrapped these keys, or they are damaged").
		WithHint("configure the master key that this installation was used with; without it nothing can be opened").Because(err)
}
