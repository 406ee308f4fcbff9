package mcp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds of a session.
const (
	connectTimeout = 30 * time.Second
	closeTimeout   = 6 * time.Second // the SDK's own for the end of an HTTP session, and a bit
	cancelGrace    = time.Second     // for a call to return once its context has ended
	maxCalls       = 16              // under way; others wait
	maxAge         = 12 * time.Hour
)

// session is a live connection with a server. It isn't used again once something of it has
// failed: the SDK's client can't be. Safe for concurrent use.
type session struct {
	server  Server
	opened  time.Time
	meter   *meter
	client  *mcp.ClientSession
	program *program // nil of HTTP
	calls   chan struct{}
	stale   atomic.Bool // the server has said that its tools have changed
	failed  atomic.Bool // no call begins any more; those under way may end well

	once sync.Once
	done chan struct{} // closed when it is over
}

// greet connects with a server, once.
func (s *Service) greet(ctx context.Context, srv Server, c tool.Call) (*session, error) {
	x := &session{server: srv, opened: s.cfg.Now(), meter: &meter{}, calls: make(chan struct{}, maxCalls), done: make(chan struct{})}
	var way mcp.Transport
	if srv.Transport == Stdio {
		p, err := s.launch(ctx, srv, c, x.meter)
		if err != nil {
			return nil, err
		}
		x.program, way = p, p.transport
	} else {
		way = s.remote(srv, c, x.meter)
	}
	if err := x.connect(context.WithValue(ctx, callKey{}, c), way); err != nil {
		err = x.explain(ctx, "mcp.connect", err)
		x.close()
		return nil, err
	}
	s.running.Go(func() { // it ends by itself, or is closed
		_ = x.client.Wait()
		x.close()
	})
	return x, nil
}

// connect greets the server. A program that reads nothing would hold it for ever.
func (x *session) connect(ctx context.Context, way mcp.Transport) error {
	type greeted struct {
		client *mcp.ClientSession
		err    error
	}
	answer := make(chan greeted, 1)
	go func() {
		cs, err := newClient(x).Connect(ctx, way, nil)
		answer <- greeted{cs, err}
	}()
	select {
	case g := <-answer:
		x.client = g.client
		return g.err
	case <-ctx.Done():
	}
	if x.program != nil {
		x.program.end() // which ends the greeting
	}
	go func() {
		if g := <-answer; g.err == nil {
			_ = g.client.Close()
		}
	}()
	return ctx.Err()
}

// newClient returns the client of one session. It offers servers nothing, and refuses what they
// ask for.
func newClient(x *session) *mcp.Client {
	c := mcp.NewClient(&mcp.Implementation{Name: "isekai", Version: "1"}, &mcp.ClientOptions{
		Capabilities:           &mcp.ClientCapabilities{},
		MultiRoundTrip:         &mcp.MultiRoundTripOptions{Disabled: true},
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { x.stale.Store(true) },
	})
	c.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
			switch method {
			case "sampling/createMessage", "elicitation/create", "roots/list":
				return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "isekai answers no " + method}
			}
			return next(ctx, method, r)
		}
	})
	return c
}

// alive reports whether nothing of the session has failed yet.
func (x *session) alive() bool {
	select {
	case <-x.done:
		return false
	default:
		return !x.failed.Load()
	}
}

// errOver is of a session that was over before anything was asked.
var errOver = core.E(core.Unavailable, "mcp", "the session has ended")

// close ends the session and returns when nothing of it is left on this machine.
func (x *session) close() {
	x.once.Do(func() {
		defer close(x.done)
		if x.program != nil {
			x.program.end()
			<-x.program.ended
		}
		if x.client == nil {
			return
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = x.client.Close() // of HTTP it tells the server, which may not answer
		}()
		select {
		case <-closed:
		case <-time.After(closeTimeout):
		}
	})
	<-x.done
}

// enter waits for one of the session's places, and returns what leaves it.
func (x *session) enter(ctx context.Context) (leave func(), err error) {
	select {
	case x.calls <- struct{}{}:
	case <-x.done:
		return nil, errOver
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !x.alive() {
		<-x.calls
		return nil, errOver
	}
	return func() { <-x.calls }, nil
}

// ask does f, which asks the server something, and returns soon when ctx ends even if f doesn't.
// After an error that isn't the server's answer no call begins on the session any more.
func ask[T any](ctx context.Context, x *session, c tool.Call, f func(context.Context) (T, error)) (T, error) {
	type said struct {
		v   T
		err error
	}
	var none T
	leave, err := x.enter(ctx)
	if err != nil {
		return none, err
	}
	x.meter.begin()
	answer := make(chan said, 1)
	go func() {
		defer leave()
		v, err := f(context.WithValue(ctx, callKey{}, c))
		answer <- said{v, err}
	}()
	var a said
	stuck := false
	select {
	case a = <-answer:
	case <-ctx.Done():
		select {
		case a = <-answer:
		case <-time.After(cancelGrace):
			a.err, stuck = ctx.Err(), true
		}
	}
	if a.err == nil {
		return a.v, nil
	}
	calledOff := ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) && !stuck
	if answered(a.err) == nil && !calledOff {
		x.failed.Store(true)
	}
	return none, x.explain(ctx, "mcp.call", a.err)
}

// The SDK's own codes, of requests that a server hasn't answered.
const (
	clientClosing = -32003
	serverClosing = -32004
	rejected      = -32005
)

// answered returns the error that the server has answered with, if an error is that.
func answered(err error) *jsonrpc.Error {
	var e *jsonrpc.Error
	if !errors.As(err, &e) || e.Code == clientClosing || e.Code == serverClosing || e.Code == rejected {
		return nil
	}
	return e
}

// explain gives an error of the SDK's its code, and says what a program said last. The server's
// own answer is still found by answered.
func (x *session) explain(ctx context.Context, op string, err error) error {
	var known *core.Error
	name := "the MCP server " + x.server.Name
	switch e := answered(err); {
	case errors.As(err, &known):
		return fmt.Errorf("%s: %w", op, known)
	case e != nil:
		return core.E(core.Unavailable, op, name+" refuses: "+cleaned(e.Message, 500)).Because(e)
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil:
		return core.E(core.Unavailable, op, name+" didn't answer in time").Because(ctx.Err()).WithHint(x.lastWords())
	case errors.Is(err, mcp.ErrSessionMissing):
		return core.E(core.Unavailable, op, name+" has forgotten the session").Because(mcp.ErrSessionMissing)
	}
	e := core.E(core.Unavailable, op, name+" doesn't speak as it should: "+cleaned(err.Error(), 500))
	if x.program != nil {
		select {
		case <-x.program.ended:
			e.Msg = name + " has ended: " + cleaned(x.program.how(), 500)
		case <-time.After(cancelGrace / 10): // it may be ending
		}
	}
	return e.WithHint(x.lastWords())
}

// lastWords are what a program said last, as a hint.
func (x *session) lastWords() string {
	if x.program == nil {
		return ""
	}
	if s := x.program.said.String(); s != "" {
		return "it said last: " + s
	}
	return ""
}
