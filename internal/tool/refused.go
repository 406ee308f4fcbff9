package tool

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// Refused makes a result of an error by which somebody else said no: the model reads why, and
// what would help. The end of ctx, what may work when it is tried again, and what is broken
// here stay errors.
func Refused(ctx context.Context, err error) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	switch core.CodeOf(err) {
	case core.Denied, core.Unauthenticated, core.Conflict, core.Exhausted, core.Unsupported:
		return said(err), nil
	}
	return Result{}, err
}

// said is a failed result with an error's text and hint.
func said(err error) Result {
	text := err.Error()
	if h := core.HintOf(err); h != "" {
		text += "\n" + h
	}
	return Result{Output: Clean(text), Failed: true}
}
