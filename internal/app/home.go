package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/core"
)

// Homes know at which node each app is at home: the one that has its data folder, and so
// the only one that runs it. An app gets its home with its first start. Methods are safe
// for concurrent use.
type Homes interface {
	// Home returns an app's home; one without a Node if it has none.
	Home(ctx context.Context, org core.OrgID, app core.AppID) (Home, error)
	// Claim makes this node the home of an app whose home is from ("": that has none), and
	// returns the home that the app has then: of those who claim it at once one gets it.
	Claim(ctx context.Context, org core.OrgID, app core.AppID, from string) (Home, error)
	// Leave forgets the home of an app that is gone.
	Leave(ctx context.Context, org core.OrgID, app core.AppID) error
}

// Home is the node where an app is at home.
type Home struct {
	Node string // its name; "" for none
	Here bool   // it is this node
	URL  string // where its Remote is, as in https://10.0.0.1:7780; "" if it can't be reached
	Hint string // how it can be reached again, if it can't
}

// away reports whether the home is another node.
func (h Home) away() bool { return h.Node != "" && !h.Here }

// unreachable says that an app's home is away and doesn't answer.
func (h Home) unreachable() *core.Error {
	hint := h.Hint
	if hint == "" {
		hint = "start node " + h.Node + " again"
	}
	return core.E(core.Unavailable, "app.home", "the app is at home at node "+h.Node+", which can't be reached").
		WithHint(hint + "; if it is lost, isekai app start --move APP runs the app at another node, without the data that it has there")
}

// elsewhere is the error of what can be done at an app's home alone, and this isn't it.
type elsewhere struct{ home Home }

func (e *elsewhere) Error() string { return "app.home: the app is at home at node " + e.home.Node }

func (e *elsewhere) Unwrap() error {
	return core.E(core.Conflict, "app.home", "the app's home has changed").WithHint("do it again")
}

// home returns where an app is at home. Without Homes that is here.
func (s *Service) home(ctx context.Context, org core.OrgID, app core.AppID) (Home, error) {
	if s.cfg.Homes == nil {
		return Home{Here: true}, nil
	}
	h, err := s.cfg.Homes.Home(ctx, org, app)
	if err != nil {
		return Home{}, fmt.Errorf("app.home: %w", err)
	}
	return h, nil
}

// settleDown makes this node the app's home if it has none: everything that is to run a
// version passes here. It fails with elsewhere if another node is the home; then nothing
// runs here any more. The caller has the turn.
func (s *Service) settleDown(ctx context.Context, sl *slot, st State) error {
	h, err := s.home(ctx, st.Org, st.ID)
	if err == nil && h.Node == "" && s.cfg.Homes != nil {
		if h, err = s.cfg.Homes.Claim(ctx, st.Org, st.ID, ""); err != nil {
			err = fmt.Errorf("app.home: %w", err)
		}
		if err == nil && h.Here && st.Started != 0 && !s.hasData(st.Org, st.ID) {
			s.cfg.Logger.WarnContext(ctx, "an app that has run begins with an empty data folder: no node has said that it has its data", "app", st.ID)
		}
	}
	if err == nil && h.away() {
		s.halt(sl)
		err = &elsewhere{h}
	}
	return err
}

func (s *Service) hasData(org core.OrgID, app core.AppID) bool {
	_, err := os.Stat(filepath.Join(s.folder(org, app), dataName))
	return err == nil
}

// leave forgets the home of an app that is gone.
func (s *Service) leave(ctx context.Context, org core.OrgID, app core.AppID) error {
	if s.cfg.Homes == nil {
		return nil
	}
	if err := s.cfg.Homes.Leave(ctx, org, app); err != nil {
		return fmt.Errorf("app.home: %w", err)
	}
	return nil
}

// keep claims an app whose data this node has from a time when nobody kept homes: its
// store was another, or the program older.
func (s *Service) keep(ctx context.Context, org core.OrgID, app core.AppID) error {
	if s.cfg.Homes == nil || !s.hasData(org, app) {
		return nil
	}
	h, err := s.cfg.Homes.Claim(ctx, org, app, "")
	if err != nil {
		return fmt.Errorf("app.home: %w", err)
	}
	if h.away() {
		s.cfg.Logger.WarnContext(ctx, "an app has data here, which nobody sees: it is at home elsewhere", "app", app, "home", h.Node)
	}
	return nil
}

// Move makes this node the home of an app, and what ran at the one before ends if that
// can be reached. The data stays there: here the app begins with an empty data folder, or
// with the one that it has here from before. Nothing is started.
func (s *Service) Move(ctx context.Context, scope core.Scope, app core.AppID) (State, error) {
	st, err := s.Get(ctx, scope, app)
	if err != nil {
		return State{}, err
	}
	from, err := s.home(ctx, scope.Org, app)
	if err != nil || !from.away() {
		return st, err
	}
	now, err := s.cfg.Homes.Claim(ctx, scope.Org, app, from.Node)
	if err != nil {
		return State{}, fmt.Errorf("app.home: %w", err)
	}
	if now.away() {
		return State{}, &elsewhere{now}
	}
	s.homes.forget(app)
	s.cfg.Logger.WarnContext(ctx, "an app has moved here, without its data", "app", app, "from", from.Node)
	s.tell(ctx, from, scope, app)
	return st, nil
}

// tell has another node make what runs there match what should, if it can be reached.
func (s *Service) tell(ctx context.Context, home Home, scope core.Scope, app core.AppID) {
	ctx, cancel := context.WithTimeout(ctx, undoing)
	defer cancel()
	if _, err := s.send(ctx, home, order{Do: doSettle, Scope: scope, App: app}); err != nil {
		s.cfg.Logger.WarnContext(ctx, "what runs of an app at another node isn't known", "app", app, "node", home.Node, "error", err)
	}
}
