package httpapi

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// Unrecorded tells the request that is answered with ctx that the audit log didn't take what
// a module has done for it: its caller hears of that instead of the answer. Call it from
// within the request. Outside of one it does nothing.
func Unrecorded(ctx context.Context, err error) {
	if rq, ok := ctx.Value(requestKey{}).(*request); ok {
		rq.lacking.CompareAndSwap(nil, &err)
	}
}

// Whence returns the address that the request came from that is answered with ctx, for what a
// module has the audit log keep; "" outside of one.
func Whence(ctx context.Context) string {
	if from := requestOf(ctx).from; from.IsValid() {
		return from.String()
	}
	return ""
}

// lack is the error for what was done, and isn't in the audit log. It is no bug of the
// request's, and is told as what it is: somebody has to look at the log, or at its disk.
func lack(err error) error {
	return core.E(core.Unavailable, "audit", "this was done, but the audit log lacks it").
		WithHint("an operator looks at the store's disk, and at isekai audit verify --all, which says what is wrong with a log").Because(err)
}
