package app

import (
	"context"
	"iter"

	"github.com/isekai-run/isekai/internal/core"
)

// Log returns the lines that an app has logged since it was last started and
// before, as far as they are kept, after a sequence number (0: all).
func (s *Service) Log(ctx context.Context, scope core.Scope, app core.AppID, after int64) ([]Line, error) {
	res, err := s.do(ctx, order{Do: doLog, Scope: scope, App: app, After: after})
	return res.Lines, err
}

func (s *Service) lines(ctx context.Context, scope core.Scope, app core.AppID, after int64) ([]Line, error) {
	if _, err := s.Get(ctx, scope, app); err != nil {
		return nil, err
	}
	sl, err := s.refer(app)
	if err != nil {
		return nil, err
	}
	defer s.unrefer(sl)
	return sl.log.Lines(after), nil
}

// Follow yields what Log returns and then each line as it is logged, until ctx
// or the platform ends. A reader that is slower than the app is told in
// Line.Dropped how many lines it missed. ctx must end, or the lines be read: else the
// connection to the app's home stays open.
func (s *Service) Follow(ctx context.Context, scope core.Scope, app core.AppID, after int64) (iter.Seq[Line], error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	home, err := s.home(ctx, scope.Org, app)
	if err != nil {
		return nil, err
	}
	if home.away() {
		return s.followAt(ctx, home, order{Do: doLog, Scope: scope, App: app, After: after})
	}
	return s.follow(ctx, scope, app, after)
}

func (s *Service) follow(ctx context.Context, scope core.Scope, app core.AppID, after int64) (iter.Seq[Line], error) {
	if _, err := s.Get(ctx, scope, app); err != nil {
		return nil, err
	}
	return func(yield func(Line) bool) {
		sl, err := s.refer(app)
		if err != nil {
			return
		}
		defer s.unrefer(sl)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		sl.log.Follow(ctx, after)(yield)
	}, nil
}
