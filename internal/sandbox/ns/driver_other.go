//go:build !linux

package ns

import (
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// Driver can't be had on this system.
type Driver struct{ sandbox.Driver }

// New returns unsupported: only Linux has namespaces.
func New(Config) (*Driver, error) {
	return nil, core.E(core.Unsupported, "sandbox.new", "running code needs Linux namespaces").
		WithHint("run isekai on Linux, in a virtual machine if need be")
}

// Close does nothing.
func (*Driver) Close() error { return nil }

// Prepare does nothing.
func (*Driver) Prepare() {}
