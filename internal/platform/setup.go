package platform

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// setupName is a file of the data directory, which only its owner reads: with the token by
// which the first user is made. It is in no log: whoever reads a log may not become the
// owner of it all.
const setupName = "setup-token"

// setupEvery is how often a node looks whether there is a first user now.
const setupEvery = 2 * time.Second

// openSetup lets the first user be made, as long as there is none.
func (n *node) openSetup(ctx context.Context) error {
	if n.mode != cli.Serving {
		return nil
	}
	token, needed, err := n.people.Setup(ctx)
	if core.CodeOf(err) == core.NotFound { // the first org was shredded: there is nothing to set up
		n.log.Warn("no first user can be made", "err", err)
		return nil
	}
	path := n.dir.Join(setupName)
	if err != nil || !needed {
		return errors.Join(err, removeFile(path))
	}
	if err := removeFile(path); err != nil { // of an earlier start; whatever mode it has
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return diskError("setup", path, err)
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return diskError("setup", path, err)
	}
	n.setup, n.setupFile = token, path
	return nil
}

// watchSetup removes the file of the token when that is of no use any more: somebody has
// become the first user, on whatever node, or its time is over.
func (n *node) watchSetup(ctx context.Context) error {
	if n.setupFile == "" {
		return nil
	}
	tick := time.NewTicker(setupEvery)
	defer tick.Stop()
	until := time.After(identity.SetupLife)
	for done := false; !done; {
		select {
		case <-ctx.Done():
			return nil // the next start makes another one
		case <-until:
			n.log.Warn("nobody has become the first user in time; start again for another token")
			done = true
		case <-tick.C:
			needed, err := n.people.NeedsSetup(ctx)
			if err != nil && ctx.Err() == nil {
				n.log.Warn("whether there is a first user isn't known", "err", err)
			}
			done = err == nil && !needed
		}
	}
	return removeFile(n.setupFile)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return diskError("setup", path, err)
	}
	return nil
}
