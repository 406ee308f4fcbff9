package app

import (
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
)

// The decisions: given what an app is, which events does a command add? They are
// pure, and none is for an app that the command has brought about already.

// byCall returns the version that a call published, retracted or not.
func (s State) byCall(call core.CallID) (Version, bool) {
	for _, v := range s.Versions {
		if v.Call == call {
			return v, true
		}
	}
	return Version{}, false
}

// mayFollow returns nil if a version based on base may follow the current one:
// nobody else has published or selected anything since base was read.
func (s State) mayFollow(p core.Publication) error {
	switch {
	case s.ID == "" && p.Base == 0:
		return nil
	case s.ID == "":
		return notFound(p.App)
	case s.Deleted:
		return core.E(core.Conflict, "app.publish", "app "+string(p.App)+" was deleted in the meantime")
	case s.base(p.Task) == p.Base:
		return nil
	}
	return core.E(core.Conflict, "app.publish",
		fmt.Sprintf("the change is based on version %d, but the current one is %d", p.Base, s.Current)).
		WithHint("nothing was overwritten; run the change again, on top of the current version")
}

// base returns the version that a task's work rests on: the current one, or
// what came before it if the task itself published that.
func (s State) base(task core.TaskID) int {
	n := s.Current
	for n > 0 && task != "" && s.Versions[n-1].Task == task {
		n = s.Versions[n-1].Parent
	}
	return n
}

// publish adds a version, and before it the app if it is the first.
func (s State) publish(p core.Publication, tree core.Digest, m core.Manifest) ([]core.Payload, error) {
	if v, ok := s.byCall(p.Call); ok {
		if v.Retracted {
			return nil, core.E(core.Conflict, "app.publish", fmt.Sprintf("version %d was published by this call and taken back", v.Number))
		}
		return nil, nil
	}
	if err := s.mayFollow(p); err != nil {
		return nil, err
	}
	version := core.AppVersioned{
		Number: len(s.Versions) + 1, Parent: s.Current, Tree: tree,
		Prompt: p.Prompt, Task: p.Task, Call: p.Call, Manifest: m, Tests: p.Tests,
	}
	if s.ID == "" {
		return []core.Payload{core.AppCreated{Name: Name(m.Title, p.App), Title: m.Title}, version}, nil
	}
	return []core.Payload{version}, nil
}

// retract takes back what a call published. It has nothing to do if the call
// published nothing, or was taken back, or the app is gone.
func (s State) retract(call core.CallID) []core.Payload {
	v, ok := s.byCall(call)
	if !ok || v.Retracted || s.Deleted {
		return nil
	}
	to := s.Current
	if to == v.Number {
		to = s.ancestor(v)
	}
	return []core.Payload{core.AppRetracted{Number: v.Number, To: to, Call: call}}
}

// ancestor returns the nearest version before v that is still there, by
// descent, else the newest of the others; 0 if v is the last one.
func (s State) ancestor(v Version) int {
	for n := v.Parent; n > 0; n = s.Versions[n-1].Parent {
		if _, live := s.Version(n); live {
			return n
		}
	}
	for n := len(s.Versions); n > 0; n-- {
		if _, live := s.Version(n); live && n != v.Number {
			return n
		}
	}
	return 0
}

// pick selects a version and, if the app should run, starts it.
func (s State) pick(number int) []core.Payload {
	var out []core.Payload
	if s.Current != number {
		out = append(out, core.AppSelected{Number: number})
	}
	if s.Started != 0 && s.Started != number {
		out = append(out, core.AppStarted{Number: number})
	}
	return out
}

// start records that a version runs.
func (s State) start(number int) []core.Payload {
	if s.Started == number {
		return nil
	}
	return []core.Payload{core.AppStarted{Number: number}}
}

// stop records that no version should run.
func (s State) stop(reason string) []core.Payload {
	if s.Started == 0 {
		return nil
	}
	return []core.Payload{core.AppStopped{Reason: reason}}
}

func notFound(app core.AppID) error {
	return core.E(core.NotFound, "app", "there is no app "+string(app)).WithHint("isekai app list shows the apps")
}

func versionNotFound(number int) error {
	return core.E(core.NotFound, "app", fmt.Sprintf("there is no version %d", number)).WithHint("isekai app versions shows them")
}
