package gateway

import (
	"cmp"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// Observer is told what becomes of calls and attempts, so that they are counted and what
// failed is written down. Its methods are called by many at once, on the way of a call: they
// don't wait for anything.
type Observer interface {
	// Called is told of each call, once, when it is over.
	Called(Outcome)
	// Tried is told of each target that was asked, or would have been: whether it began to
	// answer, and if not why, in one of some words that are always the same. "": it answers.
	Tried(t catalog.Target, op dialect.Operation, why string)
}

// Outcome is what became of a call. It has nothing of what was said in it.
type Outcome struct {
	Scope    core.Scope
	Key      core.KeyID
	Task     core.TaskID
	Request  string // Call.Request
	Op       dialect.Operation
	Asked    string         // the model's name as it was asked for; "": it wasn't understood
	Target   catalog.Target // who answered; without a Provider: nobody
	Usage    core.Usage
	Status   string        // a meter.Status
	Err      error         // why it failed
	Took     time.Duration // to the answer's end
	First    time.Duration // to its first byte; 0: there was none
	Stream   bool          // that was asked for
	Attempts int
}

// Code is that of the error; "" without one.
func (o Outcome) Code() core.Code {
	if o.Err == nil {
		return ""
	}
	return core.CodeOf(o.Err)
}

// Why says what went wrong, for a log. What a provider has said may quote what it was asked,
// and isn't in there: its caller is told.
func (o Outcome) Why() string {
	var said dialect.Problem
	var own *core.Error
	switch code := o.Code(); {
	case o.Err == nil:
		return ""
	case !errors.As(o.Err, &said) || !errors.As(o.Err, &own): // nobody has said anything
		return o.Err.Error()
	case o.Attempts == 0 || code == core.Unavailable || code == core.Exhausted || code == core.Denied:
		return (&core.Error{Code: own.Code, Op: own.Op, Msg: own.Msg}).Error()
	default:
		return string(code) + ": the caller is told"
	}
}

// over tells the observer what became of the call, if it doesn't know.
func (g *Gateway) over(j *job, o Outcome) {
	if g.cfg.Observer == nil || j.told {
		return
	}
	j.told = true
	o.Scope, o.Key, o.Task, o.Request, o.Op, o.Asked, o.Attempts = j.Scope, j.Key, j.Task, j.Request, j.Op, j.req.Model, j.attempts
	o.Stream = j.req.Stream
	o.Err, o.Took = cmp.Or(o.Err, j.err), g.cfg.Now().Sub(j.began)
	g.cfg.Observer.Called(o)
}

// tried tells the observer how a target was when it was asked.
func (g *Gateway) tried(j *job, t catalog.Target, f *fault) {
	switch {
	case g.cfg.Observer == nil || f != nil && f.gone:
	case f == nil:
		g.cfg.Observer.Tried(t, j.Op, "")
	default:
		g.cfg.Observer.Tried(t, j.Op, cmp.Or(f.why, "the request is refused"))
	}
}

// outcomeOf is that of a call for which settle says what it used.
func outcomeOf(t catalog.Target, u core.Usage, status string, first time.Duration) Outcome {
	if status == meter.StatusCached { // nobody was asked
		t = catalog.Target{}
	}
	return Outcome{Target: t, Usage: u, Status: status, First: first}
}
