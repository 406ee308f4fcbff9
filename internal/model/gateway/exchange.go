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
	life  life
	timer *time.Timer
	cause atomic.Pointer[error] // what the timer ends it for
	until time.Time             // for the whole answer
	res   *http.Response
	part  io.LimitedReader // of its body
}

// send sends a request, once. Its answer's header has come when it returns without an error.
// Close has to be called then.
func (x *exchange) send(ctx context.Context, way http.RoundTripper, req *http.Request, t catalog.Timeouts, stream bool, now time.Time) error {
	x.until = now.Add(t.Total)
	x.life.begin(ctx)
	first, cause := t.Total, &errTotal
	if stream && t.First < first {
		first, cause = t.First, &errFirst
	}
	x.cause.Store(cause)
	x.timer = time.AfterFunc(first, func() { x.life.end(*x.cause.Load()) })
	res, err := way.RoundTrip(req.WithContext(&x.life))
	if err != nil {
		why := x.why(err)
		if errors.Is(err, h1.ErrUnsent) {
			why = errors.Join(why, h1.ErrUnsent)
		}
		x.close()
		return why
	}
	x.res = res
	return nil
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
	if cause := x.life.Err(); cause != nil && !errors.Is(cause, context.Canceled) {
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
	x.life.leave()
	x.life.end(context.Canceled)
}

// Bounds of answers, in bytes.
const (
	maxAnswer  = 32 << 20 // of one that isn't a stream
	maxEvent   = 8 << 20  // of one event of a stream
	maxProblem = 64 << 10 // that is read of an error
)

// whole reads an answer to its end into b, which it grows as far as there is room: twice as large
// each time, and not at once to what is said to come, which needn't.
func (x *exchange) whole(b *bytes.Buffer, most int, room *share) error {
	if x.res.ContentLength > int64(most) {
		return errLarge
	}
	if n := int(x.res.ContentLength); n > 0 {
		b.Grow(min(n, smallAnswer) + bytes.MinRead)
	}
	for size := min(smallAnswer, most+1); ; size = min(2*size, most+1) {
		x.part = io.LimitedReader{R: x.res.Body, N: int64(size - b.Len())}
		_, err := b.ReadFrom(&x.part)
		switch {
		case err != nil && x.life.Err() != nil:
			return x.why(err)
		case err != nil:
			return errors.Join(errCut, err)
		case b.Len() < size:
			return nil
		case b.Len() > most:
			return errLarge
		case !room.Hold(3 * b.Len()): // what the buffer grows to, and is copied from
			return errFull
		}
		b.Grow(min(b.Len(), most+1-b.Len()) + bytes.MinRead)
	}
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
