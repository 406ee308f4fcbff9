package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
)

// exchange is one request to a provider, from its sending to the end of its answer. One
// timer bounds whatever is waited for.
type exchange struct {
	ctx    context.Context // ends with the caller's, or for a reason of ours: context.Cause
	cancel context.CancelCauseFunc
	timer  *time.Timer
	cause  atomic.Pointer[error] // what the timer ends it for
	until  time.Time             // for the whole answer
	res    *http.Response
}

// exchange sends a request. Its answer's header has come when it returns without an error.
// Close has to be called then.
func (g *Gateway) exchange(ctx context.Context, way http.RoundTripper, req *http.Request, t catalog.Timeouts, stream bool) (*exchange, error) {
	x := &exchange{until: g.cfg.Now().Add(t.Total)}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	first, cause := t.Total, &errTotal
	if stream && t.First < first {
		first, cause = t.First, &errFirst
	}
	x.cause.Store(cause)
	x.timer = time.AfterFunc(first, func() { x.cancel(*x.cause.Load()) })
	res, err := way.RoundTrip(req.WithContext(x.ctx))
	if err != nil {
		why := x.why(err)
		if errors.Is(err, h1.ErrUnsent) {
			why = errors.Join(why, h1.ErrUnsent)
		}
		x.close()
		return nil, why
	}
	x.res = res
	return x, nil
}

// arm has the exchange end with a cause if nothing comes for so long.
func (x *exchange) arm(d time.Duration, cause *error, now time.Time) {
	if left := x.until.Sub(now); left < d {
		d, cause = left, &errTotal
	}
	x.cause.Store(cause)
	x.timer.Reset(d)
}

// why is the reason for an error of the exchange.
func (x *exchange) why(err error) error {
	if cause := context.Cause(x.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// close ends the exchange. A connection whose answer was read to its end is kept.
func (x *exchange) close() {
	x.timer.Stop()
	if x.res != nil {
		_ = x.res.Body.Close()
	}
	x.cancel(context.Canceled)
}

// Bounds of answers, in bytes.
const (
	maxAnswer  = 32 << 20 // of one that isn't a stream
	maxEvent   = 8 << 20  // of one event of a stream
	maxProblem = 64 << 10 // that is read of an error
	ahead      = 1 << 20  // that there is room for before it has come
)

// whole reads an answer to its end into b, which it grows.
func (x *exchange) whole(b *bytes.Buffer, most int64) error {
	if n := x.res.ContentLength; n > most {
		return errLarge
	} else if n > 0 { // of what is said to come; it needn't
		b.Grow(int(min(n, ahead)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(x.res.Body, most+1))
	switch {
	case err != nil && x.ctx.Err() != nil:
		return x.why(err)
	case err != nil:
		return errors.Join(errCut, err)
	case n > most:
		return errLarge
	}
	return nil
}

// speaks reports whether an answer is of a media type.
func speaks(res *http.Response, want string) bool {
	got := res.Header.Get("Content-Type")
	if got == want {
		return true
	}
	media, _, err := mime.ParseMediaType(got)
	return err == nil && media == want
}
