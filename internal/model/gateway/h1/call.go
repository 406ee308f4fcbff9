package h1

import (
	"context"
	"errors"
	"net/http"
)

// call is one exchange on one connection. It ends once: by finish or by abandon.
type call struct {
	t    *Transport
	c    *conn
	m    *message
	ctx  context.Context
	stop func() bool // nil: the context never ends
	sent int64       // bytes of the request that were sent at once
	w    *writer     // nil: that was all of it
}

func begin(t *Transport, c *conn, ctx context.Context, m *message) *call {
	x := &call{t: t, c: c, m: m, ctx: ctx}
	if e, ok := ctx.(ender); ok {
		x.stop = e.AfterFunc(c.end)
	} else if ctx.Done() != nil {
		x.stop = context.AfterFunc(ctx, c.end)
	}
	return x
}

// ender is a context that tells of its end by itself. Package context takes its word, too, but
// makes a context of its own for that.
type ender interface {
	AfterFunc(f func()) (stop func() bool)
}

// do sends the request and reads the answer's header. After an error the caller abandons the
// call; the message is the caller's again then.
func (x *call) do(req *http.Request) (*http.Response, error) {
	x.sent, x.w = x.c.send(x.m)
	res, again, err := x.c.answer(req)
	if err != nil {
		return nil, err
	}
	if x.w == nil {
		x.m.free()
		x.m = nil
	}
	again = again && !req.Close
	if res.Body == http.NoBody {
		x.finish(again)
		return res, nil
	}
	res.Body = &body{call: x, inner: res.Body, again: again, left: res.ContentLength}
	return res, nil
}

// finish ends a call whose answer was read to its end, or isn't wanted any more.
func (x *call) finish(again bool) {
	again = again && (x.w == nil || x.w.ended())
	if x.stop != nil && !x.stop() {
		again = false // it is being closed
	}
	if again && x.c.r.Buffered() == 0 {
		x.t.keep(x.c)
	} else {
		x.c.close()
	}
	if x.w != nil {
		<-x.w.done
		x.m.free()
	}
}

// abandon ends a call that failed. The message isn't freed.
func (x *call) abandon() {
	if x.stop != nil {
		x.stop()
	}
	x.c.close()
	if x.w != nil {
		<-x.w.done
	}
}

// unserved reports whether a call that was abandoned after an error may be done again, on
// another connection: this one ended before an answer, and nothing of the request was sent,
// or it may be repeated.
func (x *call) unserved(req *http.Request, err error) bool {
	sent := x.sent
	if x.w != nil {
		if sent = x.w.sent; errors.Is(x.w.err, errBody) {
			return false
		}
	}
	return errors.Is(err, errUnanswered) && x.ctx.Err() == nil && (sent == 0 || repeatable(req))
}

// why is the error of a call that was abandoned, for its caller: what ended it, rather than
// what that led to.
func (x *call) why(err error) error {
	if x.ctx.Err() != nil {
		return context.Cause(x.ctx)
	}
	if x.w != nil && errors.Is(x.w.err, errBody) {
		return x.w.err
	}
	return err
}
