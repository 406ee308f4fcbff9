package mcp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// pool holds the sessions of this node, one for a server, and of each server how it was last.
// Safe for concurrent use.
type pool struct {
	cfg     Config
	open    func(context.Context, Server, tool.Call) (*session, error)
	running *sync.WaitGroup // of all that works for sessions

	mu       sync.Mutex // guards what follows
	held     map[key]*held
	leaving  map[*held]bool // of which nothing new is asked, and which still have users
	breakers map[id]circuitbreaker.CircuitBreaker[any]
	closed   bool
}

// id names a server, key what is said about it: a server that was changed has a new session.
type (
	id struct {
		org    core.OrgID
		server string
	}
	key struct {
		id
		version int64
	}
)

// held is a session, or one that is being opened.
type held struct {
	key     key
	project core.ProjectID
	ready   chan struct{} // closed when session or err is set
	session *session
	err     error
	users   int       // under pool.mu
	used    time.Time // when the last user left; under pool.mu
}

// over reports whether it is of no more use. pool.mu is held.
func (h *held) over() bool {
	select {
	case <-h.ready:
		return h.err != nil || !h.session.alive()
	default:
		return false
	}
}

func newPool(cfg Config, running *sync.WaitGroup, open func(context.Context, Server, tool.Call) (*session, error)) *pool {
	return &pool{cfg: cfg, open: open, running: running, held: map[key]*held{}, leaving: map[*held]bool{}, breakers: map[id]circuitbreaker.CircuitBreaker[any]{}}
}

// use has f use a session with a server: the one that there is, or a new one. unavailable: its
// breaker is open, or it can't be connected with; exhausted: there are as many sessions as there
// can be, all in use.
func (p *pool) use(ctx context.Context, srv Server, c tool.Call, f func(*session) error) error {
	at := id{c.Scope.Org, srv.ID}
	b := p.breaker(at)
	if !b.TryAcquirePermit() {
		return &away{err: core.E(core.Unavailable, "mcp", "the MCP server "+srv.Name+" has failed and is left alone for now").
			WithHint("it is tried again in " + b.RemainingDelay().Round(time.Second).String() + "; isekai mcp test " + srv.Name + " says what is wrong")}
	}
	err := p.with(ctx, srv, c, f)
	var gone *away
	switch {
	case errors.As(err, &gone) && gone.mute: // others needn't wait for as long
		b.Open()
	case err == nil || answered(err) != nil:
		b.RecordSuccess()
	case core.CodeOf(err) == core.Unavailable, b.IsHalfOpen(): // who tries it has to say how it was
		b.RecordFailure()
	}
	return err
}

// with is use without the breaker.
func (p *pool) with(ctx context.Context, srv Server, c tool.Call, f func(*session) error) error {
	h, err := p.enter(srv, c)
	if err != nil {
		return err
	}
	defer p.leave(h)
	select {
	case <-h.ready:
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return core.E(core.Unavailable, "mcp.connect", "the MCP server "+srv.Name+" hasn't greeted in the time that the call has").
				WithHint("isekai mcp test " + srv.Name + " says what is wrong; a longer --timeout gives it more time").Because(ctx.Err())
		}
		return ctx.Err()
	}
	if h.err != nil {
		return h.err
	}
	return f(h.session)
}

// enter returns what a server's session is held in, with one more user. Whoever makes it opens
// it for all who come meanwhile, so it outlives its caller.
func (p *pool) enter(srv Server, c tool.Call) (*held, error) {
	at := key{id{c.Scope.Org, srv.ID}, srv.Version}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, core.E(core.Unavailable, "mcp", "this node is stopping")
	}
	if h := p.held[at]; h != nil {
		if !h.over() && !p.old(h) {
			h.users++
			return h, nil
		}
		p.drop(h)
	}
	if err := p.room(c.Scope); err != nil {
		return nil, err
	}
	h := &held{key: at, project: c.Scope.Project, ready: make(chan struct{}), users: 1}
	p.held[at] = h
	p.running.Go(func() {
		defer close(h.ready)
		h.session, h.err = p.open(context.Background(), srv, c)
	})
	return h, nil
}

