package app

import (
	"context"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/core"
)

// Forget stops an org's apps and removes what is kept of them on this machine, files and
// data: for an org whose keys were destroyed. Other machines do so at their next Sweep.
func (s *Service) Forget(ctx context.Context, org core.OrgID) error {
	if !core.ValidID("org", string(org)) {
		return core.E(core.Invalid, "app.forget", "not an org's id")
	}
	for _, r := range s.names.drop(org) {
		sl, err := s.refer(r.app)
		if err != nil {
			return err
		}
		select {
		case sl.turn <- struct{}{}:
			s.halt(sl)
			s.release(sl)
		case <-ctx.Done():
			s.unrefer(sl)
			return ctx.Err()
		}
	}
	return s.remove(filepath.Join(s.cfg.Dir, string(org)))
}
