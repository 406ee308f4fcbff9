package httpapi

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/core"
)

// refusable are the codes that any operation may fail with for what the modules say. Who has
// gone reads no answer, so that canceled isn't among them.
var refusable = [...]core.Code{
	core.Invalid, core.Unauthenticated, core.Denied, core.NotFound, core.Conflict, core.Exhausted, core.Unavailable, core.Unsupported, core.Internal,
}

// unreadable are the statuses for a body that can't be taken: malformed, late, too large, of
// another type.
var unreadable = [...]int{http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}

// refusals gives an operation in the document every status that it may fail with, given how
// codes become those. A public one that names none has them under "default".
func refusals(op huma.Operation, status func(core.Code) int) huma.Operation {
	if isPublic(&op) && len(op.Errors) == 0 {
		return op
	}
	for _, c := range refusable {
		op.Errors = append(op.Errors, status(c))
	}
	if op.MaxBodyBytes > 0 {
		op.Errors = append(op.Errors, unreadable[:]...)
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	return op
}