// old reports whether a session has lived long enough and nobody uses it. p.mu is held.
func (p *pool) old(h *held) bool {
	select {
	case <-h.ready:
		return h.users == 0 && p.cfg.Now().Sub(h.session.opened) >= maxAge
	default:
		return false
	}
}

func (p *pool) leave(h *held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.users--
	h.used = p.cfg.Now()
	if p.held[h.key] == h && h.over() {
		p.drop(h)
	} else if h.users == 0 && p.leaving[h] {
		delete(p.leaving, h)
		if !p.closed { // else it ends already
			p.end(h)
		}
	}
}

// drop has nothing new asked of a session; it ends when its last user leaves. p.mu is held.
func (p *pool) drop(h *held) {
	delete(p.held, h.key)
	if h.users > 0 {
		p.leaving[h] = true
		return
	}
	p.end(h)
}

// end closes what is held, once it is there. p.mu is held.
func (p *pool) end(h *held) {
	p.running.Go(func() {
		<-h.ready
		if h.err == nil {
			h.session.close()
		}
	})
}

// room ends the session that nobody has used for longest where there are as many as there can
// be. p.mu is held.
func (p *pool) room(scope core.Scope) error {
	mine := func(h *held) bool { return h.key.org == scope.Org && h.project == scope.Project }
	all := func(*held) bool { return true }
	if !p.fits(p.cfg.PerProject, mine) || !p.fits(p.cfg.PerNode, all) {
		return core.E(core.Exhausted, "mcp", "there are as many sessions with MCP servers as there can be, and all are in use").WithHint("try again when a call has ended")
	}
	return nil
}

// fits reports whether there is room for one more, and makes it if it can. p.mu is held.
func (p *pool) fits(most int, of func(*held) bool) bool {
	n, idle := 0, (*held)(nil)
	for h := range p.leaving {
		if of(h) {
			n++
		}
	}
	for _, h := range p.held {
		switch {
		case h.over():
			p.drop(h)
		case of(h):
			n++
			if h.users == 0 && (idle == nil || h.used.Before(idle.used)) {
				idle = h
			}
		}
	}
	if n < most {
		return true
	}
	if idle != nil {
		p.drop(idle)
	}
	return idle != nil
}

// evict ends the sessions that nobody has used for a while.
func (p *pool) evict(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.held {
		if h.over() || h.users == 0 && now.Sub(h.used) >= p.cfg.Idle {
			p.drop(h)
		}
	}
}

// forget ends a server's sessions at once, whoever uses them: it is no more.
func (p *pool) forget(org core.OrgID, server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.breakers, id{org, server})
	for at, h := range p.held {
		if at.id == (id{org, server}) {
			p.drop(h)
			p.end(h)
		}
	}
}

// current returns a live session with a server that is there already, or nil.
func (p *pool) current(org core.OrgID, srv Server) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.held[key{id{org, srv.ID}, srv.Version}]
	if h == nil || h.over() {
		return nil
	}
	select {
	case <-h.ready:
		return h.session
	default:
		return nil
	}
}

// shut ends every session, and lets no more begin.
func (p *pool) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.held {
		p.drop(h)
		p.end(h)
	}
	for h := range p.leaving {
		p.end(h)
	}
	p.closed = true
}

// maxBreakers bounds the breakers of a node. One that goes is forgotten with what it has failed.
const maxBreakers = 4096

// breaker returns a server's.
func (p *pool) breaker(at id) circuitbreaker.CircuitBreaker[any] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.breakers[at]; b != nil {
		return b
	}
	for other := range p.breakers {
		if len(p.breakers) < maxBreakers {
			break
		}
		delete(p.breakers, other)
	}
	b := circuitbreaker.NewBuilder[any]().WithFailureThreshold(uint(p.cfg.Failures)).WithDelay(p.cfg.OpenFor).WithSuccessThreshold(1).Build()
	p.breakers[at] = b
	return b
}
