package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// State is an app as its events tell it. It is a value: folding another event
// leaves the State that it was folded onto as it was.
type State struct {
	ID       core.AppID
	Org      core.OrgID
	Project  core.ProjectID
	Stream   int64     // version of the event stream; the API's ETag
	Name     string    // its label in a host name
	Title    string    // of the current version
	Versions []Version // every version, retracted ones too: number n is at n-1
	Current  int       // the number of the selected version; 0 once deleted
	Started  int       // the number of the version that should be running; 0 for none
	Created  time.Time
	Updated  time.Time
	Deleted  bool
}

// Version is an immutable state of an app's files.
type Version struct {
	core.AppVersioned
	At        time.Time
	By        core.Actor
	Retracted bool
	before    int // the version that should have been running when this one was published
}

// Fold returns the state after events, which are one stream's from its start.
func Fold(events []core.Event) (State, error) {
	var s State
	for _, e := range events {
		var err error
		if s, err = s.Apply(e); err != nil {
			return State{}, err
		}
	}
	return s, nil
}

// Apply returns the state after one more event. An event that can't follow is
// internal, one that this build doesn't know unsupported.
func (s State) Apply(e core.Event) (State, error) {
	if e.Version != s.Stream+1 {
		return s, core.E(core.Internal, "app.fold", fmt.Sprintf("event %d of %s follows event %d", e.Version, e.Stream, s.Stream))
	}
	payload, err := e.Payload()
	if err != nil {
		return s, err
	}
	s.Stream, s.Updated = e.Version, e.At
	if created, ok := payload.(core.AppCreated); ok && e.Version == 1 {
		s.ID, s.Org, s.Project = core.AppID(e.Stream), e.Org, e.Project
		s.Name, s.Title, s.Created = created.Name, created.Title, e.At
		return s, nil
	}
	if s.ID == "" || s.Deleted {
		return s, core.E(core.Internal, "app.fold", e.Type+" on an app that isn't there")
	}
	return s.apply(e, payload)
}

func (s State) apply(e core.Event, payload core.Payload) (State, error) {
	switch p := payload.(type) {
	case core.AppVersioned:
		if p.Number != len(s.Versions)+1 {
			return s, core.E(core.Internal, "app.fold", fmt.Sprintf("version %d follows %d", p.Number, len(s.Versions)))
		}
		s.Versions = append(slices.Clip(s.Versions), Version{AppVersioned: p, At: e.At, By: e.Actor, before: s.Started})
		return s.selected(p.Number)
	case core.AppRetracted:
		return s.retracted(p)
	case core.AppSelected:
		return s.selected(p.Number)
	case core.AppStarted:
		if _, ok := s.Version(p.Number); !ok {
			return s, core.E(core.Internal, "app.fold", fmt.Sprintf("version %d can't run", p.Number))
		}
		s.Started = p.Number
	case core.AppStopped:
		s.Started = 0
		if e.Actor.Kind == core.ActorUser || e.Actor.Kind == core.ActorKey {
			s.Versions = slices.Clone(s.Versions) // a person stopped it: no compensation starts it again
			for i := range s.Versions {
				s.Versions[i].before = 0
			}
		}
	case core.AppDeleted:
		s.Deleted, s.Current, s.Started = true, 0, 0
	default:
		return s, core.E(core.Internal, "app.fold", e.Type+" in an app's stream")
	}
	return s, nil
}

func (s State) selected(number int) (State, error) {
	v, ok := s.Version(number)
	if !ok {
		return s, core.E(core.Internal, "app.fold", fmt.Sprintf("version %d can't be selected", number))
	}
	s.Current, s.Title = number, v.Manifest.Title
	return s, nil
}

// retracted undoes a version: the selection returns, and what ran when it was
// published should run again.
func (s State) retracted(p core.AppRetracted) (State, error) {
	v, ok := s.Version(p.Number)
	if !ok {
		return s, core.E(core.Internal, "app.fold", fmt.Sprintf("version %d can't be retracted", p.Number))
	}
	s.Versions = slices.Clone(s.Versions)
	s.Versions[p.Number-1].Retracted = true
	if p.To == 0 {
		s.Deleted, s.Current, s.Started = true, 0, 0
		return s, nil
	}
	s, err := s.selected(p.To)
	if err != nil {
		return s, err
	}
	if s.Started == 0 || s.Started == p.Number {
		s.Started = v.before
		if _, live := s.Version(v.before); v.before != 0 && !live {
			s.Started = p.To
		}
	}
	return s, nil
}

// Exists reports whether the app has been created and not deleted.
func (s State) Exists() bool { return s.ID != "" && !s.Deleted }

// Version returns a version by its number, unless it was retracted.
func (s State) Version(number int) (Version, bool) {
	if number < 1 || number > len(s.Versions) || s.Versions[number-1].Retracted {
		return Version{}, false
	}
	return s.Versions[number-1], true
}

// Live returns the versions that weren't retracted, oldest first.
func (s State) Live() []Version {
	return slices.DeleteFunc(slices.Clone(s.Versions), func(v Version) bool { return v.Retracted })
}
