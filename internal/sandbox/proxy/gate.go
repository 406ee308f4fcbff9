package proxy

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
)

// gate accepts as many connections at once, and in a second, as a box may have. The others
// wait in the kernel's queue, where they cost this process nothing.
type gate struct {
	net.Listener
	ctx   context.Context
	slots chan struct{}
	pace  pace
}

func newGate(ctx context.Context, l net.Listener, e sandbox.Egress) *gate {
	return &gate{Listener: l, ctx: ctx, slots: make(chan struct{}, e.Open), pace: pace{every: time.Second / time.Duration(e.Rate), burst: 4 * time.Second}}
}

// Accept implements net.Listener. One goroutine calls it.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case g.slots <- struct{}{}:
	case <-g.ctx.Done():
		return nil, net.ErrClosed
	}
	if wait := g.pace.take(time.Now()); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-g.ctx.Done():
			return nil, net.ErrClosed
		}
	}
	c, err := g.Listener.Accept()
	if err != nil {
		<-g.slots
		return nil, err
	}
	return &slot{Conn: c, free: sync.OnceFunc(func() { <-g.slots })}, nil
}

// slot is a connection that counts until it is closed.
type slot struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (s *slot) Close() error {
	defer s.free()
	return s.Conn.Close()
}

// CloseWrite closes the half that is written.
func (s *slot) CloseWrite() error { return closeWrite(s.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// pace lets one go every so often, and a burst of those that were let pass (GCRA).
type pace struct {
	every, burst time.Duration
	due          time.Time // when the next would be due if there were no bursts
}

// take returns how long to wait for the next one.
func (p *pace) take(now time.Time) time.Duration {
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(p.every)
	return p.due.Sub(now) - p.burst
}
