package cli

import (
	"errors"

	"github.com/isekai-run/isekai/internal/core"
)

// exitError sets the exit code itself.
type exitError struct {
	code  int
	quiet bool // what there is to say was said
}

func (e *exitError) Error() string { return "failed" }

// exitCode is the only place where a code becomes an exit code.
func exitCode(err error) int {
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	switch core.CodeOf(err) {
	case core.Invalid:
		return 2
	case core.NotFound:
		return 3
	case core.Conflict:
		return 4
	case core.Unauthenticated, core.Denied:
		return 5
	case core.Exhausted:
		return 6
	case core.Unavailable:
		return 7
	case core.Unsupported:
		return 8
	case core.Canceled:
		return 130
	}
	return 1
}
