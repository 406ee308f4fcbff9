package mcp

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// quick are the pauses after which a server at whose address nobody listens is looked for again: as
// long as one takes that restarts.
var quick = []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}

// away is an error of a server that isn't there, of which nothing was asked. Who has a call to make
// is told at once: that it is made again is for later (tool.ErrAway).
type away struct {
	err  *core.Error
	mute bool // somebody listens, and has said nothing for as long as he had
}

// Error implements error.
func (a *away) Error() string { return a.err.Error() }

// Unwrap returns what is wrong.
func (a *away) Unwrap() error { return a.err }

// Is implements what errors.Is asks for.
func (*away) Is(target error) bool { return target == tool.ErrAway }

// open connects with a server, and looks for one that isn't there a few times more. The caller
// closes the session.
func (s *Service) open(ctx context.Context, srv Server, c tool.Call) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Connect)
	defer cancel()
	for i := 0; ; i++ {
		x, err := s.greet(ctx, srv, c)
		refused := errors.Is(err, syscall.ECONNREFUSED)
		switch {
		case err == nil:
			return x, nil
		case refused && i < len(quick) && waited(ctx, quick[i]):
		case refused:
			return nil, &away{err: core.E(core.Unavailable, "mcp.connect", "the MCP server "+srv.Name+" isn't there").WithHint("isekai mcp test " + srv.Name + " says when it is").Because(err)}
		case ctx.Err() != nil:
			hint := core.HintOf(err)
			if hint == "" {
				hint = "isekai mcp test " + srv.Name + " says when it does"
			}
			return nil, &away{core.E(core.Unavailable, "mcp.connect", "the MCP server "+srv.Name+" doesn't greet within "+s.cfg.Connect.String()).WithHint(hint).Because(err), true}
		default:
			return nil, err
		}
	}
}

// waited waits, and reports whether ctx lasted.
func waited(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
