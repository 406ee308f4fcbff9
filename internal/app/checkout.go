package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// The folders below Config.Dir:
//
//	tmp/             what is being made or removed
//	<org>/<app>/     data/      the app's own files, which outlive versions
//	                 tree-<n>/  a checkout of version n, a cache
const (
	treePrefix = "tree-"
	dataName   = "data"
)

// private is the mode of these folders: whatever the data directory's own mode,
// no other user of the machine reads an app's data. Boxes get them as mounts.
const private = 0o700

func (s *Service) folder(org core.OrgID, app core.AppID) string {
	return filepath.Join(s.cfg.Dir, string(org), string(app))
}

func (s *Service) treeDir(r ref, number int) string {
	return filepath.Join(s.folder(r.org, r.app), treePrefix+strconv.Itoa(number))
}

func (s *Service) tmp() string { return filepath.Join(s.cfg.Dir, "tmp") }

// checkout returns a folder with a version's files. It appears there whole or
// not at all, and is never written to again. The caller has the app's turn.
func (s *Service) checkout(ctx context.Context, r ref, v Version) (string, error) {
	dir := s.treeDir(r, v.Number)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	making := filepath.Join(s.tmp(), s.cfg.IDs("tmp"))
	for _, parent := range []string{s.tmp(), filepath.Dir(dir)} {
		if err := os.MkdirAll(parent, private); err != nil {
			return "", diskError("app.checkout", err)
		}
	}
	err := blob.Checkout(ctx, s.blobs, r.org, v.Tree, making)
	if err == nil {
		if err = os.Rename(making, dir); err == nil {
			return dir, nil
		}
		err = diskError("app.checkout", err)
	}
	if core.CodeOf(err) == core.NotFound { // of the app nothing is missing but files
		err = core.E(core.Internal, "app.checkout", fmt.Sprintf("files of version %d are missing from the store", v.Number)).
			Because(err).WithHint("restore the blobs from a backup, or select another version")
	}
	return "", errors.Join(err, os.RemoveAll(making))
}

// dataDir returns the app's data folder, and makes it for the first version.
func (s *Service) dataDir(r ref) (string, error) {
	dir := filepath.Join(s.folder(r.org, r.app), dataName)
	if err := os.MkdirAll(dir, private); err != nil {
		return "", diskError("app.data", err)
	}
	return dir, nil
}

// dropOtherTrees removes the checkouts of versions that don't run: a cache of
// one. What can't be removed now goes with the next Sweep.
func (s *Service) dropOtherTrees(r ref, number int) {
	entries, _ := os.ReadDir(s.folder(r.org, r.app))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), treePrefix) && e.Name() != treePrefix+strconv.Itoa(number) {
			_ = s.remove(filepath.Join(s.folder(r.org, r.app), e.Name()))
		}
	}
}

// remove removes a folder so that it is gone at once, and then its content.
func (s *Service) remove(dir string) error {
	if err := os.MkdirAll(s.tmp(), private); err != nil {
		return diskError("app.remove", err)
	}
	going := filepath.Join(s.tmp(), s.cfg.IDs("tmp"))
	if err := os.Rename(dir, going); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return diskError("app.remove", err)
	}
	if err := os.RemoveAll(going); err != nil {
		return diskError("app.remove", err)
	}
	return nil
}

// Sweep removes what a killed server left below Config.Dir: half-made folders,
// checkouts (a power cut may have left one incomplete; they are made again), and
// the folders of apps that don't exist. It makes this node the home of the apps whose data
// it has, if they have none. Call it before anything starts.
func (s *Service) Sweep(ctx context.Context) error {
	homes, err := filepath.Glob(filepath.Join(s.cfg.Dir, "org_*", "app_*"))
	if err != nil {
		return fmt.Errorf("app.sweep: %w", err)
	}
	for _, home := range homes {
		org, app := core.OrgID(filepath.Base(filepath.Dir(home))), core.AppID(filepath.Base(home))
		st, err := fold(ctx, s.store, org, app)
		if err != nil && core.CodeOf(err) != core.NotFound { // not_found: the org is gone
			return err
		}
		if err != nil || !st.Exists() {
			err = s.remove(home)
		} else {
			s.dropOtherTrees(ref{org: org, app: app}, 0)
			err = s.keep(ctx, org, app)
		}
		if err != nil {
			return err
		}
	}
	if err := os.RemoveAll(s.tmp()); err != nil {
		return diskError("app.sweep", err)
	}
	return nil
}

func diskError(op string, err error) error {
	return core.E(core.Unavailable, op, "the data directory can't be changed").Because(err).
		WithHint("check its permissions and the free space")
}
