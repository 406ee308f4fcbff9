package app

import (
	"context"
	"errors"

	"github.com/isekai-run/isekai/internal/core"
)

// order is something to be done about an app at its home: by this node, or by the one that
// it is sent to.
type order struct {
	Do       verb        `json:"do"`
	Scope    core.Scope  `json:"scope"`
	App      core.AppID  `json:"app"`
	Expected int64       `json:"expected,omitempty"` // the stream's version; 0: any
	Number   int         `json:"number,omitempty"`   // doSelect: the version
	Task     core.TaskID `json:"task,omitempty"`     // doUndo
	After    int64       `json:"after,omitempty"`    // doLog: a sequence number
}

type verb string

const (
	doStart   verb = "start"
	doStop    verb = "stop"
	doSelect  verb = "select"
	doPreview verb = "preview"
	doUndo    verb = "unpreview"
	doDelete  verb = "delete"
	doLog     verb = "log"
	// doSettle makes what runs match what should: nothing, if the app isn't at home here.
	doSettle verb = "settle"
)

// result is what came of an order.
type result struct {
	state   State        // after it, as far as the order tells
	Preview core.Preview `json:"preview,omitzero"` // doPreview; its URL is the sender's to say
	Lines   []Line       `json:"lines,omitempty"`  // doLog
}

// do carries an order out where the app is at home: here if nobody is its home, too.
func (s *Service) do(ctx context.Context, o order) (result, error) {
	if err := o.Scope.Valid(); err != nil {
		return result{}, err
	}
	home, err := s.home(ctx, o.Scope.Org, o.App)
	if err != nil {
		return result{}, err
	}
	if !home.away() {
		res, err := s.carry(ctx, o)
		var other *elsewhere
		if !errors.As(err, &other) {
			return res, err
		}
		home = other.home // somebody was faster
	}
	res, err := s.send(ctx, home, o)
	if err != nil || o.Do == doLog {
		return res, err
	}
	if res.state, err = s.load(ctx, o.Scope, o.App); err == nil {
		s.names.put(res.state)
	}
	return res, err
}

// carry carries an order out here.
func (s *Service) carry(ctx context.Context, o order) (res result, err error) {
	switch o.Do {
	case doStart:
		res.state, err = s.start(ctx, o.Scope, o.App, o.Expected)
	case doStop:
		res.state, err = s.stop(ctx, o.Scope, o.App, o.Expected)
	case doSelect:
		res.state, err = s.pick(ctx, o.Scope, o.App, o.Number, o.Expected)
	case doPreview:
		res, err = s.preview(ctx, o.Scope, o.App)
	case doUndo:
		err = s.unpreview(ctx, o.Scope, o.App, o.Task)
	case doDelete:
		err = s.delete(ctx, o.Scope, o.App, o.Expected)
	case doLog:
		res.Lines, err = s.lines(ctx, o.Scope, o.App, o.After)
	case doSettle:
		err = s.resettle(ctx, o.Scope, o.App)
	default:
		err = core.E(core.Unsupported, "app.order", "an order that this node doesn't know: "+string(o.Do)).WithHint("run the same version on all nodes")
	}
	return res, err
}

// resettle makes what runs here match what the events say, after another node has
// appended some, or has become the home.
func (s *Service) resettle(ctx context.Context, scope core.Scope, app core.AppID) error {
	sl, err := s.hold(ctx, app)
	if err != nil {
		return err
	}
	defer s.release(sl)
	s.homes.forget(app)
	home, err := s.home(ctx, scope.Org, app)
	if err != nil {
		return err
	}
	if home.away() {
		s.halt(sl)
		return nil
	}
	st, err := s.load(ctx, scope, app)
	switch {
	case err != nil:
		return err
	case st.Deleted:
		return s.clear(ctx, sl, st)
	case st.Exists():
		s.settle(ctx, sl, st)
	}
	return nil
}
