package app

import (
	"context"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// Publish makes the folder p.Dir the app's next version and selects it; with
// base 0 it makes the app. The same call again has the same answer and no second
// effect. conflict: the current version isn't p.Base, nor one that the same task
// published on top of it, so nothing was overwritten. invalid: the folder has no
// sound manifest, or holds what a version can't. exhausted: it is too large.
func (s *Service) Publish(ctx context.Context, scope core.Scope, p core.Publication) (core.AppVersioned, error) {
	if p.Call == "" || !filepath.IsAbs(p.Dir) {
		return core.AppVersioned{}, core.E(core.Internal, "app.publish", "a publication needs a call id and an absolute folder")
	}
	st, err := s.load(ctx, scope, p.App)
	if err != nil {
		return core.AppVersioned{}, err
	}
	var tree core.Digest
	var manifest core.Manifest
	if _, done := st.byCall(p.Call); !done {
		if err := st.mayFollow(p); err != nil {
			return core.AppVersioned{}, err // before the files are copied
		}
		if tree, manifest, err = s.snapshot(ctx, scope.Org, p.Dir); err != nil {
			return core.AppVersioned{}, err
		}
	}
	st, err = s.change(ctx, scope, p.App, 0, func(st State) ([]core.Payload, error) {
		return st.publish(p, tree, manifest)
	})
	if err != nil {
		return core.AppVersioned{}, err
	}
	v, _ := st.byCall(p.Call)
	return v.AppVersioned, nil
}

// snapshot stores a folder's files, and returns their tree and the manifest as
// it is stored: not as the folder has it later.
func (s *Service) snapshot(ctx context.Context, org core.OrgID, dir string) (core.Digest, core.Manifest, error) {
	digest, tree, err := blob.Snapshot(ctx, s.blobs, org, dir, s.cfg.Files)
	if err != nil {
		return "", core.Manifest{}, err
	}
	data, err := s.readFile(ctx, org, tree, core.ManifestName)
	if core.CodeOf(err) == core.NotFound {
		return "", core.Manifest{}, core.E(core.Invalid, "app.publish", "the folder holds no "+core.ManifestName).
			WithHint("an app's " + core.ManifestName + " says its title, its runtime, and how to start and test it")
	}
	if err != nil {
		return "", core.Manifest{}, err
	}
	manifest, err := core.DecodeManifest(data)
	return digest, manifest, err
}

// Retract compensates the Publish of the same call: the version is taken back,
// the selection returns to what it was, and what ran before runs again; a first
// version's app is gone. It is idempotent, and has nothing to do when the call
// published nothing. A home that can't be reached heeds it at its next start.
func (s *Service) Retract(ctx context.Context, scope core.Scope, app core.AppID, call core.CallID) error {
	sl, err := s.hold(ctx, app)
	if err != nil {
		return err
	}
	defer s.release(sl)
	st, err := s.change(ctx, scope, app, 0, func(st State) ([]core.Payload, error) { return st.retract(call), nil })
	if err != nil || st.ID == "" {
		return err
	}
	home, err := s.home(ctx, scope.Org, app)
	switch {
	case err != nil:
		return err
	case home.away():
		s.tell(ctx, home, scope, app)
	case st.Deleted:
		return s.clear(ctx, sl, st)
	default:
		s.settle(ctx, sl, st)
	}
	return nil
}
