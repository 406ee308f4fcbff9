package recall

import (
	"context"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Settings are what a project has said about its memory.
type Settings struct {
	Revision int64 // 0: nothing was said
	// Remember has facts of conversations and tasks be kept. It is off until somebody says so.
	Remember bool
	Days     int    // after which facts are forgotten; 0 for Set: UsualDays
	Model    string // of the gateway, that makes embeddings; "": the installation's
}

// setting are Settings as they are kept.
type setting struct {
	Remember bool   `json:"remember"`
	Days     int    `json:"days"`
	Model    string `json:"model,omitempty"`
}

// Bounds of Settings.
const (
	MaxDays   = 3650
	UsualDays = 180 // for projects that have said nothing of it
	maxModel  = 200
)

// Settings returns the project's.
func (s *Service) Settings(ctx context.Context, scope core.Scope) (Settings, error) {
	if err := scope.Valid(); err != nil {
		return Settings{}, err
	}
	d, err := settings.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
	if err == nil && d.Data.Days == 0 { // nothing was said of it
		d.Data.Days = UsualDays
	}
	return Settings{Revision: d.Version, Remember: d.Data.Remember, Days: d.Data.Days, Model: d.Data.Model}, err
}

// Set changes the project's settings. Revision is that of those it is based on; 0: whatever is
// there. When the model is another one, all is embedded anew. What is remembered stays when
// Remember goes off, until it is forgotten. conflict: they have another revision.
func (s *Service) Set(ctx context.Context, scope core.Scope, n Settings) (Settings, error) {
	if err := scope.Valid(); err != nil {
		return Settings{}, err
	}
	if n.Days < 0 || n.Days > MaxDays || len(n.Model) > maxModel || n.Model != text(n.Model, maxModel) {
		return Settings{}, core.E(core.Invalid, op, "days are 0 to "+strconv.Itoa(MaxDays)+", and a model's name has at most "+strconv.Itoa(maxModel)+" bytes")
	}
	changed := false
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := settings.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err == nil && n.Revision != 0 && n.Revision != d.Version {
			err = core.E(core.Invalid, op, "") // not for Update to try again
		}
		if err != nil {
			return nil, err
		}
		changed = d.Data.Model != n.Model
		d.Data = setting{Remember: n.Remember, Days: n.Days, Model: n.Model}
		return []store.Change{settings.Put(d)}, nil
	})
	if core.CodeOf(err) == core.Invalid {
		return Settings{}, store.Changed("settings of the memory of", string(scope.Project))
	}
	if err == nil && changed {
		_, err = s.Reindex(ctx, scope)
	}
	if err != nil {
		return Settings{}, err
	}
	return s.Settings(ctx, scope)
}
