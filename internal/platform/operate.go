package platform

import (
	"errors"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/conversation"
	callmeter "github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// projectors keep the views of a store, as modules see it.
func projectors(st store.ProjectorStore) []*store.Projector {
	return []*store.Projector{agent.NewProjector(st), app.NewProjector(st), agent.NewUsageProjector(st), callmeter.NewProjector(st), conversation.NewProjector(st)}
}

// alone calls f while no other process uses the data directory.
func (i instance) alone(f func(*DataDir) error) error {
	dir, err := OpenDataDir(i.cfg.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(f(dir), dir.Close())
}
