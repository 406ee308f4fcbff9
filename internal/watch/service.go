package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sort"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Request is a page that is wanted, with what the last answer had.
type Request struct{ URL, ETag, Modified string }

// Page is what a site answered.
type Page struct {
	Unchanged      bool // since the last answer: there is nothing else
	Status         int
	Body           []byte // in UTF-8
	Text           string // what a person would read on it
	Cut            bool   // there is more
	ETag, Modified string
	Retry          time.Time // when the site wants to be asked again; zero: it doesn't say
}

// Fetcher gets pages, as their sites allow. Errors are looks that failed.
type Fetcher interface {
	Fetch(ctx context.Context, r Request) (Page, error)
}

// Teller takes what is told. A call may come again with the same number of the watch.
type Teller interface {
	Changed(ctx context.Context, scope core.Scope, c Change) error
	Failing(ctx context.Context, scope core.Scope, w Watch, seq int64) error
}

// Starter starts a task. The same key is the same task. Errors invalid, denied and exhausted are
// for good; others pass.
type Starter interface {
	Start(ctx context.Context, scope core.Scope, key, prompt string) (core.TaskID, error)
}

// Config configures a Service.
type Config struct {
	Records store.Records
	Events  store.Events
	Terms   store.Terms
	Fetch   Fetcher
	Tell    Teller // a Journal
	Start   Starter
	IDs     core.IDs
	Log     *slog.Logger
	Now     func() time.Time // time.Now
	Least   time.Duration    // between two looks of a watch; 5 minutes
	Tick    time.Duration    // between two looks for what is due; 10 s
}

// Service is the watches of an installation. It is safe for concurrent use.
type Service struct {
	cfg  Config
	wake chan struct{} // there is a new watch
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Least <= 0 {
		cfg.Least = 5 * time.Minute
	}
	if cfg.Tick <= 0 {
		cfg.Tick = 10 * time.Second
	}
	if cfg.Tell == nil {
		cfg.Tell = Journal{cfg.Events, cfg.IDs}
	}
	return &Service{cfg: cfg, wake: make(chan struct{}, 1)}
}

// Create makes a watch of the project's. With a key, the same call again returns the watch that
// it made. task is in which an agent asks for it, if one does. invalid: the spec can't be used;
// exhausted: the project has MaxProject.
func (s *Service) Create(ctx context.Context, scope core.Scope, spec Spec, task core.TaskID, key string) (Watch, error) {
	now := s.cfg.Now().UTC()
	if err := scope.Valid(); err != nil {
		return Watch{}, err
	}
	if err := spec.check(s.cfg.Least, now); err != nil {
		return Watch{}, err
	}
	id := s.cfg.IDs("wch")
	if key != "" {
		sum := sha256.Sum256([]byte(string(scope.Org) + "\x00" + string(scope.Project) + "\x00" + key))
		id = "wch_" + hex.EncodeToString(sum[:13])
	}
	made := watchDoc{Watch: Watch{ID: id, Project: scope.Project, Spec: spec, By: scope.Actor, Task: task, Created: now, State: State{Next: now.Truncate(time.Second)}}}
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := watches.Find(ctx, s.cfg.Records, scope.Org, place(scope.Project, id))
		if err != nil || d.Version > 0 {
			made = d.Data
			return nil, err
		}
		n, err := counts.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		if n.Data.N >= MaxProject {
			return nil, core.E(core.Exhausted, "watch", "the project has as many watches as it may").WithHint("remove one that isn't needed")
		}
		if err := s.plan(ctx, scope.Org, made); err != nil { // before: one that isn't planned would never look
			return nil, err
		}
		n.Data.N++
		d.Data = made
		return []store.Change{watches.Put(d), counts.Put(n)}, nil
	})
	if err == nil {
		err = s.plan(ctx, scope.Org, made) // a round in between took it for one that was removed
	}
	if err == nil {
		select {
		case s.wake <- struct{}{}:
		default: // it looks anyway
		}
	}
	return made.Watch, err
}

// Get returns a watch of the project's. not_found: it has none of the id.
func (s *Service) Get(ctx context.Context, scope core.Scope, id string) (Watch, error) {
	d, err := s.find(ctx, scope.Org, scope.Project, id)
	return d.Data.Watch, err
}

// List returns the project's watches, the newest first.
func (s *Service) List(ctx context.Context, scope core.Scope) ([]Watch, error) {
	docs, err := watches.All(ctx, s.cfg.Records, scope.Org, string(scope.Project)+"/", 10*MaxProject)
	if err != nil {
		return nil, err
	}
	all := make([]Watch, len(docs))
	for i, d := range docs {
		all[i] = d.Data.Watch
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Created.After(all[j].Created) })
	return all, nil
}

// Remove ends a watch of the project's, and returns it. not_found: it has none of the id.
func (s *Service) Remove(ctx context.Context, scope core.Scope, id string) (Watch, error) {
	var gone watchDoc
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := s.find(ctx, scope.Org, scope.Project, id)
		if err != nil {
			return nil, err
		}
		gone = d.Data
		n, err := counts.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		changes := []store.Change{watches.Drop(d)}
		if n.Version > 0 {
			n.Data.N = max(n.Data.N-1, 0)
			changes = append(changes, counts.Put(n))
		}
		return changes, nil
	})
	return gone.Watch, err // what was planned for it is dropped when it is due
}

func (s *Service) find(ctx context.Context, org core.OrgID, project core.ProjectID, id string) (store.Doc[watchDoc], error) {
	d, err := watches.Get(ctx, s.cfg.Records, org, place(project, id))
	if core.CodeOf(err) == core.NotFound || !strings.HasPrefix(id, "wch_") || len(id) > 64 {
		return store.Doc[watchDoc]{}, core.E(core.NotFound, "watch", "there is no such watch")
	}
	return d, err
}
